/** Keelson as a user installs it: emitted packages, packed, installed by npm into an empty folder. */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { installedCommand, root, runProgram, type KeelsonCommand } from '../program.ts';

const buildLimitMs = 300_000;

/** Builds, packs and installs into `folder`; answers how to run what was installed. */
export async function installInto(folder: string): Promise<KeelsonCommand> {
  const tarballs = join(folder, 'tarballs');
  const installation = join(folder, 'installation');
  mkdirSync(installation, { recursive: true });
  await must(process.execPath, ['--conditions=keelson-source', '--disable-warning=ExperimentalWarning', join(root, 'scripts', 'build.ts'), '--out', join(folder, 'build'), '--pack', tarballs], root);
  writeFileSync(join(installation, 'package.json'), '{"private": true}\n');
  const packed = readdirSync(tarballs).map((name) => join(tarballs, name));
  await must('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error', ...packed], installation);
  return installedCommand(join(installation, 'node_modules', '@keelson', 'cli', 'dist', 'bin.js'));
}

async function must(program: string, args: readonly string[], cwd: string): Promise<void> {
  const ran = await runProgram(program, args, { cwd, timeoutMs: buildLimitMs });
  if (ran.code !== 0) throw new Error(`${program} ${args.slice(0, 3).join(' ')} … ended with ${ran.code}: ${ran.out}${ran.err}`);
}
