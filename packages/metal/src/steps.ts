/** The steps of a host's plan, and the plan. Executed in order by execute.ts, which decides nothing. */
import type { BareMetalHost } from '@keelson/api';
import type { Plan } from '@keelson/controller';
import type { Problem } from '@keelson/std';
import type { ErrorType, HostState, HostView } from './host-view.ts';

export type HostStep = { readonly summary: string; readonly guard?: string } & (
  /** Changes annotations of the host (null removes); an intent is recorded so before the effect that follows. Fenced by resourceVersion. */
  | { readonly kind: 'record'; readonly annotations: Readonly<Record<string, string | null>> }
  | { readonly kind: 'power-on' }
  | { readonly kind: 'power-off'; readonly mode: 'soft' | 'hard' }
  | { readonly kind: 'insert-media'; readonly url: string }
  | { readonly kind: 'eject-media' }
  | { readonly kind: 'boot-once'; readonly device: 'cd' | 'disk' }
  | { readonly kind: 'clear-boot' }
  /** Asks the node to wipe its system disk and reboot. */
  | { readonly kind: 'wipe'; readonly address: string; readonly systemUuid: string }
  /** Reads the hardware and writes HardwareData. */
  | { readonly kind: 'inspect' }
  /** Takes the hardware from the annotation in place of the BMC. */
  | { readonly kind: 'take-hardware-details' }
  /** Reads the addresses of the machine's interfaces into its hardware. */
  | { readonly kind: 'refresh-addresses' }
  | { readonly kind: 'restore-status' }
  | { readonly kind: 'add-finalizer' }
  | { readonly kind: 'claim-secret'; readonly name: string }
  /** Lets go of what belongs to the host, and then of the host. */
  | { readonly kind: 'release' }
);
export type HostStepKind = HostStep['kind'];

export interface HostError {
  readonly type: ErrorType;
  readonly problem: Problem;
  /** `once` counts each failed attempt and waits longer each time; `waiting` is looked at as often as before. */
  readonly retry: 'back-off' | 'waiting';
  /** Counts towards the limit of failed provisionings. */
  readonly failedProvisioning?: boolean;
}

type Status = NonNullable<BareMetalHost['status']>;

/** What becomes of the status once the steps are done; absent fields stay. */
export interface StatusChange {
  readonly state?: HostState;
  readonly operationalStatus?: Status['operationalStatus'];
  /** null: no error any more. */
  readonly error?: HostError | null;
  /** null: nothing is provisioned. */
  readonly image?: NonNullable<Status['provisioning']['image']> | null;
  readonly attemptedImage?: NonNullable<Status['lastAttemptedImage']>;
  readonly poweredOn?: boolean;
  readonly id?: string;
  readonly provisioningSettings?: boolean;
  readonly triedCredentials?: { readonly name: string; readonly version: string };
  readonly goodCredentials?: { readonly name: string; readonly version: string };
  readonly resetProvisioningFailures?: boolean;
}

export interface HostEvent {
  readonly reason: string;
  readonly message: string;
}

export interface HostPlan extends Plan<HostStep> {
  readonly status: StatusChange;
  readonly events: readonly HostEvent[];
  readonly requeueAfterMs?: number;
  /** False: the status is left as it is (paused, detached, gone). */
  readonly writesStatus: boolean;
}

/** Builds a plan; everything not said is "nothing". */
export function hostPlan(view: HostView, parts: Partial<Omit<HostPlan, 'subject'>> = {}): HostPlan {
  const { name, namespace } = view.host.metadata;
  return {
    subject: { kind: 'BareMetalHost', ...(namespace ? { namespace } : {}), name },
    steps: [], status: {}, events: [], writesStatus: true, ...parts,
  };
}

/** A plan that goes on at once in another state. */
export function enterState(view: HostView, state: HostState, parts: Partial<Omit<HostPlan, 'subject'>> = {}): HostPlan {
  return hostPlan(view, { requeueAfterMs: 0, ...parts, status: { error: null, ...parts.status, state } });
}

/** A plan that reports a problem. */
export function failPlan(view: HostView, error: HostError, parts: Partial<Omit<HostPlan, 'subject'>> = {}): HostPlan {
  return hostPlan(view, { waitsFor: `${error.problem.summary}: ${error.problem.why}`, ...parts, status: { ...parts.status, error } });
}
