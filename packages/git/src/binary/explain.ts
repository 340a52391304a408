// git and ssh tell what is wrong only in words. These are the words of git 2.31 and newer and OpenSSH 8 and newer, with LC_ALL=C.
import { ProblemError, problem } from '@keelson/std';
import type { GitRemote } from '../client.ts';
import { gitProblems } from '../problems.ts';
import { parseGitUrl, redactUrl } from '../url.ts';
import type { GitOutput } from './run-git.ts';

type Definition = (typeof gitProblems)[keyof typeof gitProblems];

const signs: readonly (readonly [RegExp, Definition])[] = [
  [/host key verification failed|remote host identification has changed|no .* host key is known|no hostkey alg/i, gitProblems.hostKey],
  [/terminal prompts disabled|authentication failed|permission denied \(|could not read (username|password)|returned error: 40[13]|load key|invalid format|error in libcrypto/i, gitProblems.authFailed],
  [/ssl certificate problem|certificate verif|self[- ]signed certificate|ssl:.*(certificate|host ?name)|no alternative certificate subject/i, gitProblems.certificate],
  [/repository .*not found|does not appear to be a git repository|returned error: 404|no such file or directory|repository .* does not exist/i, gitProblems.notFound],
  [/couldn't find remote ref|not our ref|bad object|unadvertised object|reference is not a tree|did not receive expected object/i, gitProblems.referenceNotFound],
  [/could not resolve host|couldn't connect|failed to connect|connection (refused|reset|timed out|closed)|network is unreachable|no route to host|operation timed out|could not read from remote repository|early eof|unexpected disconnect|returned error: 5\d\d|empty reply/i, gitProblems.unreachable],
];

/** The problem behind a failed run of git. `reference` says what was asked for. */
export function explainFailure(remote: GitRemote, output: GitOutput, timeoutMs: number, reference = 'such revision'): ProblemError {
  const url = redactUrl(remote.url);
  const args = { url, reference, host: hostOf(remote.url), seconds: Math.round(timeoutMs / 1000) };
  if (output.ended === 'timeout') return new ProblemError(problem(gitProblems.timeout, args, { why: 'git had not finished and was ended' }));
  if (output.ended === 'output') return new ProblemError(problem(gitProblems.tooLarge, args, { why: 'the files exceed the limit of this program' }));
  const why = firstReason(output.stderr, remote) || `git ended with code ${output.code}`;
  const definition = signs.find(([pattern]) => pattern.test(output.stderr))?.[1] ?? gitProblems.failed;
  const noAuth = definition === gitProblems.authFailed && !remote.auth ? ' (no credentials were given: the GitRepository has no spec.secretRef)' : '';
  return new ProblemError(problem(definition, args, { why: why + noAuth }));
}

/** The line that says most: the remote's own words before git's summary, never a credential. */
function firstReason(stderr: string, remote: GitRemote): string {
  const lines = stderr
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !/^@+$/.test(line) && !/^(warning|hint):|^please make sure|^and the repository exists/i.test(line));
  const telling = lines.find((line) => signs.some(([pattern]) => pattern.test(line))) ?? lines.find((line) => line.startsWith('fatal:')) ?? lines[0] ?? '';
  return hideSecrets(telling.replace(/^(fatal|error|remote): /, ''), remote).slice(0, 400);
}

function hideSecrets(text: string, remote: GitRemote): string {
  const secrets: (string | undefined)[] = [];
  if (remote.auth?.kind === 'basic') secrets.push(remote.auth.password, Buffer.from(`${remote.auth.username}:${remote.auth.password}`).toString('base64'));
  if (remote.auth?.kind === 'bearer') secrets.push(remote.auth.token);
  if (remote.auth?.kind === 'ssh') secrets.push(remote.auth.passphrase);
  let out = text.replaceAll(/([a-z+]+:\/\/)[^/@\s]*@/gi, '$1');
  for (const secret of secrets) if (secret) out = out.replaceAll(secret, '[redacted]');
  return out;
}

function hostOf(url: string): string {
  try {
    return parseGitUrl(url).host;
  } catch {
    return '';
  }
}
