import { parseTime } from '@keelson/std';

export type StateName = 'ready' | 'working' | 'waiting' | 'failed' | 'off';

export interface ObjectState {
  /** `waiting`: another object or a person has to move first; `working`: its own controller or machine is at it. */
  readonly state: StateName;
  /** A word or two of the kind's own: provisioned, Running, ReconciliationSucceeded. */
  readonly phase: string;
  /** The reason of the condition that decided; empty when none did. */
  readonly reason: string;
  /** Why, in the object's own words; empty when ready. */
  readonly message: string;
  /** When it came into this state; undefined when the object does not say. */
  readonly sinceMs: number | undefined;
}

/** Milliseconds of an RFC 3339 time; undefined when there is none or it is not one. */
export function timeOf(text: string | null | undefined): number | undefined {
  const ms = text ? parseTime(text) : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms;
}
