import type { Random } from '@keelson/std';
import { parseDuration } from '@keelson/std';

/** Milliseconds of a duration field; `otherwise` where it is absent. The API has checked the syntax. */
export function durationMs(text: string | undefined, otherwise: number): number {
  return (text === undefined ? undefined : parseDuration(text)) ?? otherwise;
}

/** The interval with up to 5 % more or less, so that objects made together do not stay in step (Flux's --interval-jitter-percentage). */
export function jittered(intervalMs: number, random: Random): number {
  return Math.round(intervalMs * (0.95 + 0.1 * random.next()));
}

/** A duration for people and for Flux's messages, e.g. `1m30s`. */
export function durationText(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)}ms`;
  const [h, m, s] = [Math.floor(ms / 3_600_000), Math.floor((ms % 3_600_000) / 60_000), Math.round((ms % 60_000) / 100) / 10];
  if (h > 0) return `${h}h${m}m${Math.floor(s)}s`;
  return m > 0 ? `${m}m${s}s` : `${s}s`;
}
