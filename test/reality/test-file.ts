/** A test file of ours whose other side is a foreign program, as steps of a check: no test is written twice. */
import { run } from 'node:test';
import { join } from 'node:path';
import { root } from '../program.ts';
import type { Step } from './check.ts';

const fileLimitMs = 120_000;

/** Runs the file in a process of its own; answers a step per test that was not skipped, with its suite before its name. */
export async function stepsOfTestFile(file: string): Promise<Step[]> {
  const steps: Step[] = [];
  const suites: string[] = [];
  const stream = run({ files: [join(root, file)], isolation: 'process', timeout: fileLimitMs, execArgv: ['--conditions=keelson-source', '--disable-warning=ExperimentalWarning'] });
  const settled = (data: { name: string; nesting: number; skip?: string | boolean; details: { type?: string; error?: Error } }, passed: boolean) => {
    if (data.details.type === 'suite' || data.skip !== undefined) return;
    const what = [...suites.slice(0, data.nesting), data.name].join(': ');
    const cause = data.details.error?.cause;
    steps.push({ what, passed, ...(passed ? {} : { detail: (cause instanceof Error ? cause.message : (data.details.error?.message ?? '')).slice(0, 600) }) });
  };
  stream.on('test:start', ({ name, nesting }) => {
    suites.length = nesting;
    suites[nesting] = name;
  });
  stream.on('test:pass', (data) => settled(data, true));
  stream.on('test:fail', (data) => settled(data, false));
  await new Promise<void>((resolve, reject) => {
    stream.on('end', resolve);
    stream.on('error', reject);
    stream.resume();
  });
  return steps;
}
