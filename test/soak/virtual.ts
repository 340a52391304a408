/** One seed of the soak in virtual time: the whole example, the process killed at several effect boundaries. */
import { randomInt, seededRandom } from '@keelson/std';
import { buildWithCrashes, countBoundaries } from '../journeys/crash.ts';

export interface SeedResult {
  readonly seed: number;
  /** Virtual milliseconds to everything ready. */
  readonly readyMs: number;
  readonly crashes: readonly string[];
  readonly failure?: string;
}

const crashesAtLeast = 2;
const crashesAtMost = 8;

/** How many boundaries there are to choose from. */
export function boundariesOfExample(): Promise<number> {
  return countBoundaries({});
}

/** Builds with crashes at boundaries that follow from the seed; a failure is a result. */
export async function soakSeed(seed: number, boundaries: number): Promise<SeedResult> {
  const random = seededRandom(seed);
  const count = crashesAtLeast + randomInt(random, crashesAtMost - crashesAtLeast + 1);
  // A crash repeats part of the work, so that later boundaries than those of a quiet build exist too.
  const at = new Set(Array.from({ length: count }, () => randomInt(random, boundaries)));
  try {
    const { readyMs, crashes } = await buildWithCrashes({ seed }, [...at].sort((a, b) => a - b));
    return { seed, readyMs, crashes: crashes.map(({ kind, what }) => `${kind} ${what}`) };
  } catch (error) {
    return { seed, readyMs: 0, crashes: [], failure: describeChain(error) };
  }
}

function describeChain(error: unknown): string {
  const texts: string[] = [];
  for (let at: unknown = error; at instanceof Error; at = at.cause) texts.push(at.message);
  return texts.length > 0 ? texts.join(': ') : String(error);
}
