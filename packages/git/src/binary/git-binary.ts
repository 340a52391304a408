import { type Clock, type Log, ProblemError, describeError, problem } from '@keelson/std';
import type { GitClient, GitRemote, GitRevision, GitSnapshot } from '../client.ts';
import { gitProblems } from '../problems.ts';
import { chooseReference, parseReferences, selectRevision } from '../reference.ts';
import { parseGitUrl, redactUrl } from '../url.ts';
import { explainFailure } from './explain.ts';
import { joinBlobs, parseTree } from './read-tree.ts';
import { type GitOutput, runGit } from './run-git.ts';
import { type Workspace, openWorkspace, sweepWorkspaces } from './workspace.ts';

export interface GitBinaryOptions {
  readonly clock: Clock;
  /** A folder of ours alone for repositories in flight; what a killed process left in it is removed at start. */
  readonly workDir: string;
  /** `git` in PATH when absent. */
  readonly binary?: string;
  /** Variables git inherits; PATH and the proxy settings of this process when absent. */
  readonly environment?: Readonly<Record<string, string>>;
  /** For one operation where the remote says nothing; 60 s when absent. */
  readonly timeoutMs?: number;
  /** All files of a revision together; 256 MiB when absent. */
  readonly treeLimitBytes?: number;
  readonly log?: Log;
}

const listLimitBytes = 32 * 1024 * 1024;
const inheritedNames = ['PATH', 'TMPDIR', 'http_proxy', 'https_proxy', 'HTTPS_PROXY', 'no_proxy', 'NO_PROXY', 'SSL_CERT_FILE', 'SSL_CERT_DIR'];

/** A GitClient on the git program (2.31 or newer). Every operation has its own folder, deadline and bounded output, and leaves nothing behind. */
export function gitBinary(options: GitBinaryOptions): GitClient {
  sweepWorkspaces(options.workDir);
  const inherited = options.environment ?? Object.fromEntries(inheritedNames.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
  const open = (remote: GitRemote, signal: AbortSignal | undefined): Operation => {
    const url = parseGitUrl(remote.url);
    if (url.scheme === 'ssh' && remote.auth?.kind !== 'ssh') {
      throw new ProblemError(problem(gitProblems.authFailed, { url: redactUrl(remote.url) }, { why: 'an ssh:// URL needs a Secret with the keys identity and known_hosts' }));
    }
    const timeoutMs = remote.timeoutMs ?? options.timeoutMs ?? 60_000;
    const workspace = openWorkspace(options.workDir, remote, url, inherited);
    return { options, remote, url: url.text, timeoutMs, deadlineMs: options.clock.now() + timeoutMs, workspace, signal };
  };
  return {
    async resolve(remote, reference, signal) {
      const choice = chooseReference(remote.url, reference);
      if (choice.kind === 'commit') return selectRevision(remote.url, choice, new Map());
      const operation = open(remote, signal);
      using _workspace = operation.workspace;
      const output = await must(operation, ['ls-remote', '--quiet', '--', operation.url]);
      return selectRevision(remote.url, choice, parseReferences(output.stdout.toString('utf8')));
    },
    async fetch(remote, revision, signal) {
      const operation = open(remote, signal);
      using _workspace = operation.workspace;
      options.log?.debug('fetching git revision', { url: redactUrl(remote.url), commit: revision.commit });
      await must(operation, ['init', '--quiet', '--bare', ...(revision.commit.length === 64 ? ['--object-format=sha256'] : []), 'repository.git']);
      const commit = revision.pinned ? await fetchCommit(operation, revision) : await fetchReference(operation, revision);
      return await readSnapshot(operation, { ...revision, commit });
    },
  };
}

interface Operation {
  readonly options: GitBinaryOptions;
  readonly remote: GitRemote;
  readonly url: string;
  readonly timeoutMs: number;
  readonly deadlineMs: number;
  readonly workspace: Workspace;
  readonly signal?: AbortSignal;
}

const fetched = 'refs/keelson/fetched';
const inRepository = ['--git-dir=repository.git'];

async function run(operation: Operation, args: readonly string[], more: { input?: string; limitBytes?: number } = {}): Promise<GitOutput> {
  const { options, workspace, signal } = operation;
  try {
    const output = await runGit({
      binary: options.binary ?? 'git',
      args,
      cwd: workspace.folder,
      environment: workspace.environment,
      input: more.input,
      outputLimitBytes: more.limitBytes ?? listLimitBytes,
      deadlineMs: operation.deadlineMs,
      clock: options.clock,
      signal,
    });
    if (output.ended === 'aborted') throw signal?.reason ?? new Error('aborted');
    return output;
  } catch (cause) {
    if (signal?.aborted) throw signal.reason;
    throw new ProblemError(problem(gitProblems.noBinary, {}, { why: describeError(cause) }), { cause });
  }
}

async function must(operation: Operation, args: readonly string[], more: { input?: string; limitBytes?: number; reference?: string } = {}): Promise<GitOutput> {
  const output = await run(operation, args, more);
  if (output.code !== 0 || output.ended) throw explainFailure(operation.remote, output, operation.timeoutMs, more.reference);
  return output;
}

async function commitOf(operation: Operation, name: string): Promise<string> {
  const output = await must(operation, [...inRepository, 'rev-parse', '--verify', '--end-of-options', `${name}^{commit}`], { reference: `commit ${name}` });
  return output.stdout.toString('utf8').trim();
}

async function fetchReference(operation: Operation, revision: GitRevision): Promise<string> {
  const ref = revision.ref ?? revision.commit;
  await must(operation, [...inRepository, 'fetch', '--quiet', '--no-tags', '--depth=1', '--', operation.url, `+${ref}:${fetched}`], { reference: `reference "${ref}"` });
  return commitOf(operation, fetched);
}

/** Asks for the commit itself first; servers that give only what a reference names are asked for the branch, or for all, with their history. */
async function fetchCommit(operation: Operation, revision: GitRevision): Promise<string> {
  const { commit, ref } = revision;
  if (ref === undefined) {
    const direct = await run(operation, [...inRepository, 'fetch', '--quiet', '--no-tags', '--depth=1', '--', operation.url, `+${commit}:${fetched}`]);
    if (direct.code === 0 && !direct.ended) return commitOf(operation, fetched);
    if (direct.ended) throw explainFailure(operation.remote, direct, operation.timeoutMs);
  }
  const wanted = ref === undefined ? ['+refs/heads/*:refs/keelson/heads/*', '+refs/tags/*:refs/keelson/tags/*'] : [`+${ref}:${fetched}`];
  await must(operation, [...inRepository, 'fetch', '--quiet', '--no-tags', '--', operation.url, ...wanted], { reference: ref ? `reference "${ref}"` : `commit ${commit}` });
  const there = await run(operation, [...inRepository, 'cat-file', '-t', commit]);
  const reachable = there.code === 0 && (ref === undefined || (await run(operation, [...inRepository, 'merge-base', '--is-ancestor', commit, fetched])).code === 0);
  if (!reachable) {
    const within = ref ? ` in its branch "${ref.replace('refs/heads/', '')}"` : '';
    throw new ProblemError(
      problem(gitProblems.referenceNotFound, { url: redactUrl(operation.remote.url), reference: `commit ${commit}${within}` }, { why: 'the commit is not in what the server gave' }),
    );
  }
  return commitOf(operation, commit);
}

async function readSnapshot(operation: Operation, revision: GitRevision): Promise<GitSnapshot> {
  const { commit } = revision;
  const log = await must(operation, [...inRepository, 'log', '-1', '--no-show-signature', '--format=%ct%x00%an <%ae>%x00%s', commit]);
  const [committedAt, author, subject] = log.stdout.toString('utf8').trimEnd().split('\0');
  const entries = parseTree((await must(operation, [...inRepository, 'ls-tree', '-r', '-z', '--full-tree', commit])).stdout);
  const hashes = entries.filter((entry) => entry.mode !== 'submodule').map((entry) => `${entry.hash}\n`);
  const limitBytes = operation.options.treeLimitBytes ?? 256 * 1024 * 1024;
  const blobs = hashes.length === 0 ? Buffer.alloc(0) : (await must(operation, [...inRepository, 'cat-file', '--batch', '--buffer'], { input: hashes.join(''), limitBytes })).stdout;
  return { revision, subject: subject ?? '', author: author ?? '', committedAt: Number(committedAt), files: joinBlobs(entries, blobs) };
}
