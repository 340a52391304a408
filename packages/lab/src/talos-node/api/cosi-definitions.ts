/** ResourceDefinitions of the node's types: names and aliases by which `talosctl get` finds a type (facts: ResourceDefinition). */
import { cosiTypes, type CosiType, type Item } from './cosi-types.ts';

export const definitionType = 'ResourceDefinitions.meta.cosi.dev';
export const namespaceType = 'Namespaces.meta.cosi.dev';

export function singular(plural: string): string {
  if (plural.endsWith('sses') || plural.endsWith('uses') || plural.endsWith('ddresses')) return plural.slice(0, -2);
  if (plural.endsWith('ies')) return `${plural.slice(0, -3)}y`;
  return plural.endsWith('s') ? plural.slice(0, -1) : plural;
}

/** Short names: the capitals of the plural, when there are two, also with an s unless they end in one. */
function capitals(plural: string): readonly string[] {
  const letters = (plural.match(/[A-Z]/g) ?? []).join('').toLowerCase();
  if (letters.length < 2) return [];
  return letters.endsWith('s') ? [letters] : [letters, `${letters}s`];
}

export function definitionOf(type: CosiType): Item {
  const [plural = '', ...suffix] = type.type.split('.');
  const display = singular(plural);
  const extra = type.type.startsWith('Services.') ? ['svc'] : type.type.startsWith('MachineConfigs.') ? ['mc'] : [];
  const aliases = [...new Set([display.toLowerCase(), ...capitals(plural), ...extra])];
  const names = suffix.map((_part, i) => [plural, ...suffix.slice(0, i + 1)].join('.').toLowerCase());
  const allAliases = [...new Set([plural.toLowerCase(), ...names, ...aliases])];
  const columns = (type.columns ?? []).map(([name, jsonPath]) => ({ name, jsonPath }));
  return {
    id: type.type.toLowerCase(),
    proto: {
      resourceType: type.type, displayType: display, defaultNamespace: type.namespace, aliases, allAliases, printColumns: columns,
      sensitivity: type.sensitive ? 'SENSITIVE' : 'NON_SENSITIVE',
    },
    yaml: {
      type: type.type, displayType: display, aliases, allAliases, printColumns: columns, defaultNamespace: type.namespace,
      sensitivity: type.sensitive ? 'sensitive' : '',
    },
  };
}

/** The types of types, and of namespaces. */
export const metaTypes: readonly CosiType[] = [
  {
    type: definitionType, namespace: 'meta', message: 'cosi.resource.meta.ResourceDefinitionSpec', columns: [['Aliases', '{.aliases[:]}']],
    items: () => [...cosiTypes, ...metaTypes].map(definitionOf),
  },
  {
    type: namespaceType, namespace: 'meta', message: 'cosi.resource.meta.NamespaceSpec', columns: [['Description', '{.description}']],
    items: () => [],
  },
];

const byType: ReadonlyMap<string, CosiType> = new Map([...cosiTypes, ...metaTypes].map((type) => [type.type, type]));

export function findType(type: string): CosiType | undefined {
  return byType.get(type);
}
