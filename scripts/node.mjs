// Plain JavaScript for whatever Node the machine has: finds the pinned Node and installs what is missing.
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
/** Sources are run as they are: `exports` maps of our packages answer this condition with TypeScript. */
export const sourceConditions = ['--conditions=keelson-source', '--disable-warning=ExperimentalWarning'];

/** The Node that the project pins (npm's `node` package). */
export function pinnedNode() {
  return join(root, 'node_modules', '.bin', process.platform === 'win32' ? 'node.cmd' : 'node');
}

/** Runs `npm ci` when there is no installation or an older one than the lock file. Says so on stderr. */
export function ensureInstalled() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    console.error(`✗ Node ${process.versions.node} is too old: Keelson's set-up needs 20.19 or newer.`);
    process.exit(2);
  }
  const lock = join(root, 'package-lock.json');
  const installed = join(root, 'node_modules', '.package-lock.json');
  if (existsSync(installed) && existsSync(pinnedNode()) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return;
  console.error('Installing dependencies (npm ci) …');
  const npm = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: root, stdio: ['ignore', 2, 2], shell: process.platform === 'win32' });
  if (npm.status !== 0) {
    console.error('✗ npm ci failed; its output above says why. Mend it and run the command again.');
    process.exit(2);
  }
}

/** Runs a program in the repository and answers its exit code; a signal becomes 128 + its number. */
export function run(command, args, options = {}) {
  const done = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options });
  if (done.error) console.error(`✗ ${command}: ${done.error.message}`);
  return done.status ?? 1;
}
