import type { Env } from '@keelson/std';
import type { ServiceAccountTokens } from '../authn/service-accounts.ts';
import type { User } from '../authn/user.ts';
import type { Store } from '../store/store.ts';
import type { NamespaceGate } from '../admission/namespace-gate.ts';
import type { NodeConnect } from '../http/special-subresources.ts';
import type { KubeObject } from '@keelson/kube';
import type { Registry } from './registry.ts';
import type { ServedVersion } from './resource.ts';

/** What every operation on objects needs; one per server. */
export interface Machine {
  readonly env: Env;
  readonly store: Store;
  readonly registry: Registry;
  readonly namespaces: NamespaceGate;
  /**
   * Admission beyond the kind's own rules, before validation: may change the object, or answer another in its place; throws StatusError
   * to refuse. A promise only when somebody outside was asked.
   */
  readonly admit: (request: WriteRequest, change: Change) => Promise<KubeObject | undefined> | undefined;
  /** Admission of the object as it will be stored: changes nothing, throws StatusError to refuse. */
  readonly check: (request: WriteRequest, change: Change) => Promise<void> | undefined;
  /** Issues and reads the tokens of service accounts, when there is a key for them. */
  readonly tokens?: ServiceAccountTokens;
  /** Who answers logs and connections to pods and nodes. */
  readonly connect?: NodeConnect;
}

/** Who asks for what, on which kind, and how strictly. */
export interface WriteRequest {
  readonly served: ServedVersion;
  readonly namespace: string | undefined;
  readonly user: User;
  readonly dryRun: boolean;
  /** Owner of what the write changes, in managedFields. */
  readonly fieldManager: string;
  readonly fieldValidation: FieldValidation;
  readonly subresource?: string;
  readonly warnings: Warnings;
  /** Notes something for the audit log. */
  readonly annotate?: (key: string, value: string) => void;
}

export type FieldValidation = 'Strict' | 'Warn' | 'Ignore';

export interface Change {
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE';
  readonly name: string;
  readonly object?: KubeObject;
  readonly old?: KubeObject;
}

/** Texts for Warning headers; equal ones are kept once. */
export interface Warnings {
  add(text: string): void;
  readonly texts: readonly string[];
}

export function createWarnings(): Warnings {
  const texts = new Set<string>();
  return {
    add: (text) => void texts.add(text),
    get texts() {
      return [...texts];
    },
  };
}
