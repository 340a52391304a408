import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProblemError, problemLine } from '@keelson/std';
import { type BuildOptions, build, buildObjects } from './build.ts';
import { virtualFiles } from './files.ts';

const config = (name: string) => `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\n`;

function failure(files: Readonly<Record<string, string>>, folder = '', options: BuildOptions = {}): string {
  try {
    build(virtualFiles(files), folder, options);
  } catch (error) {
    if (error instanceof ProblemError) return problemLine(error.problem);
    throw error;
  }
  return 'no error';
}

/** Files of which `kustomization.yaml` is the first, and the line a user should read. */
const cases: readonly (readonly [what: string, files: Readonly<Record<string, string>>, line: RegExp])[] = [
  ['no kustomization', { 'a.yaml': config('a') }, /^cannot find kustomization.yaml: the folder has no kustomization.yaml/],
  ['two kustomizations', { 'kustomization.yaml': 'resources: []', Kustomization: 'resources: []' }, /more than one kustomization file: kustomization.yaml, Kustomization; where: Kustomization; .*\[KUSTOMIZE.INVALID\]$/],
  ['an empty file', { 'kustomization.yaml': '' }, /the file is empty; where: kustomization.yaml:1/],
  ['broken YAML', { 'kustomization.yaml': 'resources:\n- a.yaml\n  b: [\n' }, /^kustomization.yaml is not valid YAML: .*; where: kustomization.yaml:\d; .*\[KUSTOMIZE.YAML\]$/],
  ['an unknown field', { 'kustomization.yaml': 'namespace: x\nresurces: [a.yaml]\n' }, /unknown field "resurces"; where: kustomization.yaml:2/],
  ['an unknown nested field', { 'kustomization.yaml': 'images:\n- name: a\n- name: b\n  tag: c\n' }, /unknown field "images.tag"; where: kustomization.yaml:4/],
  ['a wrong type', { 'kustomization.yaml': 'resources:\n- a: b\n' }, /resources\[0\] must be a string; where: kustomization.yaml:2/],
  ['a number for a label', { 'kustomization.yaml': 'commonLabels:\n  a: x\n  b: 1\n' }, /commonLabels.b must be a string: put 1 in quotes; where: kustomization.yaml:3/],
  ['a YAML 1.1 boolean', { 'kustomization.yaml': 'namePrefix: yes\n' }, /namePrefix must be a string, not true/],
  ['replacements', { 'kustomization.yaml': 'namespace: a\nreplacements:\n- path: r.yaml\n' }, /^kustomization.yaml uses replacements, which is not supported yet: .*; where: kustomization.yaml:3; .*\[KUSTOMIZE.UNSUPPORTED\]$/],
  ['helm charts', { 'kustomization.yaml': 'helmCharts:\n- name: x\n' }, /uses helmCharts, .*kustomization.yaml:2/],
  ['transformers', { 'kustomization.yaml': 'transformers: [t.yaml]\n' }, /uses transformers/],
  ['a remote base', { 'kustomization.yaml': 'resources:\n- https://github.com/a/b//c?ref=v1\n' }, /uses a remote base, .*: https:\/\/github.com\/a\/b\/\/c\?ref=v1 is fetched from elsewhere.*; where: kustomization.yaml:2/],
  ['a remote base without a scheme', { 'kustomization.yaml': 'resources: [github.com/a/b]\n' }, /uses a remote base/],
  ['a remote base by ssh', { 'kustomization.yaml': 'resources: ["git@github.com:a/b"]\n' }, /uses a remote base/],
  ['a missing resource', { 'kustomization.yaml': 'resources:\n- a.yaml\n', 'b.yaml': config('b') }, /^cannot find a.yaml: there is no such file or folder; where: kustomization.yaml:2; .*\[KUSTOMIZE.NOT_FOUND\]$/],
  ['a folder without a kustomization', { 'kustomization.yaml': 'resources: [base]\n', 'base/a.yaml': config('a') }, /the folder base has no kustomization.yaml; where: kustomization.yaml:1/],
  ['a path out of the repository', { 'kustomization.yaml': 'resources: [../a.yaml]\n' }, /\.\.\/a.yaml leaves the repository; where: kustomization.yaml:1/],
  ['a cycle', { 'kustomization.yaml': 'resources: [a]\n', 'a/kustomization.yaml': 'resources: [../b]\n', 'b/kustomization.yaml': 'resources:\n- ../a\n' }, /leads back to a folder that is being built: \. → a → b → a; where: b\/kustomization.yaml:2/],
  ['a component among resources', { 'kustomization.yaml': 'resources: [c]\n', 'c/kustomization.yaml': 'apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n' }, /c is a Component; name it under components/],
  ['a wrong apiVersion', { 'kustomization.yaml': 'apiVersion: kustomize.config.k8s.io/v1\nkind: Kustomization\n' }, /apiVersion of a Kustomization must be kustomize.config.k8s.io\/v1beta1/],
  ['broken YAML in a resource', { 'kustomization.yaml': 'resources: [a.yaml]\n', 'a.yaml': `${config('a')}---\nkind: ConfigMap\n  bad: indent\n` }, /^a.yaml is not valid YAML: .*; where: a.yaml:6; /],
  ['a duplicate key', { 'kustomization.yaml': 'resources: [a.yaml]\n', 'a.yaml': `${config('a')}data:\n  k: 1\n  k: 2\n` }, /a.yaml is not valid YAML: .*unique.*; where: a.yaml:7/],
  ['no kind', { 'kustomization.yaml': 'resources: [a.yaml]\n', 'a.yaml': `${config('a')}---\nfoo: bar\n` }, /the object has no kind; where: a.yaml:6; .*\[KUSTOMIZE.OBJECT_INVALID\]$/],
  ['no name', { 'kustomization.yaml': 'resources: [a.yaml]\n', 'a.yaml': 'kind: ConfigMap\nmetadata:\n  generateName: x\n' }, /ConfigMap has no metadata.name; where: a.yaml:1/],
  ['a number for an annotation', { 'kustomization.yaml': 'resources: [a.yaml]\n', 'a.yaml': `${config('a')}  annotations: {x: 1}\n` }, /metadata.annotations of ConfigMap a: the value of x must be a string/],
  ['one object twice', { 'kustomization.yaml': 'resources: [a.yaml, b.yaml]\n', 'a.yaml': config('a'), 'b.yaml': `# b\n${config('a')}  namespace: default\n` }, /^two objects are both ConfigMap \(v1\) default\/a: the first is in a.yaml:1; where: b.yaml:2; .*\[KUSTOMIZE.CONFLICT\]$/],
  ['two objects in one namespace', { 'kustomization.yaml': 'namespace: x\nresources: [a.yaml]\n', 'a.yaml': `${config('a')}---\n${config('a')}  namespace: other\n` }, /two objects are both ConfigMap \(v1\) x\/a/],
  ['a patch without a target', { 'kustomization.yaml': 'resources: [a.yaml]\npatches:\n- path: p.yaml\n', 'a.yaml': config('a'), 'p.yaml': `# p\n${config('b')}` }, /^a patch in p.yaml cannot be applied: no object is ConfigMap \(v1\) default\/b; where: p.yaml:2; .*\[KUSTOMIZE.PATCH_FAILED\]$/],
  ['a patch in another namespace', { 'kustomization.yaml': 'resources: [a.yaml]\npatches:\n- path: p.yaml\n', 'a.yaml': `${config('a')}  namespace: x\n`, 'p.yaml': config('a') }, /no object is ConfigMap \(v1\) default\/a; near: ConfigMap \(v1\) x\/a/],
  ['a patch without a name', { 'kustomization.yaml': 'resources: [a.yaml]\npatches:\n- target: {kind: ConfigMap}\n  patch: |\n    data: {}\n', 'a.yaml': config('a') }, /needs kind and metadata.name, also when it has a target; where: kustomization.yaml:\d/],
  ['a patch of another shape', { 'kustomization.yaml': 'resources: [a.yaml]\npatches:\n- path: p.yaml\n', 'a.yaml': `${config('a')}data: {k: v}\n`, 'p.yaml': `${config('a')}data: [k]\n` }, /ConfigMap \(v1\) default\/a: the field "data" is a map in the object and a list in the patch; where: p.yaml:1/],
  ['a JSON patch that does not fit', { 'kustomization.yaml': 'resources: [a.yaml]\npatches:\n- target: {kind: ConfigMap}\n  path: p.yaml\n', 'a.yaml': config('a'), 'p.yaml': '- op: remove\n  path: /data/x\n' }, /ConfigMap \(v1\) default\/a: remove of "\/data\/x": there is no "\/data"; where: p.yaml:1/],
  ['a JSON patch without a target', { 'kustomization.yaml': 'resources: [a.yaml]\npatches:\n- patch: "[{op: remove, path: /data}]"\n', 'a.yaml': config('a') }, /a JSON patch needs a target/],
  ['a bad expression in a target', { 'kustomization.yaml': 'resources: [a.yaml]\npatches:\n- target: {name: "a("}\n  patch: "[]"\n', 'a.yaml': config('a') }, /target.name "a\(" is not a regular expression/],
  ['a legacy JSON patch without a match', { 'kustomization.yaml': 'resources: [a.yaml]\npatchesJson6902:\n- target: {version: v1, kind: ConfigMap, name: b}\n  patch: "[]"\n', 'a.yaml': config('a') }, /no object matches the target/],
  ['a generator over an existing object', { 'kustomization.yaml': 'resources: [a.yaml]\nconfigMapGenerator:\n- name: a\n', 'a.yaml': config('a') }, /^cannot generate ConfigMap a: ConfigMap \(v1\) default\/a exists; behavior must be merge or replace; where: kustomization.yaml:3/],
  ['a merge into nothing', { 'kustomization.yaml': 'configMapGenerator:\n- name: a\n  behavior: merge\n' }, /does not exist, so behavior: merge has nothing to work on/],
  ['a generator\'s missing file', { 'kustomization.yaml': 'configMapGenerator:\n- name: a\n  files: [x.txt]\n' }, /^cannot find x.txt: .*; where: kustomization.yaml:2/],
  ['one key twice', { 'kustomization.yaml': 'secretGenerator:\n- name: a\n  literals: [k=1, k=2]\n' }, /cannot generate Secret a: the key k is given twice/],
  ['a bad key', { 'kustomization.yaml': 'secretGenerator:\n- name: a\n  literals: ["a b=1"]\n' }, /"a b" is not a valid key/],
  ['replicas of nothing', { 'kustomization.yaml': 'resources: [a.yaml]\nreplicas:\n- name: a\n  count: 2\n', 'a.yaml': config('a') }, /^cannot apply replicas of kustomization.yaml: no Deployment, .* is named a; where: kustomization.yaml:3/],
  ['a scalar where labels go', { 'kustomization.yaml': 'resources: [a.yaml]\ncommonLabels: {a: b}\n', 'a.yaml': 'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec: {template: text}\n' }, /cannot apply commonLabels of kustomization.yaml: considering field/],
];

for (const [what, files, line] of cases) {
  test(`tells ${what} with its place`, () => assert.match(failure(files), line));
}

test('an ambiguous reference is told', () => {
  const files = {
    'kustomization.yaml': 'namePrefix: z-\nresources: [one, two, pod.yaml]\n', 'one/kustomization.yaml': 'namePrefix: one-\nresources: [c.yaml]\n', 'one/c.yaml': config('c'),
    'two/kustomization.yaml': 'namePrefix: two-\nresources: [c.yaml]\n', 'two/c.yaml': config('c'),
    'pod.yaml': 'apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {volumes: [{name: v, configMap: {name: c}}]}\n',
  };
  assert.match(failure(files), /^Pod \(v1\) default\/z-p refers to a name that several objects have: "c" in spec\/volumes\/configMap\/name may mean ConfigMap \(v1\) default\/z-one-c, ConfigMap \(v1\) default\/z-two-c; where: pod.yaml:1/);
});

test('files outside the folder are refused only where that is asked for', () => {
  const files = { 'a.yaml': config('a'), 'x/kustomization.yaml': 'resources: [../a.yaml]\n' };
  assert.match(failure(files, 'x', { restrictFiles: true }), /..\/a.yaml is not in or below x/);
  assert.equal(failure(files, 'x'), 'no error');
});

test('a folder without a kustomization is taken as a whole, as Flux does', () => {
  const files = virtualFiles({
    'apps/b.yaml': config('b'), 'apps/a.yml': `${config('a1')}---\n${config('a2')}`, 'apps/values.yaml': 'replicas: 3\n', 'apps/README.md': '# no', 'apps/deep/c.yaml': config('c'),
    'apps/own/kustomization.yaml': 'namePrefix: own-\nresources: [d.yaml]\n', 'apps/own/d.yaml': config('d'), 'apps/own/not-listed.yaml': config('e'), 'other.yaml': config('x'),
  });
  assert.deepEqual(build(files, 'apps', { generateMissing: true }).map((object) => object.metadata.name), ['a1', 'a2', 'b', 'c', 'own-d']);
});

test('an overlay overrides names, appends patches and components, and merges images by name', () => {
  const files = virtualFiles({
    'kustomization.yaml': 'namespace: base\nnamePrefix: base-\nimages:\n- {name: i, newName: j, newTag: "1"}\nresources: [p.yaml]\n',
    'p.yaml': 'apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: a, image: i}, {name: b, image: k}]}\n',
    'c/kustomization.yaml': 'apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\ncommonAnnotations: {c: "1"}\n',
  });
  const overlay = { place: 'Kustomization a/b', namespace: 'over', namePrefix: 'over-', nameSuffix: '-z', components: ['c'], images: [{ name: 'i', newTag: '2' }, { name: 'k', newTag: '3' }], patches: [{ patch: '[{op: add, path: /spec/x, value: 1}]', target: { kind: 'Pod' } }] };
  assert.deepEqual(build(files, '', { overlay }), [{
    apiVersion: 'v1', kind: 'Pod', metadata: { name: 'over-p-z', namespace: 'over', annotations: { c: '1' } },
    spec: { containers: [{ name: 'a', image: 'j:2' }, { name: 'b', image: 'k:3' }], x: 1 },
  }]);
  assert.match(failure({ 'kustomization.yaml': 'resources: []\nnamespace: x\n' }, '', { overlay: { place: 'Kustomization a/b', patches: [{ patch: '{' }] } }), /Kustomization a\/b spec.patches\[0\]/);
});

test('every object knows its file and line', () => {
  const files = virtualFiles({ 'kustomization.yaml': 'resources: [base]\nconfigMapGenerator:\n- name: g\n', 'base/kustomization.yaml': 'resources: [a.yaml]\n', 'base/a.yaml': `# first\n${config('a')}---\n${config('b')}` });
  assert.deepEqual(buildObjects(files, '').map(({ object, origin }) => [object.metadata.name, origin.file, origin.line]), [['a', 'base/a.yaml', 2], ['b', 'base/a.yaml', 7], ['g-6ct58987ht', 'kustomization.yaml', 3]]);
});

test('four thousand objects build in linear time', () => {
  const documents = Array.from({ length: 4000 }, (_, i) => config(`c${i}`)).join('---\n');
  const files = virtualFiles({ 'kustomization.yaml': 'namePrefix: x-\nnamespace: ns\ncommonLabels: {a: b}\nresources: [a.yaml]\n', 'a.yaml': documents });
  assert.equal(build(files, '').length, 4000);
});
