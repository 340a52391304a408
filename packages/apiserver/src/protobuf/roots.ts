import type { KindTable } from '@keelson/api/tables';

/** Messages that request bodies can be: every built-in kind in every version, options, and what subresources take. */
export function rootMessages(table: KindTable): string[] {
  const kinds = table.kinds.flatMap((kind) => kind.versions.map((version) => `${kind.group === '' ? 'core' : kind.group.split('.')[0]}.${version.name}.${kind.kind}`));
  return [...kinds, 'meta.v1.DeleteOptions', 'policy.v1.Eviction', 'autoscaling.v1.Scale', 'authentication.v1.TokenRequest', 'core.v1.Binding'];
}
