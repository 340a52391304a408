/**
 * Emits JavaScript and declarations of every package, as the tarballs carry them (Node does not strip types below
 * node_modules). Everything goes to `--out DIR` (default .build), one folder per package as it is published; the sources
 * are left alone, so a build disturbs nobody who runs them. `--pack DIR` also packs every package into DIR.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

/** What a package.json says about what is published. */
interface Manifest {
  readonly files: readonly string[];
  readonly exports: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

const { values } = parseArgs({ options: { out: { type: 'string', default: '.build' }, pack: { type: 'string' } } });
const root = resolve(import.meta.dirname, '..');
const out = resolve(values.out);
const emitted = join(out, '.emitted');

function must(command: string, args: readonly string[], cwd: string): void {
  const { status, error } = spawnSync(command, args, { cwd, stdio: 'inherit' });
  if (status === 0) return;
  console.error(`✗ ${command} ${args.slice(0, 4).join(' ')} ended with ${status ?? error?.message}`);
  process.exit(1);
}

function manifestOf(name: string): Manifest {
  return JSON.parse(readFileSync(join(root, 'packages', name, 'package.json'), 'utf8')) as Manifest;
}

/** Sources that are not published: tests, and what only a package's own tests use. */
function unpublishedOf(name: string): string[] {
  const folders = './testing' in manifestOf(name).exports ? 'src/*/**/testing/**' : 'src/**/testing/**';
  return ['src/**/*.test.ts', 'src/**/testdata/**', folders].map((pattern) => join(root, 'packages', name, pattern));
}

/** Emits for the oldest Node that `engines` names; `lib` has what that Node has and no more, so newer calls are type errors. */
function emit(): void {
  const config = join(out, 'tsconfig.json');
  writeFileSync(config, JSON.stringify({
    extends: join(root, 'tsconfig.json'),
    compilerOptions: {
      noEmit: false, declaration: true, outDir: emitted, rootDir: join(root, 'packages'), typeRoots: [join(root, 'node_modules', '@types')],
      target: 'es2023', lib: ['es2023', 'es2024.string', 'esnext.disposable'],
    },
    include: [join(root, 'packages/*/src/**/*.ts')],
    exclude: names.flatMap(unpublishedOf),
  }));
  must(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', config], root);
  rmSync(config);
}

/** Lays a package out as it is published: without tests, and without the condition that answers with sources. */
function stage(name: string): void {
  const from = join(root, 'packages', name);
  const to = join(out, name);
  const manifest = manifestOf(name);
  const exports = Object.fromEntries(Object.entries(manifest.exports).map(([entry, { 'keelson-source': _source, ...published }]) => [entry, published]));
  mkdirSync(to, { recursive: true });
  writeFileSync(join(to, 'package.json'), `${JSON.stringify({ ...manifest, exports }, null, 2)}\n`);
  cpSync(join(root, 'LICENSE'), join(to, 'LICENSE'));
  cpSync(join(emitted, name, 'src'), join(to, 'dist'), { recursive: true });
  for (const folder of manifest.files) {
    if (folder !== 'dist') cpSync(join(from, folder), join(to, folder), { recursive: true });
  }
}

const names = readdirSync(join(root, 'packages')).filter((name) => existsSync(join(root, 'packages', name, 'package.json')));
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
emit();
for (const name of names) stage(name);
rmSync(emitted, { recursive: true });

if (values.pack !== undefined) {
  const tarballs = resolve(values.pack);
  mkdirSync(tarballs, { recursive: true });
  must('npm', ['pack', '--silent', '--pack-destination', tarballs, ...names.map((name) => `./${name}`)], out);
}
