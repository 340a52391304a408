import type { Schema, ValidationRule } from '@keelson/kube/schema';

export type { Schema, ValidationRule };

export interface PrinterColumn {
  readonly name: string;
  readonly type: string;
  readonly format?: string;
  readonly priority?: number;
  /** Where the cell comes from; absent on built-in columns that have to be computed. */
  readonly jsonPath?: string;
  /** The name of the function that computes the cell of a built-in kind, see `computedCell`. */
  readonly computed?: string;
}

export interface Subresource {
  readonly name: string;
  readonly verbs: readonly string[];
  /** What it takes and answers when that is not the kind itself: Scale, Eviction, TokenRequest, Binding. */
  readonly kind?: { readonly group: string; readonly version: string; readonly kind: string };
}

export interface ScalePaths {
  readonly specReplicasPath: string;
  readonly statusReplicasPath: string;
  readonly labelSelectorPath?: string;
}

export interface KindVersion {
  readonly name: string;
  readonly served: boolean;
  readonly storage: boolean;
  readonly deprecated?: boolean;
  /** May be a `$ref` into the table's definitions (built-ins). */
  readonly schema: Schema;
  readonly columns: readonly PrinterColumn[];
  /** Field selectors beside metadata.name and metadata.namespace. */
  readonly selectableFields: readonly string[];
  readonly subresources: readonly Subresource[];
  readonly scale?: ScalePaths;
}

export interface KindDefinition {
  readonly group: string;
  readonly kind: string;
  readonly listKind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly namespaced: boolean;
  /** False for custom resources, which a server serves through a CustomResourceDefinition. */
  readonly builtIn: boolean;
  readonly verbs: readonly string[];
  readonly versions: readonly KindVersion[];
}

export interface KindTable {
  readonly name: string;
  /** The releases the table was read from. */
  readonly source: unknown;
  readonly kinds: readonly KindDefinition[];
  /** Schemas that several kinds share, by their OpenAPI name; empty for custom resources. */
  readonly definitions: Readonly<Record<string, Schema>>;
}

/** What is known of a table without loading it. */
export interface KindTableSummary {
  readonly name: string;
  readonly groups: readonly string[];
  readonly kinds: readonly KindSummary[];
}

export interface KindSummary {
  readonly group: string;
  /** The storage version. */
  readonly version: string;
  readonly versions: readonly string[];
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly namespaced: boolean;
  readonly builtIn: boolean;
  readonly verbs: readonly string[];
}
