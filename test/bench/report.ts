/** The figures of the main job with their targets, and the page that keeps them. */
import { availableParallelism, cpus, release, totalmem } from 'node:os';
import type { MainJobMeasurement } from './main-job.ts';

export interface Target {
  readonly what: string;
  readonly unit: 's' | 'MB' | 'ms';
  readonly target: number;
  readonly how: string;
  of(measured: MainJobMeasurement): number;
}

export interface Figure extends Target {
  readonly value: number;
  readonly passed: boolean;
}

const toSeconds = (ms: number): number => Math.round(ms / 10) / 100;
const toMegabytes = (kb: number): number => Math.round(kb / 1024);

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1 ? sorted[Math.floor(middle)]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export const mainJobTargets: readonly Target[] = [
  { what: 'start of the process to everything ready', unit: 's', target: 20, how: 'median of the runs, each from an empty data directory', of: ({ readyMs }) => toSeconds(median(readyMs)) },
  { what: 'push of a commit to the change in the workload cluster', unit: 's', target: 2, how: 'median of 5: from the start of `git push` until the Deployment uses the new ConfigMap', of: ({ pushMs }) => toSeconds(median(pushMs)) },
  { what: 'resident memory when everything is ready', unit: 'MB', target: 400, how: 'VmRSS of the one process, lab included; largest of the runs', of: ({ residentAtReadyKb }) => toMegabytes(residentAtReadyKb) },
  { what: 'resident memory at its peak', unit: 'MB', target: 400, how: 'VmHWM after the pushes; largest of the runs', of: ({ residentPeakKb }) => toMegabytes(residentPeakKb) },
  { what: '`keelson --version`', unit: 'ms', target: 150, how: 'median of 10 starts', of: ({ versionMs }) => Math.round(median(versionMs)) },
];

export interface Report {
  readonly measured: MainJobMeasurement;
  readonly figures: readonly Figure[];
  /** What ran. */
  readonly what: string;
  readonly command: string;
}

export function renderReport({ measured, figures, what, command }: Report): string {
  const machine = `${availableParallelism()} cores (${cpus()[0]?.model ?? 'unknown'}), ${Math.round(totalmem() / 2 ** 30)} GB, Linux ${release()}, Node ${process.version}`;
  const { profile } = measured;
  const busyMs = profile.totalMs - profile.idleMs;
  const gitShare = Math.round(median(measured.gitPushMs));
  return `# Performance

Written by \`${command}\` on ${new Date().toISOString().slice(0, 10)}. Do not edit.

Measured: ${what}, with a lab of 6 machines whose hardware takes no time (\`--lab-latency zero\`), so that what remains is Keelson's own.
Machine: ${machine}.

| figure | measured | at most | | how |
| --- | --- | --- | --- | --- |
${figures.map(({ what: figure, value, unit, target, passed, how }) => `| ${figure} | ${value} ${unit} | ${target} ${unit} | ${passed ? 'met' : 'missed'} | ${how} |`).join('\n')}

Single values: ready after ${measured.readyMs.map((ms) => `${toSeconds(ms)} s`).join(', ')}; pushes ${measured.pushMs.map((ms) => `${toSeconds(ms)} s`).join(', ')}.

## What dominates

- **Ready.** In a run with \`--cpu-prof\`, ${toSeconds(busyMs)} s of ${toSeconds(profile.totalMs)} s were work and ${toSeconds(profile.idleMs)} s waiting (for a timer, a socket or git). Work by owner (self time):

| owner | s | share of the work | largest function |
| --- | --- | --- | --- |
${profile.owners.slice(0, 12).map(({ owner, ms, largest }) => `| ${owner} | ${toSeconds(ms)} | ${Math.round((100 * ms) / busyMs)} % | \`${largest}\` |`).join('\n')}

- **Push.** \`git push\` itself, with the lab's hook in it, takes ${gitShare} ms of the ${Math.round(median(measured.pushMs))} ms; the rest is fetching the commit, building it, planning by dry run, and applying.
- **\`--version\`.** Node alone (\`node -e 0\`) starts in ${Math.round(median(measured.nodeStartMs))} ms.
`;
}
