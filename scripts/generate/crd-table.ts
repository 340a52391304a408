/** Contract data of one family of CustomResourceDefinitions → its kind table. */
import type { KindDefinition, KindTable, KindVersion, Subresource } from '../../packages/api/src/tables/kind-table.ts';
import type { CrdFile, CrdKind, CrdVersion } from './contract-data.ts';

const crdVerbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

export function crdTable(name: string, file: CrdFile): KindTable {
  const kinds = Object.entries(file.kinds).map(([key, kind]) => kindDefinition(key.slice(0, key.indexOf('/')), kind));
  return { name, source: file.source, kinds, definitions: {} };
}

function kindDefinition(group: string, { scope, names, versions }: CrdKind): KindDefinition {
  return {
    group,
    kind: names.kind,
    listKind: names.listKind,
    plural: names.plural,
    singular: names.singular,
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
    namespaced: scope === 'Namespaced',
    builtIn: false,
    verbs: crdVerbs,
    versions: versions.map(kindVersion),
  };
}

function kindVersion(version: CrdVersion): KindVersion {
  const { status, scale } = version.subresources ?? {};
  const verbs = ['get', 'patch', 'update'];
  const subresources: Subresource[] = [];
  if (status) subresources.push({ name: 'status', verbs });
  if (scale) subresources.push({ name: 'scale', verbs, kind: { group: 'autoscaling', version: 'v1', kind: 'Scale' } });
  return {
    name: version.name,
    served: version.served,
    storage: version.storage,
    ...(version.deprecated ? { deprecated: true } : {}),
    schema: version.schema,
    columns: version.additionalPrinterColumns ?? [],
    selectableFields: (version.selectableFields ?? []).map((field) => field.jsonPath),
    subresources,
    ...(scale ? { scale } : {}),
  };
}
