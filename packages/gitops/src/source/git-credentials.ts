import { type Problem, ProblemError, problem } from '@keelson/std';
import { type KubeObject, keyOf } from '@keelson/kube';
import type { GitRemote } from '@keelson/git';
import type { GitRepository, Secret } from '@keelson/api';
import { gitopsProblems } from '../problems.ts';

/** The value of a Secret's key as text; undefined when it has none. */
export function secretText(secret: KubeObject | undefined, key: string): string | undefined {
  const data = (secret as Secret | undefined)?.data;
  const value = data?.[key];
  return value === undefined ? undefined : Buffer.from(value, 'base64').toString('utf8');
}

/**
 * Credentials of a GitRepository from its Secret (keys as Flux documents them). Throws GITOPS.SECRET_MISSING when the Secret is not there or does
 * not fit the URL.
 */
export function gitCredentials(repository: GitRepository, secret: KubeObject | undefined): Pick<GitRemote, 'auth' | 'tls'> {
  const reference = repository.spec?.secretRef?.name;
  if (reference === undefined) return {};
  const secretKey = `${repository.metadata.namespace}/${reference}`;
  const refuse = (why: string): ProblemError => {
    const of: Problem = problem(gitopsProblems.secretMissing, { secret: secretKey, kind: 'GitRepository', key: keyOf(repository) }, { why, where: `Secret ${secretKey}` });
    return new ProblemError(of);
  };
  if (!secret) throw refuse('there is no such Secret');
  const value = (key: string) => secretText(secret, key);
  if (value('githubAppID') !== undefined) throw refuse('GitHub App credentials are not supported; use username and password');
  const tls = { ca: value('ca.crt') ?? value('caFile'), cert: value('tls.crt') ?? value('certFile'), key: value('tls.key') ?? value('keyFile') };
  if (repository.spec?.url.startsWith('ssh://')) {
    const identity = value('identity');
    const knownHosts = value('known_hosts');
    if (!identity || !knownHosts) throw refuse(`for ssh it needs the keys identity and known_hosts; it has ${keysOf(secret)}`);
    return { auth: { kind: 'ssh', identity, knownHosts, passphrase: value('password') } };
  }
  const bearer = value('bearerToken');
  if (bearer) return { auth: { kind: 'bearer', token: bearer.trim() }, tls };
  const [username, password] = [value('username'), value('password')];
  if (username === undefined && password === undefined) {
    if (tls.ca || tls.cert) return { tls };
    throw refuse(`for HTTP it needs the keys username and password, or bearerToken; it has ${keysOf(secret)}`);
  }
  if (!username || !password) throw refuse(`it has ${username ? 'a username and no password' : 'a password and no username'}`);
  return { auth: { kind: 'basic', username, password }, tls };
}

function keysOf(secret: KubeObject): string {
  const keys = Object.keys((secret as Secret).data ?? {});
  return keys.length === 0 ? 'no keys' : keys.join(', ');
}
