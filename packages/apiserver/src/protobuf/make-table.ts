// Makes tables/protobuf.json from the contract data: the messages that request bodies of built-in kinds can hold.
import type { FieldRow, MessageTable } from './table.ts';
import { keptZeros } from './kept-zeros.ts';

export interface ProtoData {
  readonly types: Readonly<Record<string, { readonly fields: Readonly<Record<string, readonly [number, string]>> }>>;
}

interface Definition {
  readonly properties?: Readonly<Record<string, unknown>>;
  readonly required?: readonly string[];
}

/** OpenAPI definitions of the built-ins, which know JSON names and what is required. */
export type Definitions = Readonly<Record<string, Definition>>;

const packages: readonly (readonly [string, string])[] = [
  ['k8s.io.apimachinery.pkg.apis.meta.', 'meta.'],
  ['k8s.io.apiextensions_apiserver.pkg.apis.', ''],
  ['k8s.io.apimachinery.pkg.', ''],
  ['k8s.io.api.', ''],
];

function shortName(full: string): string {
  const known = packages.find(([prefix]) => full.startsWith(prefix));
  return known ? known[1] + full.slice(known[0].length) : full;
}

/** The name of a message's definition in OpenAPI. */
function definitionNames(short: string): string[] {
  const rest = short.startsWith('meta.') ? `io.k8s.apimachinery.pkg.apis.${short}` : `io.k8s.api.${short}`;
  return [rest, `io.k8s.apiextensions-apiserver.pkg.apis.${short}`];
}

/** Fields whose message's fields stand in their place in JSON (Go's `json:",inline"`). */
const inlined: ReadonlySet<string> = new Set([
  'core.v1.Volume.volumeSource', 'core.v1.PersistentVolumeSpec.persistentVolumeSource', 'core.v1.Probe.handler', 'core.v1.EphemeralContainer.ephemeralContainerCommon',
  'core.v1.ConfigMapEnvSource.localObjectReference', 'core.v1.ConfigMapKeySelector.localObjectReference', 'core.v1.ConfigMapProjection.localObjectReference',
  'core.v1.ConfigMapVolumeSource.localObjectReference', 'core.v1.SecretEnvSource.localObjectReference', 'core.v1.SecretKeySelector.localObjectReference',
  'core.v1.SecretProjection.localObjectReference', 'networking.v1.IngressRule.ingressRuleValue', 'admissionregistration.v1.RuleWithOperations.rule', 'admissionregistration.v1.NamedRuleWithOperations.ruleWithOperations',
]);

/** JSON names that do not follow from the proto name. */
const renamed: Readonly<Record<string, string>> = {
  'apiextensions.v1.JSONSchemaProps.ref': '$ref',
  'apiextensions.v1.JSONSchemaProps.schema': '$schema',
};

function jsonName(message: string, field: string, definition: Definition | undefined): string {
  const special = renamed[`${message}.${field}`];
  if (special !== undefined) return special;
  const properties = definition?.properties;
  if (!properties || field in properties) return field;
  const kebab = field.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  if (kebab in properties) return kebab;
  return Object.keys(properties).find((name) => name.toLowerCase() === field.toLowerCase()) ?? field;
}

const scalars: Readonly<Record<string, string>> = { string: 'string', bool: 'bool', int32: 'int', int64: 'int', double: 'double', bytes: 'bytes' };

/** The table: messages that the given kinds reach, in alphabetical order. */
export function makeTable(data: ProtoData, definitions: Definitions, roots: readonly string[]): MessageTable {
  const full = new Map(Object.keys(data.types).map((name) => [shortName(name), name]));
  const table: Record<string, Record<string, FieldRow>> = {};
  const waiting = [...roots];
  for (let short = waiting.pop(); short !== undefined; short = waiting.pop()) {
    const name = full.get(short);
    if (short in table || name === undefined) continue;
    const definition = definitionNames(short).map((one) => definitions[one]).find((one) => one !== undefined);
    const rows: Record<string, FieldRow> = {};
    table[short] = rows;
    for (const [field, [number, type]] of Object.entries(data.types[name]!.fields)) {
      const read = readType(type, name);
      if (!(read.base in scalars)) waiting.push(shortName(read.base));
      const json = jsonName(short, field, definition);
      const isKept = definition?.required?.includes(json) || keptZeros.has(json) || keptZeros.has(`${short}.${json}`);
      const marks = `${inlined.has(`${short}.${field}`) ? 'i' : ''}${isKept && read.base in scalars && read.prefix === '' && !keptZeros.has(`!${short}.${json}`) ? 'k' : ''}`;
      const row: FieldRow = [json, read.prefix + (scalars[read.base] ?? shortName(read.base))];
      rows[String(number)] = marks === '' ? row : [row[0], row[1], marks];
    }
  }
  return Object.fromEntries(Object.entries(table).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function readType(type: string, within: string): { prefix: '' | '*' | '%'; base: string } {
  const map = /^map<string,\s*(.+)>$/.exec(type);
  const repeated = /^repeated (.+)$/.exec(type);
  const bare = map?.[1] ?? repeated?.[1] ?? type;
  const base = bare in scalars ? bare : bare.startsWith('.') ? bare.slice(1) : `${within.slice(0, within.lastIndexOf('.'))}.${bare}`;
  return { prefix: map ? '%' : repeated ? '*' : '', base };
}

/** The table as a file: a line per message, so that a change reads as a diff. */
export function tableText(table: MessageTable): string {
  const lines = Object.entries(table).map(([name, fields]) => `${JSON.stringify(name)}: ${JSON.stringify(fields)}`);
  return `{\n${lines.join(',\n')}\n}\n`;
}
