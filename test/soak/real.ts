/** One run of the soak on sockets: `keelson up` is killed by SIGKILL at random moments of a build, and started again. */
import { join } from 'node:path';
import { randomInt, readText, seededRandom } from '@keelson/std';
import { nodeEnv } from '@keelson/std/node';
import { assertNoMachineClaimedTwice, assertNoProvisionedDiskWiped, bootstrapCount } from '@keelson/lab/testing';
import type { JournalEntry } from '@keelson/lab';
import { readyPattern, sourceCommand, startUp } from '../program.ts';

export interface KillResult {
  readonly seed: number;
  /** Milliseconds after each start at which the process was killed. */
  readonly killsMs: readonly number[];
  /** From the first start to everything ready. */
  readonly readyMs: number;
  readonly failure?: string;
}

const readyLimitMs = 240_000;
const kills = 3;
const firstKillMs = 400;
const lastKillMs = 11_000;
const firstNetwork = 150;
const networks = 90;

export async function killRun(seed: number, folder: string): Promise<KillResult> {
  const random = seededRandom(seed);
  const killsMs = Array.from({ length: kills }, () => firstKillMs + randomInt(random, lastKillMs - firstKillMs));
  const dataDir = join(folder, `kill-${seed}`);
  // While the process is dead, nothing holds its addresses: a network that no other lab here takes.
  const network = `127.${firstNetwork + (seed % networks)}.0.0/16`;
  const start = () => startUp(sourceCommand, dataDir, ['--lab-network', network]);
  const { clock, net } = nodeEnv();
  const began = clock.now();
  try {
    for (const afterMs of killsMs) {
      const up = start();
      await Promise.race([clock.sleep(afterMs), up.ended]);
      const early = await Promise.race([up.ended, Promise.resolve(undefined)]);
      if (early !== undefined) throw new Error(`keelson up ended with ${early} by itself: ${up.text().slice(-1500)}`);
      await up.stop('SIGKILL');
    }
    await using up = start();
    await up.says(readyPattern, readyLimitMs);
    const readyMs = clock.now() - began;
    const answer = await net.request({ method: 'GET', url: `http://${network.replace(/0\.0\/16$/, '')}0.10:8081/journal`, headers: {} });
    const journal = JSON.parse(await readText(answer.body)) as JournalEntry[];
    if (bootstrapCount(journal) !== 1) throw new Error(`etcd was bootstrapped ${bootstrapCount(journal)} times`);
    assertNoProvisionedDiskWiped(journal);
    assertNoMachineClaimedTwice(journal);
    return { seed, killsMs, readyMs };
  } catch (error) {
    return { seed, killsMs, readyMs: 0, failure: error instanceof Error ? error.message : String(error) };
  }
}
