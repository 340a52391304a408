// Conflicts of an apply and the words for them: apimachinery pkg/util/managedfields/internal/conflict.go.
import { quote } from '../schema/field-error.ts';
import type { FieldPath, FieldSet } from './field-set.ts';
import { formatPath, pathsOf } from './field-set.ts';
import type { Manager, Managers } from './managed-fields.ts';

/** A field that another manager owns and that the apply would change. */
export interface Conflict {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  readonly subresource: string;
  /** `.spec.replicas` */
  readonly field: string;
  /** `conflict with "m" using apps/v1`: the cause's message. */
  readonly message: string;
}

/** A conflict with its path, before it is put into words. */
export interface ConflictAt {
  readonly id: string;
  readonly manager: Manager;
  readonly path: FieldPath;
}

/** The conflicts for the fields an apply would take, by manager and path. */
export function conflictsOf(taken: ReadonlyMap<string, FieldSet>, managers: Managers): ConflictAt[] {
  return [...taken]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([id, set]) => {
      const manager = managers.get(id);
      return manager ? pathsOf(set).map((path) => ({ id, manager, path })) : [];
    });
}

/** A conflict in words. */
export function toConflict(conflict: ConflictAt): Conflict {
  const { manager, path } = conflict;
  return {
    manager: manager.name,
    operation: manager.operation,
    apiVersion: manager.apiVersion,
    subresource: manager.subresource,
    field: formatPath(path),
    message: `conflict with ${showManager(manager)}`,
  };
}

function showManager(manager: Pick<Conflict, 'operation' | 'apiVersion' | 'subresource'> & { readonly name: string }): string {
  const subresource = manager.subresource === '' ? '' : ` with subresource ${quote(manager.subresource)}`;
  const version = manager.operation === 'Update' ? ` using ${manager.apiVersion}` : '';
  return `${quote(manager.name)}${subresource}${version}`;
}

/** The message of the Status with reason Conflict that answers a refused apply. */
export function conflictMessage(conflicts: readonly Conflict[]): string {
  const [first] = conflicts;
  if (conflicts.length === 1 && first) return `Apply failed with 1 conflict: ${first.message}: ${first.field}`;
  const byManager = new Map<string, string[]>();
  for (const conflict of conflicts) {
    const shown = showManager({ ...conflict, name: conflict.manager });
    byManager.set(shown, [...(byManager.get(shown) ?? []), conflict.field]);
  }
  const lines = [...byManager].flatMap(([manager, fields]) => [`conflicts with ${manager}:`, ...fields.map((field) => `- ${field}`)]);
  return `Apply failed with ${conflicts.length} conflicts: ${lines.join('\n')}`;
}

/** The causes of that Status. */
export function conflictCauses(conflicts: readonly Conflict[]): { reason: 'FieldManagerConflict'; message: string; field: string }[] {
  return conflicts.map(({ message, field }) => ({ reason: 'FieldManagerConflict', message, field }));
}
