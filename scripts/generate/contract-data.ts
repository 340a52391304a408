/** Reads the contract data (facts about upstream's kinds) from the folder beside the repository, where it is present. */
import { existsSync, readFileSync } from 'node:fs';
import type { Schema } from '../../packages/api/src/tables/kind-table.ts';

const dataUrl = new URL('../../../shared/data/', import.meta.url);

export interface CrdColumn {
  readonly name: string;
  readonly type: string;
  readonly jsonPath: string;
  readonly priority?: number;
}

export interface CrdVersion {
  readonly name: string;
  readonly served: boolean;
  readonly storage: boolean;
  readonly deprecated?: boolean;
  readonly schema: Schema;
  readonly subresources?: {
    readonly status?: object;
    readonly scale?: { readonly specReplicasPath: string; readonly statusReplicasPath: string; readonly labelSelectorPath?: string };
  };
  readonly additionalPrinterColumns?: readonly CrdColumn[];
  readonly selectableFields?: readonly { readonly jsonPath: string }[];
}

export interface CrdKind {
  readonly scope: 'Namespaced' | 'Cluster';
  readonly names: {
    readonly kind: string;
    readonly listKind: string;
    readonly plural: string;
    readonly singular: string;
    readonly shortNames?: readonly string[];
    readonly categories?: readonly string[];
  };
  readonly versions: readonly CrdVersion[];
}

export interface CrdFile {
  readonly source: unknown;
  /** By `group/Kind`. */
  readonly kinds: Readonly<Record<string, CrdKind>>;
}

export interface OpenApiOperation {
  readonly action?: string;
  readonly gvk?: { readonly group: string; readonly version: string; readonly kind: string };
}

export interface OpenApiFile {
  readonly source: unknown;
  readonly paths: Readonly<Record<string, Readonly<Record<string, OpenApiOperation>>>>;
  readonly definitions: Readonly<Record<string, Schema>>;
}

export function hasContractData(): boolean {
  return existsSync(new URL('README.md', dataUrl));
}

export function readCrdFile(name: string): CrdFile {
  return JSON.parse(readFileSync(new URL(`crds/${name}.json`, dataUrl), 'utf8')) as CrdFile;
}

export function readOpenApi(): OpenApiFile {
  return JSON.parse(readFileSync(new URL('kubernetes-1.36.json', dataUrl), 'utf8')) as OpenApiFile;
}
