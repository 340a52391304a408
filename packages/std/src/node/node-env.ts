import { randomBytes } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { sleepWith } from '../clock.ts';
import type { Env } from '../env.ts';
import { silentLog, type Log } from '../log.ts';
import type { Random } from '../random.ts';
import { nodeFiles } from './node-files.ts';
import { nodeNet } from './node-net.ts';

/** The system's clock. */
export function systemClock(): Clock {
  const maxTimerMs = 2 ** 31 - 1;
  const after: Clock['after'] = (delayMs, run) => {
    const timer = setTimeout(run, Math.min(Math.max(0, delayMs), maxTimerMs));
    return { cancel: () => clearTimeout(timer) };
  };
  return { now: () => Date.now(), after, sleep: (delayMs, signal) => sleepWith(after, delayMs, signal) };
}

/** The system's random generator. */
export function systemRandom(): Random {
  return { next: () => Math.random(), bytes: (count) => randomBytes(count) };
}

/** The real world. */
export function nodeEnv(options: { readonly log?: Log } = {}): Env {
  return { clock: systemClock(), random: systemRandom(), net: nodeNet(), files: nodeFiles(), log: options.log ?? silentLog };
}
