import { ProblemError, problem } from '@keelson/std';
import { gitProblems } from './problems.ts';

export interface GitUrl {
  readonly scheme: 'http' | 'https' | 'ssh' | 'file';
  /** What git is given: no password, and for HTTP no user. */
  readonly text: string;
  readonly host: string;
  readonly username?: string;
}

/** Takes a repository's URL apart. Throws GIT.INVALID_REQUEST for other schemes and for a password in the URL. */
export function parseGitUrl(url: string): GitUrl {
  const invalid = (why: string) => new ProblemError(problem(gitProblems.invalid, { url: redactUrl(url) }, { why }));
  if (/[\u0000-\u0020\u007f]/.test(url)) throw invalid('the URL has a space or a control character');
  if (url.startsWith('/')) return { scheme: 'file', text: url, host: '' };
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch (cause) {
    throw new ProblemError(problem(gitProblems.invalid, { url: redactUrl(url) }, { why: 'the URL is malformed; it begins with http://, https:// or ssh://' }), { cause });
  }
  const scheme = parsed.protocol.slice(0, -1);
  if (scheme !== 'http' && scheme !== 'https' && scheme !== 'ssh' && scheme !== 'file') throw invalid(`scheme "${scheme}" is not one of http, https, ssh, file`);
  if (parsed.password !== '') throw invalid('the URL carries a password; it belongs into the Secret named by spec.secretRef');
  const username = parsed.username === '' ? undefined : decodeURIComponent(parsed.username);
  if (username?.startsWith('-') || parsed.hostname.startsWith('-')) throw invalid('the user or the host begins with a dash');
  if (scheme === 'file') return { scheme, text: parsed.href, host: '' };
  if (parsed.hostname === '') throw invalid('the URL names no host');
  if (scheme !== 'ssh') parsed.username = '';
  return { scheme, text: parsed.href, host: parsed.host, username };
}

/** The URL without user and password, for messages. */
export function redactUrl(url: string): string {
  return url.replace(/^([a-z+]+:\/\/)[^/@]*@/i, '$1');
}
