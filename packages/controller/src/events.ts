import type { KubeObject } from '@keelson/kube';
import type { Problem } from '@keelson/std';

/** Writes core/v1 Events; equal events of one object are counted up, not repeated. Never throws: an event is not worth a failed reconcile. */
export interface EventRecorder {
  normal(object: KubeObject, reason: string, message: string): void;
  warning(object: KubeObject, reason: string, message: string): void;
  /** A warning whose reason and message come from the problem. */
  problem(object: KubeObject, problem: Problem): void;
}
