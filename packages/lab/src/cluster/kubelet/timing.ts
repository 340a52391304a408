import type { LatencyProfile } from '../../latency.ts';

/** How long things take on a node; milliseconds. */
export interface PodTiming {
  /** One image that is not on the node yet. */
  readonly pullMs: number;
  /** From the start of a container until it is ready, without its probe's own delay. */
  readonly readyMs: number;
  /** From SIGTERM to the end of a container that stops when asked. */
  readonly stopMs: number;
  /** How long a container runs that ends by itself: of a Job, or an init container. */
  readonly runMs: number;
  /** From its start to the end of a container that crashes. */
  readonly crashMs: number;
  /** Probes' initialDelaySeconds are honoured. */
  readonly probeDelays: boolean;
}

/** Pods take a share of what the profile says for images and services; back-offs are the kubelet's own in every profile. */
export function podTiming(profile: LatencyProfile): PodTiming {
  const share = profile.servicesMs / 5;
  return { pullMs: profile.imagePullMs, readyMs: share, stopMs: share, runMs: share * 2, crashMs: share, probeDelays: profile.servicesMs > 0 };
}

const firstBackoffMs = 10_000;
const maxBackoffMs = 300_000;

/** The kubelet's back-off after the nth failure in a row, for crashes and pulls alike: 10 s, doubled up to 5 min. */
export function backoffMs(failures: number): number {
  return Math.min(maxBackoffMs, firstBackoffMs * 2 ** Math.max(0, failures - 1));
}
