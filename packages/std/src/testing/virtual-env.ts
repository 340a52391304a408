import type { Env } from '../env.ts';
import { memoryFiles } from '../files.ts';
import { silentLog, type Log } from '../log.ts';
import { seededRandom } from '../random.ts';
import { memoryNet, type MemoryNet } from './memory-net.ts';
import { virtualClock, type VirtualClock } from './virtual-clock.ts';

export interface VirtualEnv extends Env {
  readonly clock: VirtualClock;
  readonly net: MemoryNet;
}

/** A world in memory, in virtual time. Starts at 2026-01-01 unless told otherwise. */
export function virtualEnv(options: { readonly seed?: number; readonly startMs?: number; readonly log?: Log } = {}): VirtualEnv {
  const clock = virtualClock(options.startMs ?? Date.UTC(2026, 0, 1));
  return { clock, random: seededRandom(options.seed ?? 1), net: memoryNet(clock), files: memoryFiles(), log: options.log ?? silentLog };
}
