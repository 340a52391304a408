// A private folder for one operation: git's HOME, the bare repository, and the files that credentials must be in for ssh and TLS.
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { GitRemote } from '../client.ts';
import type { GitUrl } from '../url.ts';

export interface Workspace extends Disposable {
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
}

const prefix = 'git-';

/** Removes what operations of a killed process left behind; the folder must be ours alone. */
export function sweepWorkspaces(parent: string): void {
  mkdirSync(parent, { recursive: true, mode: 0o700 });
  for (const name of readdirSync(parent)) {
    if (name.startsWith(prefix)) rmSync(join(parent, name), { recursive: true, force: true });
  }
}

/**
 * Makes the folder and the environment git runs with: no configuration of user or system, no prompts, only the schemes we allow.
 * HTTP credentials go into the environment as configuration, ssh keys into files of mode 0600; `[Symbol.dispose]` removes all.
 */
export function openWorkspace(parent: string, remote: GitRemote, url: GitUrl, inherited: Readonly<Record<string, string>>): Workspace {
  mkdirSync(parent, { recursive: true, mode: 0o700 });
  const folder = mkdtempSync(join(parent, prefix));
  const secretFile = (name: string, content: string, mode = 0o600) => {
    const path = join(folder, name);
    writeFileSync(path, content, { mode });
    return path;
  };
  try {
    const config: [string, string][] = [
      ['core.askPass', ''],
      ['credential.helper', ''],
      ['http.followRedirects', 'initial'],
      ['protocol.version', '2'],
      ['gc.auto', '0'],
      ['maintenance.auto', 'false'],
      ['advice.detachedHead', 'false'],
      ['transfer.fsckObjects', 'false'],
      ...httpConfig(remote, url, secretFile),
    ];
    // Repositories named by a path may belong to another user; git reads this setting only from files.
    secretFile('.gitconfig', '[safe]\n\tdirectory = *\n');
    const environment: Record<string, string> = {
      ...inherited,
      HOME: folder,
      XDG_CONFIG_HOME: folder,
      LC_ALL: 'C',
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_TERMINAL_PROMPT: '0',
      GIT_ALLOW_PROTOCOL: 'http:https:ssh:file',
      GIT_CONFIG_COUNT: String(config.length),
      ...sshEnvironment(remote, url, secretFile),
    };
    config.forEach(([key, value], index) => {
      environment[`GIT_CONFIG_KEY_${index}`] = key;
      environment[`GIT_CONFIG_VALUE_${index}`] = value;
    });
    return { folder, environment, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

type SecretFile = (name: string, content: string, mode?: number) => string;

function httpConfig(remote: GitRemote, url: GitUrl, secretFile: SecretFile): [string, string][] {
  if (url.scheme !== 'http' && url.scheme !== 'https') return [];
  const config: [string, string][] = [];
  // The setting is bound to scheme and host, so that a redirect does not carry the credentials elsewhere.
  const here = `http.${url.scheme}://${url.host}/`;
  if (remote.auth?.kind === 'basic') {
    const pair = Buffer.from(`${remote.auth.username}:${remote.auth.password}`).toString('base64');
    config.push([`${here}.extraHeader`, `Authorization: Basic ${pair}`]);
  }
  if (remote.auth?.kind === 'bearer') config.push([`${here}.extraHeader`, `Authorization: Bearer ${remote.auth.token}`]);
  if (remote.tls?.ca) config.push([`${here}.sslCAInfo`, secretFile('ca.crt', remote.tls.ca)]);
  if (remote.tls?.cert && remote.tls.key) {
    config.push([`${here}.sslCert`, secretFile('tls.crt', remote.tls.cert)], [`${here}.sslKey`, secretFile('tls.key', remote.tls.key)]);
  }
  return config;
}

function sshEnvironment(remote: GitRemote, url: GitUrl, secretFile: SecretFile): Record<string, string> {
  if (url.scheme !== 'ssh' || remote.auth?.kind !== 'ssh') return {};
  const { identity, knownHosts, passphrase } = remote.auth;
  const withEnd = (text: string) => (text.endsWith('\n') ? text : `${text}\n`);
  const quoted = (path: string) => `"${path}"`;
  const config = [
    'Host *',
    `  IdentityFile ${quoted(secretFile('identity', withEnd(identity)))}`,
    '  IdentitiesOnly yes',
    '  IdentityAgent none',
    `  UserKnownHostsFile ${quoted(secretFile('known_hosts', withEnd(knownHosts)))}`,
    '  GlobalKnownHostsFile /dev/null',
    '  StrictHostKeyChecking yes',
    '  UpdateHostKeys no',
    '  PasswordAuthentication no',
    '  KbdInteractiveAuthentication no',
    '  ConnectTimeout 30',
    '  LogLevel ERROR',
    ...(passphrase === undefined ? ['  BatchMode yes'] : ['  NumberOfPasswordPrompts 1']),
    ...(url.username === undefined ? ['  User git'] : []),
    '',
  ].join('\n');
  const shellQuoted = `'${secretFile('ssh_config', config).replaceAll("'", `'\\''`)}'`;
  const environment: Record<string, string> = { GIT_SSH_COMMAND: `ssh -F ${shellQuoted}`, GIT_SSH_VARIANT: 'ssh' };
  if (passphrase !== undefined) {
    // ssh asks a program for the passphrase; this one prints a variable, so the passphrase is in no file.
    environment.SSH_ASKPASS = secretFile('askpass', '#!/bin/sh\nprintf "%s\\n" "$KEELSON_SSH_PASSPHRASE"\n', 0o700);
    environment.SSH_ASKPASS_REQUIRE = 'force';
    environment.KEELSON_SSH_PASSPHRASE = passphrase;
  }
  return environment;
}
