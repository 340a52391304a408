/** The lab's Git server: smart HTTP over one repository that is made from the example, with an account for pushes. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { encodeText, ProblemError, problem, readBody, requestUrl, rfc3339, textResponse, type Env, type HttpHandler, type HttpRequest, type HttpResponse } from '@keelson/std';
import type { GitSpec } from '../datacenter.ts';
import { labProblems } from '../problems.ts';
import type { GitProcess } from './git-process.ts';
import type { Push } from './webhook.ts';

export interface GitServerOptions {
  readonly env: Env;
  readonly git: GitProcess;
  readonly spec: GitSpec;
  /** Where bare repositories lie. */
  readonly root: string;
  /** The user's working clone. */
  readonly clone: string;
  /** Public URL of the repository. */
  readonly url: string;
  /** First content; read only when the repository is made. */
  readonly content: () => Promise<ReadonlyMap<string, string>>;
  readonly onPush: (push: Push) => void;
}

const pushLimit = 64 * 1024 * 1024;
const noCommit = '0'.repeat(40);

/** Makes the repository and its clone when they are not there, and answers the handler of the server. */
export async function startGitServer(options: GitServerOptions): Promise<HttpHandler> {
  try {
    await makeRepository(options);
    await makeClone(options);
  } catch (cause) {
    throw new ProblemError(problem(labProblems.gitFailed, {}, { why: cause instanceof Error ? cause.message : String(cause), where: options.root }), { cause });
  }
  return gitHandler(options);
}

function barePath({ root, spec }: GitServerOptions): string {
  return `${root}/lab/${spec.repository}.git`;
}

/** The bare repository appears whole or not at all: it is made beside and renamed. */
async function makeRepository(options: GitServerOptions): Promise<void> {
  const { env, git, spec, root } = options;
  const bare = barePath(options);
  if ((await env.files.list(bare)).length > 0) return;
  const draft = `${root}/draft`;
  await env.files.remove(draft);
  const content = await options.content();
  await env.files.write(`${draft}/tree/.gitignore`, '');
  for (const [path, text] of content) await env.files.write(`${draft}/tree/${path}`, text);
  if (!content.has('.gitignore')) await env.files.remove(`${draft}/tree/.gitignore`);
  const when = rfc3339(env.clock.now());
  const who = { GIT_AUTHOR_NAME: 'lab', GIT_AUTHOR_EMAIL: 'lab@keelson.invalid', GIT_AUTHOR_DATE: when, GIT_COMMITTER_NAME: 'lab', GIT_COMMITTER_EMAIL: 'lab@keelson.invalid', GIT_COMMITTER_DATE: when };
  const tree = `${draft}/tree`;
  await git.run(tree, ['init', '--quiet', `--initial-branch=${spec.branch}`]);
  await git.run(tree, ['add', '--all']);
  await git.run(tree, ['commit', '--quiet', '--allow-empty', '--message', 'Example datacenter'], who);
  await git.run(draft, ['clone', '--quiet', '--bare', 'tree', 'bare.git']);
  await git.run(`${draft}/bare.git`, ['remote', 'remove', 'origin']);
  await git.run(`${draft}/bare.git`, ['config', 'http.receivepack', 'true']);
  await git.run(`${draft}/bare.git`, ['config', 'receive.denyNonFastForwards', 'false']);
  await env.files.rename(`${draft}/bare.git`, bare);
  await env.files.remove(draft);
}

/** The clone a user works in, with a remote that may push. Made from the bare repository, so that no server need run yet. */
async function makeClone(options: GitServerOptions): Promise<void> {
  const { env, git, spec, clone, root } = options;
  const { username, password } = spec.account;
  const withAccount = new URL(options.url);
  withAccount.username = username;
  withAccount.password = password;
  if ((await env.files.list(clone)).length === 0) {
    const draft = `${root}/clone-draft`;
    await env.files.remove(draft);
    await git.run(root, ['clone', '--quiet', `--branch=${spec.branch}`, barePath(options), draft]);
    await git.run(draft, ['config', 'user.name', username]);
    await git.run(draft, ['config', 'user.email', `${username}@keelson.invalid`]);
    await env.files.rename(draft, clone);
  }
  await git.run(clone, ['remote', 'set-url', 'origin', withAccount.href]);
}

function gitHandler(options: GitServerOptions): HttpHandler {
  const { git, root, spec } = options;
  let pushing: Promise<unknown> = Promise.resolve();
  return async (request) => {
    const url = requestUrl(request);
    if (!url.pathname.startsWith(`/lab/${spec.repository}.git/`)) return textResponse(404, `no repository at ${url.pathname}\n`);
    const isPush = url.pathname.endsWith('/git-receive-pack') || url.searchParams.get('service') === 'git-receive-pack';
    const user = userOf(request, spec);
    if (user === 'wrong' || (!user && (isPush || !spec.anonymousRead))) {
      return textResponse(401, 'the lab repository needs an account\n', { 'www-authenticate': 'Basic realm="lab"' });
    }
    const cgi = { path: url.pathname, query: url.search.slice(1), user };
    if (!url.pathname.endsWith('/git-receive-pack')) return git.serve(root, request, cgi);
    const turn = pushing.then(() => receive(options, request, cgi));
    pushing = turn.catch(() => {});
    return turn;
  };
}

/** Takes a push as a whole, then tells what it moved. */
async function receive(options: GitServerOptions, request: HttpRequest, cgi: { readonly path: string; readonly query: string; readonly user: string | undefined }): Promise<HttpResponse> {
  const { git, root, spec } = options;
  const bare = barePath(options);
  const before = await refsOf(git, bare);
  const response = await git.serve(root, request, cgi);
  const whole = { ...response, body: await readBody(response.body, pushLimit) };
  const after = await refsOf(git, bare);
  for (const [ref, hash] of after) {
    if (before.get(ref) === hash) continue;
    options.onPush({ repository: spec.repository, url: options.url, ref, before: before.get(ref) ?? noCommit, after: hash, by: cgi.user ?? '' });
  }
  for (const [ref, hash] of before) {
    if (!after.has(ref)) options.onPush({ repository: spec.repository, url: options.url, ref, before: hash, after: noCommit, by: cgi.user ?? '' });
  }
  return whole;
}

async function refsOf(git: GitProcess, bare: string): Promise<ReadonlyMap<string, string>> {
  const lines = (await git.run(bare, ['for-each-ref', '--format=%(refname) %(objectname)'])).split('\n').filter((line) => line !== '');
  return new Map(lines.map((line) => line.split(' ') as [string, string])); // the format has two words
}

/** The account of a request; `wrong` for credentials that are not it. */
function userOf(request: HttpRequest, spec: GitSpec): string | undefined {
  const basic = /^Basic\s+(.+)$/i.exec(request.headers['authorization'] ?? '');
  if (!basic) return undefined;
  const given = createHash('sha256').update(Buffer.from(basic[1]!, 'base64')).digest();
  const known = createHash('sha256').update(encodeText(`${spec.account.username}:${spec.account.password}`)).digest();
  return timingSafeEqual(given, known) ? spec.account.username : 'wrong';
}
