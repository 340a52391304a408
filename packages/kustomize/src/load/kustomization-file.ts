// The fields of kustomize.config.k8s.io/v1beta1 Kustomization and v1alpha1 Component, strict as upstream's decoder.
import { type Origin, kustomizeProblems, problemAt } from '../problems.ts';
import { parseYaml } from './parse-yaml.ts';
import { FieldReader } from './reader.ts';

export interface Located<T> {
  readonly value: T;
  readonly origin: Origin;
}
export type LocatedText = { readonly text: string; readonly origin: Origin };
export type StringMap = Readonly<Record<string, string>>;

export interface FieldSpec {
  readonly path: string;
  readonly group?: string;
  readonly version?: string;
  readonly kind?: string;
  readonly create?: boolean;
}

export interface LabelEntry {
  readonly pairs: StringMap;
  readonly includeSelectors: boolean;
  readonly includeTemplates: boolean;
  readonly includeVolumeClaimTemplates: boolean;
  readonly fields: readonly FieldSpec[];
}

export interface PatchTarget {
  readonly group?: string;
  readonly version?: string;
  readonly kind?: string;
  readonly name?: string;
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly annotationSelector?: string;
}

export interface PatchEntry {
  readonly path?: string;
  readonly patch?: string;
  readonly target?: PatchTarget;
  readonly allowNameChange: boolean;
  readonly allowKindChange: boolean;
  readonly origin: Origin;
}

export interface ImageEntry {
  readonly name: string;
  readonly newName?: string;
  readonly newTag?: string;
  readonly tagSuffix?: string;
  readonly digest?: string;
}

export interface GeneratorOptions {
  readonly labels?: StringMap;
  readonly annotations?: StringMap;
  readonly disableNameSuffixHash?: boolean;
  readonly immutable?: boolean;
}

export interface GeneratorEntry {
  readonly kind: 'ConfigMap' | 'Secret';
  readonly name: string;
  readonly namespace?: string;
  readonly behavior: 'create' | 'replace' | 'merge';
  readonly literals: readonly string[];
  readonly files: readonly string[];
  readonly envs: readonly string[];
  readonly options: GeneratorOptions;
  /** Of a Secret. */
  readonly type?: string;
  readonly origin: Origin;
}

export interface SortOrder {
  readonly order: 'legacy' | 'fifo';
  readonly first?: readonly string[];
  readonly last?: readonly string[];
}

export interface Kustomization {
  readonly origin: Origin;
  readonly kind: 'Kustomization' | 'Component';
  readonly resources: readonly LocatedText[];
  readonly components: readonly LocatedText[];
  readonly namespace?: string;
  readonly namePrefix?: string;
  readonly nameSuffix?: string;
  readonly labels: readonly LabelEntry[];
  readonly commonLabels?: StringMap;
  readonly commonAnnotations?: StringMap;
  readonly patchesStrategicMerge: readonly LocatedText[];
  readonly patches: readonly PatchEntry[];
  readonly patchesJson6902: readonly PatchEntry[];
  readonly images: readonly ImageEntry[];
  readonly replicas: readonly { readonly name: string; readonly count: number; readonly origin: Origin }[];
  readonly generators: readonly GeneratorEntry[];
  readonly generatorOptions?: GeneratorOptions;
  readonly sort?: SortOrder;
}

/** A kustomization with nothing in it, to build one from parts. */
export function emptyKustomization(origin: Origin): Kustomization {
  return {
    origin, kind: 'Kustomization', resources: [], components: [], labels: [], patchesStrategicMerge: [], patches: [], patchesJson6902: [], images: [], replicas: [], generators: [],
  };
}

const unsupported = [
  'replacements', 'vars', 'helmCharts', 'helmGlobals', 'helmChartInflationGenerator', 'generators', 'transformers', 'validators', 'configurations', 'crds', 'openapi', 'buildMetadata', 'inventory',
];

/** Reads a kustomization file. Throws KUSTOMIZE.YAML, KUSTOMIZE.INVALID or KUSTOMIZE.UNSUPPORTED, each with file and line. */
export function parseKustomization(text: string, file: string): Kustomization {
  const documents = parseYaml(text, file, 'kustomization');
  const document = documents[0];
  if (!document) throw problemAt(kustomizeProblems.invalid, { file, line: 1 }, 'the file is empty');
  if (documents.length > 1) throw problemAt(kustomizeProblems.invalid, { file, line: documents[1]!.line }, 'the file has more than one document');
  const fields = new FieldReader(document, file, [], document.value);
  if (fields.isEmpty()) throw problemAt(kustomizeProblems.invalid, { file, line: 1 }, 'the file is empty');
  for (const feature of unsupported) {
    if (fields.has(feature)) throw problemAt(kustomizeProblems.unsupported, fields.originOf(feature), `the field ${feature} is set`, { feature });
  }
  const decoded = decode(fields);
  fields.done();
  return decoded;
}

function decode(fields: FieldReader): Kustomization {
  const kind = fields.string('kind') ?? 'Kustomization';
  if (kind !== 'Kustomization' && kind !== 'Component') throw fields.invalid('kind', `kind must be Kustomization or Component, not ${kind}`);
  const apiVersion = fields.string('apiVersion');
  const wanted = kind === 'Component' ? 'kustomize.config.k8s.io/v1alpha1' : 'kustomize.config.k8s.io/v1beta1';
  if (apiVersion !== undefined && apiVersion !== wanted) throw fields.invalid('apiVersion', `apiVersion of a ${kind} must be ${wanted}, not ${apiVersion}`);
  fields.raw('metadata');
  return {
    origin: fields.origin,
    kind,
    resources: [...fields.strings('resources'), ...fields.strings('bases')],
    components: fields.strings('components'),
    namespace: fields.string('namespace'),
    namePrefix: fields.string('namePrefix'),
    nameSuffix: fields.string('nameSuffix'),
    labels: fields.maps('labels', decodeLabels),
    commonLabels: fields.stringMap('commonLabels'),
    commonAnnotations: fields.stringMap('commonAnnotations'),
    patchesStrategicMerge: fields.strings('patchesStrategicMerge'),
    patches: fields.maps('patches', decodePatch),
    patchesJson6902: fields.maps('patchesJson6902', decodePatch),
    images: [...fields.maps('images', decodeImage), ...fields.maps('imageTags', decodeImage)],
    replicas: fields.maps('replicas', (entry) => {
      const name = entry.string('name');
      const count = entry.integer('count');
      if (!name) throw entry.invalid('name', 'replicas needs a name');
      return { name, count: count ?? 0, origin: entry.origin };
    }),
    generators: [...fields.maps('configMapGenerator', (entry) => decodeGenerator('ConfigMap', entry)), ...fields.maps('secretGenerator', (entry) => decodeGenerator('Secret', entry))],
    generatorOptions: fields.map('generatorOptions', decodeOptions),
    sort: fields.map('sortOptions', decodeSort),
  };
}

function decodeLabels(fields: FieldReader): LabelEntry {
  return {
    pairs: fields.stringMap('pairs') ?? {},
    includeSelectors: fields.boolean('includeSelectors') ?? false,
    includeTemplates: fields.boolean('includeTemplates') ?? false,
    includeVolumeClaimTemplates: fields.boolean('includeVolumeClaimTemplates') ?? false,
    fields: fields.maps('fields', (entry) => {
      const path = entry.string('path');
      if (!path) throw entry.invalid('path', 'a field of labels needs a path');
      return { path, group: entry.string('group'), version: entry.string('version'), kind: entry.string('kind'), create: entry.boolean('create') };
    }),
  };
}

function decodePatch(fields: FieldReader): PatchEntry {
  const path = fields.string('path');
  const patch = fields.string('patch');
  if (!path === !patch) throw fields.invalid('patch', path ? 'a patch has either path or patch, not both' : 'a patch needs either path or patch');
  const options = fields.map('options', (entry) => ({ allowNameChange: entry.boolean('allowNameChange'), allowKindChange: entry.boolean('allowKindChange') }));
  return {
    path,
    patch,
    target: fields.map('target', (entry) => ({
      group: entry.string('group'),
      version: entry.string('version'),
      kind: entry.string('kind'),
      name: entry.string('name'),
      namespace: entry.string('namespace'),
      labelSelector: entry.string('labelSelector'),
      annotationSelector: entry.string('annotationSelector'),
    })),
    allowNameChange: options?.allowNameChange ?? false,
    allowKindChange: options?.allowKindChange ?? false,
    origin: path ? fields.originOf('path') : fields.originOf('patch'),
  };
}

function decodeImage(fields: FieldReader): ImageEntry {
  const name = fields.string('name');
  if (!name) throw fields.invalid('name', 'an entry of images needs a name');
  return { name, newName: fields.string('newName'), newTag: fields.string('newTag'), tagSuffix: fields.string('tagSuffix'), digest: fields.string('digest') };
}

function decodeOptions(fields: FieldReader): GeneratorOptions {
  return {
    labels: fields.stringMap('labels'),
    annotations: fields.stringMap('annotations'),
    disableNameSuffixHash: fields.boolean('disableNameSuffixHash'),
    immutable: fields.boolean('immutable'),
  };
}

function decodeGenerator(kind: GeneratorEntry['kind'], fields: FieldReader): GeneratorEntry {
  const name = fields.string('name');
  if (!name) throw fields.invalid('name', `an entry of ${kind === 'Secret' ? 'secretGenerator' : 'configMapGenerator'} needs a name`);
  const behavior = fields.string('behavior') ?? 'create';
  if (behavior !== 'create' && behavior !== 'replace' && behavior !== 'merge') throw fields.invalid('behavior', `behavior must be create, replace or merge, not "${behavior}"`);
  const env = fields.string('env');
  return {
    kind,
    name,
    namespace: fields.string('namespace'),
    behavior,
    literals: fields.strings('literals').map((entry) => entry.text),
    files: fields.strings('files').map((entry) => entry.text),
    envs: [...fields.strings('envs').map((entry) => entry.text), ...(env ? [env] : [])],
    options: fields.map('options', decodeOptions) ?? {},
    type: kind === 'Secret' ? fields.string('type') : undefined,
    origin: fields.origin,
  };
}

function decodeSort(fields: FieldReader): SortOrder {
  const order = fields.string('order') ?? 'fifo';
  if (order !== 'legacy' && order !== 'fifo') throw fields.invalid('order', `order must be legacy or fifo, not "${order}"`);
  const lists = fields.map('legacySortOptions', (entry) => ({ first: entry.strings('orderFirst').map(({ text }) => text), last: entry.strings('orderLast').map(({ text }) => text) }));
  if (lists && order !== 'legacy') throw fields.invalid('legacySortOptions', 'legacySortOptions goes only with order: legacy');
  return { order, ...lists };
}
