/**
 * Emits JavaScript and declarations of every package into its dist/, as the tarballs carry them
 * (Node does not strip types below node_modules). `--pack DIR` also packs every package into DIR.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const made = '.build';
const config = 'tsconfig.build.made.json';
rmSync(made, { recursive: true, force: true });
writeFileSync(config, JSON.stringify({
  extends: './tsconfig.json',
  compilerOptions: { noEmit: false, allowImportingTsExtensions: true, declaration: true, outDir: made, rootDir: '.' },
  include: ['packages/*/src/**/*.ts'],
  exclude: ['**/*.test.ts', '**/testdata/**'],
}));
const tsc = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', config], { stdio: 'inherit' });
rmSync(config);
if (tsc.status !== 0) process.exit(1);

const names = readdirSync('packages').filter((name) => existsSync(join('packages', name, 'package.json')));
for (const name of names) {
  const dist = join('packages', name, 'dist');
  rmSync(dist, { recursive: true, force: true });
  const emitted = join(made, 'packages', name, 'src');
  if (existsSync(emitted)) cpSync(emitted, dist, { recursive: true });
}
rmSync(made, { recursive: true });

const packAt = process.argv.indexOf('--pack');
if (packAt >= 0) {
  const target = resolve(process.argv[packAt + 1] ?? '.build-tarballs');
  mkdirSync(target, { recursive: true });
  const packed = spawnSync('npm', ['pack', '--workspaces', '--silent', '--pack-destination', target], { stdio: ['ignore', 'inherit', 'inherit'] });
  if (packed.status !== 0) process.exit(1);
}
