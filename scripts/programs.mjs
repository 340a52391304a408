// Programs that tests use as foreign sides. Missing ones are installed when we may; otherwise their tests say that they skip.
import { spawnSync } from 'node:child_process';

/** program → Debian package */
const programs = { git: 'git', openssl: 'openssl', sshd: 'openssh-server', kubectl: 'kubernetes-client', curl: 'curl' };

function isThere(program) {
  return spawnSync('sh', ['-c', `command -v ${program} || test -x /usr/sbin/${program}`], { stdio: 'ignore' }).status === 0;
}

/** Installs the Debian packages of missing programs when this is Debian and we are root. */
export function installMissingPrograms() {
  const missing = Object.entries(programs).filter(([program]) => !isThere(program)).map(([, name]) => name);
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0 || !isThere('apt-get')) {
    console.error(`Missing programs: ${missing.join(', ')}. Tests that need them are skipped.`);
    return;
  }
  console.error(`Installing ${missing.join(', ')} …`);
  const apt = (...args) => spawnSync('apt-get', ['-qq', '-y', ...args], { stdio: ['ignore', 'ignore', 2], env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } }).status === 0;
  if (!apt('install', '--no-install-recommends', ...missing)) {
    apt('update');
    if (!apt('install', '--no-install-recommends', ...missing)) console.error('Some packages could not be installed; the tests that need them are skipped.');
  }
}
