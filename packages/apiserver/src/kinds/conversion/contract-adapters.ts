import { kindTables } from '@keelson/api/tables';
import type { KubeObject } from '@keelson/kube';
import { applyDefaults, prune } from '@keelson/kube/schema';
import type { ResourceVersion, VersionSchema } from '../../registry/resource.ts';
import { movedFieldsOf } from './cluster-api.ts';
import { convert, type Conversion } from './convert.ts';

const older = 'v1beta1';
const newer = 'v1beta2';

export interface VersionOfKind {
  readonly name: string;
  readonly storage: boolean;
  readonly schema: () => VersionSchema;
}

/** The conversions of a version of a kind that Cluster API's contracts changed; empty for other kinds and for the version that is stored. */
export function contractAdapters(group: string, kind: string, version: string, versions: readonly VersionOfKind[]): Pick<ResourceVersion, 'fromStorage' | 'toStorage'> {
  const fields = movedFieldsOf(group, kind);
  const [from, to] = [versions.find(({ name }) => name === older), versions.find(({ name }) => name === newer)];
  if (!fields || !from || !to?.storage || version !== older) return {};
  const conversion: Conversion = { fields, versionOf: contractVersion, fit: { older: fitting(from), newer: fitting(to) } };
  return {
    fromStorage: (object) => convert(conversion, object, 'older', `${group}/${older}`),
    toStorage: (object) => convert(conversion, object, 'newer', `${group}/${newer}`),
  };
}

function fitting(version: VersionOfKind): (object: KubeObject) => KubeObject {
  return (object) => {
    const { schema, resolver, dialect } = version.schema();
    return applyDefaults(schema, prune(schema, object, { resolver, dialect }).value, { resolver, dialect });
  };
}

/** The version in which a client of the older contract reads a kind: v1beta1 where that is served, else the first there is. */
function contractVersion(group: string, kind: string): string | undefined {
  const known = kindTables().flatMap((table) => table.kinds).find((one) => one.group === group && one.kind === kind);
  return known?.versions.includes(older) ? older : known?.versions[0];
}
