import type { ResourceEntry } from '../discovery/discovery.ts';
import { kindTables } from '@keelson/api/tables';

/** Groups whose kinds answer questions and store nothing. */
const reviewGroups: ReadonlySet<string> = new Set(['authentication.k8s.io', 'authorization.k8s.io']);

/** The kinds that answer questions, as discovery shows them. */
export function reviewResources(): ResourceEntry[] {
  return kindTables()
    .flatMap((table) => table.kinds)
    .filter((kind) => reviewGroups.has(kind.group))
    .map((kind) => ({ resource: kind, subresources: [] }));
}
