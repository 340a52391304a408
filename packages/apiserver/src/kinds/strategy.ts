import type { KubeObject } from '@keelson/kube';
import { checkDnsSubdomain } from '@keelson/kube';
import type { FieldError } from '@keelson/kube/schema';
import type { Env } from '@keelson/std';
import type { User } from '../authn/user.ts';

/** An object on its way into the store; the pipeline owns it and changes it in place. */
export type Draft = KubeObject;

export interface WriteFacts {
  readonly env: Env;
  readonly user: User;
  readonly dryRun: boolean;
}

/** Where a kind differs from the rules all kinds share: upstream's registry/<group>/<kind>/strategy.go, in short. */
export interface Strategy {
  /** A PUT of an object that is not there creates it. */
  readonly createsOnUpdate: boolean;
  /** A PUT without resourceVersion overwrites. */
  readonly updatesUnconditionally: boolean;
  /** Has metadata.generation. */
  readonly hasGeneration: boolean;
  /** A write to /status may change labels, annotations, finalizers and owners too. */
  readonly statusTakesMetadata: boolean;
  /** A create may bring a status (nodes register with one). */
  readonly keepsStatusOnCreate?: boolean;
  /** DELETE answers the object, not a Status. */
  readonly answersDeleted: boolean;
  /** Complaints about a name. */
  checkName(name: string): string[];
  /** Fills in what the schema's defaults do not say. Also runs on what is read when it was written under older rules, so it must be idempotent. */
  readonly defaults?: (object: Draft) => void;
  readonly prepareCreate?: (object: Draft, facts: WriteFacts) => void;
  readonly prepareUpdate?: (object: Draft, old: KubeObject, facts: WriteFacts) => void;
  /** Beside /status and /scale: what a subresource of the kind itself may change (pods/resize, namespaces/finalize). */
  readonly subresources?: Readonly<Record<string, (object: Draft, old: KubeObject) => Draft>>;
  readonly validate?: (object: KubeObject) => FieldError[];
  readonly validateUpdate?: (object: KubeObject, old: KubeObject) => FieldError[];
  /** Seconds of grace a DELETE gives this object; absent or 0: it goes at once. */
  readonly graceSeconds?: (object: KubeObject, asked: number | undefined) => number;
  /** Runs before the write is staged; may reserve something. `release` undoes it when the write fails or is a dry run. */
  readonly reserve?: (object: Draft, old: KubeObject | undefined) => Reservation;
  /** The object has just been marked as being deleted; for what else changes then (a phase). */
  readonly onDeletion?: (object: Draft) => void;
  /** The object is gone for good. */
  readonly released?: (object: KubeObject) => void;
}

export interface Reservation {
  readonly errors: FieldError[];
  release(): void;
}

/** What custom resources follow. */
export const customStrategy: Strategy = {
  createsOnUpdate: false,
  updatesUnconditionally: false,
  hasGeneration: true,
  statusTakesMetadata: false,
  answersDeleted: false,
  checkName: checkDnsSubdomain,
};
