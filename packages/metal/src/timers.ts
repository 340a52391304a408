/** Every wait of a host, in one place. Upstream's numbers where upstream has them (baremetal-operator, ironic defaults). */
import { createHash } from 'node:crypto';

export const timers = {
  /** Secret missing: also woken by the watch. */
  credentialsMissingMs: 10_000,
  /** A deleted host whose machine is still in use. */
  inUsePollMs: 30_000,
  unmanagedMs: 10 * 60_000,
  detachedMs: 10 * 60_000,
  /** Steady-state look at the power. */
  powerPollMs: 60_000,
  /** A soft power off that takes longer becomes a hard one. */
  softOffMs: 180_000,
  /** A change that was asked for and does not show is asked for again. */
  powerAgainMs: 20_000,
  /** A change that does not show at all is an error. */
  powerLimitMs: 10 * 60_000,
  /** Looking for the node that decides whether the medium is still needed. */
  mediumPollMs: 15_000,
  /** A node that was asked to wipe and still answers as before is asked again. */
  wipeAgainMs: 60_000,
  /** From the request of a wipe, or from a start to look, to an answer from the image. */
  wipeLimitMs: 15 * 60_000,
  /** A silent node that runs becomes a problem after so long. */
  silentGraceMs: 2 * 60_000,
  wipePollMs: 10_000,
  /** A host that is being deleted and whose disk cannot be wiped goes after so long. */
  deleteLimitMs: 60 * 60_000,
} as const;

/** After so many failed provisionings a host waits for a change of its spec. */
export const provisioningTries = 5;
/** On deletion, after so many errors the machine is left as it is. */
export const deleteTries = 3;

/** How long until the next look at something that was begun `sinceMs` ago: soon at first, then ever more rarely. */
export function pollAfter(sinceMs: number): number {
  return Math.round(Math.min(5_000, Math.max(250, sinceMs / 4)));
}

const minuteMs = 60_000;

/**
 * How long after its n-th error a host is tried again. Upstream: 2^n minutes times 0.5 to 1, n at most 9; here the first
 * two tries come after 10 and 30 seconds, since most first errors are a BMC that restarts. The jitter is drawn from the
 * host's uid, so that every look at one object finds the same time.
 */
export function errorRetryMs(errorCount: number, uid: string): number {
  if (errorCount <= 0) return 0;
  if (errorCount === 1) return 10_000;
  if (errorCount === 2) return 30_000;
  const share = createHash('sha256').update(`${uid}/${errorCount}`).digest().readUInt32BE(0) / 0xffff_ffff;
  return Math.round(2 ** Math.min(errorCount - 2, 9) * minuteMs * (0.5 + share / 2));
}
