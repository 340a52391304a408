/**
 * Checks documents against the published structure: unknown keys, types, allowed words, patterns, required fields.
 * Upstream's decoder refuses unknown keys and unregistered kinds; the patterns come from its JSON schema.
 *
 * The published schema leaves out the fields of the v1alpha1 root for which documents exist now, though nodes still read
 * them, and is wrong in two places. Both are mended here, see `corrections` and `legacyFields`.
 */
import { documentId, isRecord, type ConfigDocument, type ConfigFinding } from './machine-config.ts';
import { definitions, kinds, patterns } from './schema.gen.ts';

type Shape =
  | { readonly kind: 'string' | 'int' | 'bool' | 'object' | 'any'; readonly min?: number; readonly max?: number }
  | { readonly kind: 'enum'; readonly words: readonly string[] }
  | { readonly kind: 'pattern'; readonly pattern: RegExp }
  | { readonly kind: 'list'; readonly of: Shape; readonly min: number }
  | { readonly kind: 'map'; readonly of: Shape }
  | { readonly kind: 'struct'; readonly name: string }
  | { readonly kind: 'oneOf'; readonly options: readonly Shape[] };

export interface Field {
  readonly shape: Shape;
  readonly isRequired: boolean;
  /** Read by nodes, but there is a document for it now. */
  readonly isLegacy: boolean;
}

const corrections: Readonly<Record<string, readonly string[]>> = {
  'v1alpha1.Config': ['persist: bool'],
  'v1alpha1.MachineConfig': ['acceptedCAs: []#v1alpha1.MachineConfig.acceptedCAs'],
  'v1alpha1.LoggingDestination': ['endpoint: string'],
  'security.ImageVerificationConfigV1Alpha1': ['apiVersion!: =v1alpha1', 'kind!: =ImageVerificationConfig', 'rules: []#security.ImageVerificationRule'],
  'security.ImageVerificationRule': ['image: string', 'skip: bool', 'deny: bool', 'keyless: #security.KeylessVerifier', 'publicKey: #security.PublicKeyVerifier'],
  'security.KeylessVerifier': ['issuer: string', 'subject: string', 'subjectRegex: string'],
  'security.PublicKeyVerifier': ['certificate: string'],
};

const extraKinds: Readonly<Record<string, string>> = { ImageVerificationConfig: 'security.ImageVerificationConfigV1Alpha1' };

const legacyFields: Readonly<Record<string, readonly string[]>> = {
  'v1alpha1.MachineConfig': [
    'controlPlane', 'kubelet', 'pods', 'network', 'disks', 'install', 'files', 'env', 'time', 'sysctls', 'sysfs', 'registries',
    'systemDiskEncryption', 'udev', 'kernel', 'baseRuntimeSpecOverrides', 'nodeLabels', 'nodeAnnotations', 'nodeTaints',
  ],
  'v1alpha1.FeaturesConfig': ['rbac', 'stableHostname', 'kubernetesTalosAPIAccess', 'apidCheckExtKeyUsage', 'kubePrism', 'hostDNS', 'imageCache'],
  'v1alpha1.ClusterConfig': [
    'id', 'secret', 'controlPlane', 'clusterName', 'network', 'aescbcEncryptionSecret', 'secretboxEncryptionSecret', 'ca', 'acceptedCAs', 'aggregatorCA',
    'serviceAccount', 'apiServer', 'controllerManager', 'proxy', 'scheduler', 'discovery', 'coreDNS', 'extraManifests', 'extraManifestHeaders',
    'inlineManifests', 'allowSchedulingOnControlPlanes', 'allowSchedulingOnMasters',
  ],
};

/** Every kind that a node knows. */
export function isKnownKind(kind: string): boolean {
  return Object.hasOwn(kinds, kind) || Object.hasOwn(extraKinds, kind);
}

/** The structure of a document's kind; undefined for an unknown kind. */
export function structOf(document: ConfigDocument): string | undefined {
  const kind = document['kind'];
  if (kind === undefined) return 'v1alpha1.Config';
  if (typeof kind !== 'string') return undefined;
  return Object.hasOwn(kinds, kind) ? kinds[kind] : Object.hasOwn(extraKinds, kind) ? extraKinds[kind] : undefined;
}

const structs = new Map<string, ReadonlyMap<string, Field>>();

/** The fields of a structure; read once. */
export function fieldsOf(name: string): ReadonlyMap<string, Field> {
  const known = structs.get(name);
  if (known) return known;
  const fields = new Map<string, Field>();
  for (const line of [...(definitions[name] ?? []), ...(corrections[name] ?? [])]) {
    const match = /^(.+?)(!?): (.+)$/.exec(line);
    if (!match) throw new Error(`unreadable schema line ${line}`);
    fields.set(match[1]!, { shape: parseShape(match[3]!), isRequired: match[2] === '!', isLegacy: false });
  }
  for (const field of legacyFields[name] ?? []) if (!fields.has(field)) fields.set(field, { shape: { kind: 'any' }, isRequired: false, isLegacy: true });
  structs.set(name, fields);
  return fields;
}

function parseShape(text: string): Shape {
  if (text.startsWith('[]')) return { kind: 'list', of: parseShape(text.slice(2)), min: 0 };
  if (text.startsWith('[+]')) return { kind: 'list', of: parseShape(text.slice(3)), min: 1 };
  if (text.startsWith('{}')) return { kind: 'map', of: parseShape(text.slice(2)) };
  if (text.startsWith('#')) return { kind: 'struct', name: text.slice(1) };
  if (text.startsWith('=')) return { kind: 'enum', words: text.slice(1).split('|') };
  if (text.startsWith('/')) return { kind: 'pattern', pattern: new RegExp(patterns[text.slice(1)]!, 'u') };
  if (text.startsWith('(')) return { kind: 'oneOf', options: text.slice(1, -1).split(' ').map(parseShape) };
  const range = /^int (\d+)\.\.(\d+)$/.exec(text);
  if (range) return { kind: 'int', min: Number(range[1]), max: Number(range[2]) };
  if (text === 'string' || text === 'int' || text === 'bool' || text === 'object') return { kind: text };
  throw new Error(`unreadable type ${text}`);
}

export interface SchemaCheckOptions {
  /** A patch need not be complete. */
  readonly isPartial?: boolean;
}

/** What in a document does not fit its kind. */
export function checkDocument(document: ConfigDocument, { isPartial = false }: SchemaCheckOptions = {}): readonly ConfigFinding[] {
  const id = documentId(document);
  const findings: ConfigFinding[] = [];
  const struct = structOf(document);
  if (struct === undefined) return [{ document: id, path: 'kind', message: `${JSON.stringify(document['kind'])} is not a kind of Talos configuration` }];
  checkStruct(struct, document, '', { isPartial, report: (path, message) => findings.push({ document: id, path, message }) });
  return findings;
}

interface Context {
  readonly isPartial: boolean;
  readonly report: (path: string, message: string) => void;
}

function checkStruct(name: string, value: Readonly<Record<string, unknown>>, path: string, context: Context): void {
  const fields = fieldsOf(name);
  for (const [key, item] of Object.entries(value)) {
    const field = fields.get(key);
    const inner = path === '' ? key : `${path}.${key}`;
    if (!field) context.report(inner, `there is no such field${nearest(key, fields.keys())}`);
    else if (item !== null && item !== undefined) checkValue(field.shape, item, inner, context);
  }
  if (context.isPartial) return;
  for (const [key, field] of fields) {
    if (field.isRequired && (value[key] === undefined || value[key] === null)) context.report(path === '' ? key : `${path}.${key}`, 'is required');
  }
}

function checkValue(shape: Shape, value: unknown, path: string, context: Context): void {
  const problem = scalarProblem(shape, value);
  if (problem) return context.report(path, problem);
  if (shape.kind === 'list' && Array.isArray(value)) return value.forEach((item, index) => checkValue(shape.of, item, `${path}[${index}]`, context));
  if (shape.kind === 'map' && isRecord(value)) return Object.entries(value).forEach(([key, item]) => item !== null && checkValue(shape.of, item, `${path}.${key}`, context));
  if (shape.kind === 'struct' && isRecord(value)) return checkStruct(shape.name, value, path, context);
}

/** What is wrong with a value by itself, without what it holds; values are not quoted, they may be secrets. */
function scalarProblem(shape: Shape, value: unknown): string | undefined {
  switch (shape.kind) {
    case 'any':
      return undefined;
    case 'string':
      // Upstream's decoder takes any scalar where it wants text.
      return typeof value === 'object' ? 'must be text' : undefined;
    case 'bool':
      return typeof value === 'boolean' ? undefined : 'must be true or false';
    case 'int':
      if (!Number.isInteger(value)) return 'must be a whole number';
      return shape.min !== undefined && ((value as number) < shape.min || (value as number) > shape.max!) ? `must be from ${shape.min} to ${shape.max}` : undefined;
    case 'enum':
      return shape.words.includes(String(value)) ? undefined : `must be one of ${shape.words.join(', ')}`;
    case 'pattern':
      return (typeof value === 'string' || typeof value === 'number') && (value === '' || shape.pattern.test(String(value))) ? undefined : `must match ${shape.pattern.source}`;
    case 'list':
      if (!Array.isArray(value)) return 'must be a list';
      return value.length < shape.min ? `needs at least ${shape.min} item` : undefined;
    case 'object':
    case 'map':
    case 'struct':
      return isRecord(value) ? undefined : 'must be a mapping';
    case 'oneOf':
      return shape.options.some((option) => scalarProblem(option, value) === undefined) ? undefined : `must be ${shape.options.map((option) => option.kind).join(' or ')}`;
  }
}

/** " (did you mean X?)" for a key that differs by case, one letter more, less or other. */
function nearest(key: string, candidates: Iterable<string>): string {
  for (const candidate of candidates) {
    if (candidate.toLowerCase() === key.toLowerCase() || isOneEditApart(candidate, key)) return ` (did you mean ${candidate}?)`;
  }
  return '';
}

function isOneEditApart(a: string, b: string): boolean {
  if (Math.abs(a.length - b.length) > 1) return false;
  let start = 0;
  while (start < a.length && a[start] === b[start]) start++;
  const restA = a.slice(start);
  const restB = b.slice(start);
  return restA.slice(1) === restB.slice(1) || restA === restB.slice(1) || restA.slice(1) === restB;
}
