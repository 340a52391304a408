// Table answers: apiserver pkg/registry/rest/table.go and apiextensions-apiserver pkg/registry/customresource/tableconvertor.
import { ageSince, computedCell } from '@keelson/api';
import type { PrinterColumn } from '@keelson/api/tables';
import type { KubeObject } from '@keelson/kube';
import type { ServedVersion } from '../registry/resource.ts';
import { badRequest } from './api-status.ts';
import { readPath } from './json-path.ts';

export interface TableMeta {
  readonly resourceVersion?: string;
  readonly continue?: string;
  readonly remainingItemCount?: number;
}

export type IncludeObject = 'None' | 'Metadata' | 'Object';

/** The `includeObject` parameter; Metadata when absent. */
export function includeObjectOf(query: URLSearchParams): IncludeObject {
  const value = query.get('includeObject') ?? '';
  if (value === '' || value === 'Metadata') return 'Metadata';
  if (value === 'None' || value === 'Object') return value;
  throw badRequest(`unrecognized includeObject value: ${JSON.stringify(value)}`);
}

const ageColumn: PrinterColumn = { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' };

/** A meta.k8s.io Table of objects. `version` is that of the Table; `withColumns` false leaves the definitions out (later events of a watch). */
export function tableOf(
  served: ServedVersion,
  objects: readonly KubeObject[],
  options: { version: string; include: IncludeObject; nowMs: number; meta?: TableMeta; withColumns?: boolean },
): object {
  const columns = served.version.columns.length > 0 ? served.version.columns : [ageColumn];
  const apiVersion = `meta.k8s.io/${options.version}`;
  return {
    kind: 'Table',
    apiVersion,
    metadata: options.meta ?? {},
    columnDefinitions: options.withColumns === false ? [] : [nameColumn, ...columns.map(columnDefinition)],
    rows: objects.map((object) => ({
      cells: [object.metadata.name, ...columns.map((column) => cellOf(column, object, options.nowMs, served.resource.builtIn))],
      ...(options.include !== 'None' && { object: options.include === 'Object' ? object : partialMetadata(object, apiVersion) }),
    })),
  };
}

const nameColumn = { name: 'Name', type: 'string', format: 'name', description: 'Name must be unique within a namespace.', priority: 0 };

function columnDefinition(column: PrinterColumn): object {
  return { name: column.name, type: column.type, format: column.format ?? '', description: '', priority: column.priority ?? 0 };
}

function cellOf(column: PrinterColumn, object: KubeObject, nowMs: number, builtIn: boolean): unknown {
  if (column.jsonPath === undefined) return column.computed === undefined ? null : (computedCell(column.computed, object, nowMs) ?? null);
  const found = readPath(object, column.jsonPath);
  const value = found[0];
  if (value === undefined || value === null) return absentCell(column, object);
  switch (column.type) {
    case 'date':
      // Built-in kinds show the time itself (their ages are computed columns), custom ones the age.
      return typeof value !== 'string' ? null : builtIn ? value : ageSince(value, nowMs);
    case 'integer':
    case 'number':
      return typeof value === 'number' ? value : null;
    case 'boolean':
      return typeof value === 'boolean' ? value : null;
    default:
      return found.length > 1 ? found.map(cellText).join(',') : cellText(value);
  }
}

/** Pods say `<none>` and nodes `<unknown>` in their wide columns; elsewhere the cell stays empty. */
function absentCell(column: PrinterColumn, { apiVersion, kind }: KubeObject): string | null {
  if (apiVersion !== 'v1' || !column.priority) return null;
  return kind === 'Pod' ? '<none>' : kind === 'Node' ? '<unknown>' : null;
}

function cellText(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** Metadata only, as PartialObjectMetadata. */
export function partialMetadata(object: KubeObject, apiVersion = 'meta.k8s.io/v1'): object {
  return { kind: 'PartialObjectMetadata', apiVersion, metadata: object.metadata };
}
