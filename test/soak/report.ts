/** The page that keeps the last result of the soak. */
import type { KillResult } from './real.ts';
import type { SeedResult } from './virtual.ts';

export interface Soak {
  readonly results: readonly SeedResult[];
  readonly kills: readonly KillResult[];
  /** Effect boundaries of a build that nothing disturbs. */
  readonly boundaries: number;
  readonly command: string;
  readonly tookMs: number;
}

export function renderSoak({ results, kills, boundaries, command, tookMs }: Soak): string {
  const failures = [...results, ...kills].flatMap(({ seed, failure }) => (failure === undefined ? [] : [`- seed ${seed}: ${failure.split('\n')[0]}`]));
  const crashes = results.reduce((sum, result) => sum + result.crashes.length, 0);
  const seeds = results.length > 0 ? `Seeds ${results[0]!.seed} to ${results.at(-1)!.seed}: ` : '';
  return `# Soak

Written by \`${command}\` on ${new Date().toISOString().slice(0, 10)}, in ${Math.round(tookMs / 1000)} s. Do not edit.

Each build is killed, started again, and must end with everything ready, etcd bootstrapped once, no provisioned disk destroyed and no host claimed twice.

- ${seeds}${results.length} builds of the whole example in virtual time, ${crashes} crashes at random ones of its ${boundaries} effect boundaries: **${results.filter(({ failure }) => failure !== undefined).length} failed**.
${kills.length > 0 ? `- ${kills.length} builds on sockets, the process killed ${kills[0]!.killsMs.length} times each by SIGKILL: **${kills.filter(({ failure }) => failure !== undefined).length} failed**.\n` : ''}${failures.length > 0 ? `\n## Failures\n\n${failures.join('\n')}\n` : ''}`;
}
