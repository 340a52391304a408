/** Keelson as it is published: emitted, packed, installed by npm into an empty folder outside the repository, and run there. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { keelsonFolder, type KeelsonFolder } from './keelson-process.ts';

const root = new URL('../../', import.meta.url).pathname;
const empty = mkdtempSync(join(tmpdir(), 'keelson-installed-'));
const scope = join(empty, 'node_modules', '@keelson');
const folders: KeelsonFolder[] = [];

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly exports: Readonly<Record<string, unknown>>;
  readonly dependencies?: Readonly<Record<string, string>>;
}

const manifestOf = (name: string) => JSON.parse(readFileSync(join(scope, name, 'package.json'), 'utf8')) as Manifest;

/** The packages' names and entry points that emitted code imports; relative ones are left out. */
function importsOf(code: string): string[] {
  const fixed = code.matchAll(/^(?:import|export) (?:[^;'"]*? from )?['"]([^.'"][^'"]*)['"];$/gm);
  const called = code.matchAll(/\b(?:import|require)\(['"]([^.'"\n][^'"\n]*)['"]\)/g);
  return [...fixed, ...called].map(([, specifier]) => specifier!);
}

/** The PATH of a shell outside the repository: npm scripts put ours in front. */
const outsidePath = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => !folder.includes('node_modules'));

/** Runs a program to its end in the empty folder; it must succeed. */
function must(command: string, args: readonly string[], timeoutMs = 60_000): string {
  const env = { ...process.env, PATH: outsidePath.join(delimiter) };
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd: empty, env, encoding: 'utf8', timeout: timeoutMs, killSignal: 'SIGKILL' });
  assert.equal(status, 0, `${command} ${args.join(' ')}: ${error?.message ?? ''}\n${stdout}${stderr}`);
  return stdout;
}

/** The Node that this machine has besides the pinned one, when it is not older than `engines` says. */
function otherNode(): { readonly path: string; readonly version: string } | undefined {
  for (const path of outsidePath.map((folder) => join(folder, 'node'))) {
    if (!existsSync(path) || realpathSync(path) === realpathSync(process.execPath)) continue;
    const version = spawnSync(path, ['--version'], { encoding: 'utf8', timeout: 10_000 }).stdout.trim();
    const [major = 0, minor = 0] = version.slice(1).split('.').map(Number);
    if (major > 20 || (major === 20 && minor >= 19)) return { path, version };
  }
  return undefined;
}

before(() => {
  const tarballs = join(empty, 'tarballs');
  must(process.execPath, ['--conditions=keelson-source', '--disable-warning=ExperimentalWarning', join(root, 'scripts/build.ts'), '--out', join(empty, 'build'), '--pack', tarballs]);
  writeFileSync(join(empty, 'package.json'), '{ "private": true, "type": "module" }\n');
  const packed = readdirSync(tarballs).map((name) => join(tarballs, name));
  assert.equal(packed.length, readdirSync(join(root, 'packages')).length, packed.join('\n'));
  must('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', '--engine-strict', '--loglevel=error', ...packed]);
});
after(() => {
  for (const folder of folders) folder.remove();
  rmSync(empty, { recursive: true, force: true, maxRetries: 5 });
});

const other = otherNode();
const nodes = [
  { what: 'the Node that the project pins', path: process.execPath, skip: false },
  { what: `the Node of this machine${other ? ` (${other.version})` : ''}`, path: other?.path ?? '', skip: other ? false : 'there is no other Node here that is 20.19 or newer' },
] as const;

describe('the installed packages', { concurrency: 1 }, () => {
  for (const { what, path, skip } of nodes) {
    test(`bring a datacenter to Ready on ${what}`, { skip, timeout: 60_000 }, async () => {
      const bin = join(empty, 'node_modules', '.bin', 'keelson');
      const version = spawnSync(path, [bin, '--version'], { cwd: empty, encoding: 'utf8', timeout: 10_000 });
      assert.equal(version.stdout, `keelson ${manifestOf('cli').version}\n`, version.stderr);

      const folder = keelsonFolder({ command: path, args: [bin], cwd: empty });
      folders.push(folder);
      const up = folder.up('--lab-latency', 'zero', '--until-ready', '--timeout', '3m');
      const limit = AbortSignal.timeout(55_000);
      limit.addEventListener('abort', () => up.child.kill('SIGKILL'));
      const { code, stdout, stderr } = await up.ended;
      assert.equal(code, 0, stdout + stderr);
      assert.match(stdout, /edge-apps\s+Ready: ReconciliationSucceeded/);
    });
  }

  test('start as the command that npm links, on whatever Node the shell finds', { skip: nodes[1].skip }, () => {
    assert.match(must(join(empty, 'node_modules', '.bin', 'keelson'), ['--version']), /^keelson \d/);
  });

  test('carry no sources and no tests', () => {
    const strays = readdirSync(scope, { recursive: true, encoding: 'utf8' }).filter((path) => !path.includes('node_modules') && /(^|\/)(src|testdata)\/|\.test\.|(?<!\.d)\.ts$/.test(path));
    assert.deepEqual(strays, []);
  });

  test('declare every package that they import', () => {
    const undeclared: string[] = [];
    for (const name of readdirSync(scope)) {
      const { name: self, dependencies = {} } = manifestOf(name);
      const dist = join(scope, name, 'dist');
      for (const file of readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((path) => /\.(js|d\.ts)$/.test(path))) {
        for (const specifier of importsOf(readFileSync(join(dist, file), 'utf8'))) {
          const wanted = specifier.split('/').slice(0, specifier.startsWith('@') ? 2 : 1).join('/');
          if (!wanted.startsWith('node:') && wanted !== self && !(wanted in dependencies)) undeclared.push(`${name}/dist/${file}: ${specifier}`);
        }
      }
    }
    assert.deepEqual(undeclared, []);
  });

  test('are complete for TypeScript: every entry point has declarations that compile', () => {
    const entries = readdirSync(scope).flatMap((name) => Object.keys(manifestOf(name).exports).map((entry) => `@keelson/${name}${entry.slice(1)}`));
    assert.ok(entries.length > 20, entries.join(' '));
    mkdirSync(join(empty, 'consumer'));
    const file = join(empty, 'consumer', 'index.ts');
    writeFileSync(file, entries.map((entry, index) => `export * as e${index} from '${entry}';\n`).join(''));
    const { stdout } = spawnSync(process.execPath, [
      join(root, 'node_modules/typescript/bin/tsc'), '--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2023', '--lib', 'es2023,esnext.disposable',
      '--typeRoots', join(root, 'node_modules/@types'), '--types', 'node', '--listFiles', file,
    ], { cwd: empty, encoding: 'utf8', timeout: 60_000, killSignal: 'SIGKILL' });
    assert.match(stdout, /@keelson\/cli\/dist\/index\.d\.ts/, 'it has looked at our declarations');
    // Errors inside the declarations of other people's packages are theirs.
    assert.deepEqual(stdout.split('\n').filter((line) => /error TS/.test(line) && !/^node_modules\/(?!@keelson\/)/.test(line)), []);
  });
});
