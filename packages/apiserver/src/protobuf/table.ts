import { createRequire } from 'node:module';

/**
 * A field of a message: JSON name, type, and marks. Types: `string`, `bool`, `int`, `double`, `bytes` or a message's name;
 * `*` before it means repeated, `%` a map from texts. Marks: `k` keeps a zero value (it means something there),
 * `i` puts the message's fields in place of the field.
 */
export type FieldRow = readonly [name: string, type: string, marks?: string];

/** Messages by short name (`core.v1.Pod`), fields by number. */
export type MessageTable = Readonly<Record<string, Readonly<Record<string, FieldRow>>>>;

let loaded: MessageTable | undefined;

/** The messages of the built-in kinds, read on first use. */
export function messageTable(): MessageTable {
  // The file is written by make-table.ts, and a test holds it to that.
  return (loaded ??= createRequire(import.meta.url)('../../tables/protobuf.json') as MessageTable);
}

/** The message behind an apiVersion and kind: `apps/v1`, `Deployment` → `apps.v1.Deployment`. */
export function messageName(apiVersion: string, kind: string): string | undefined {
  const [group = '', version = ''] = apiVersion.includes('/') ? apiVersion.split('/') : ['core', apiVersion];
  // Options of requests come under the group of what they are for.
  if (kind === 'DeleteOptions') return 'meta.v1.DeleteOptions';
  const name = group === 'apiextensions.k8s.io' ? `apiextensions.${version}.${kind}` : `${group.split('.')[0]}.${version}.${kind}`;
  return name in messageTable() ? name : undefined;
}
