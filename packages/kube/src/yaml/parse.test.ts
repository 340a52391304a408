import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDocuments, parseYaml, stringifyDocuments, stringifyYaml, YamlError } from './index.ts';

const manifest = `# a comment
apiVersion: v1
kind: ConfigMap
metadata:
  name: a
  labels:
    app.kubernetes.io/name: x
data: {}
---
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: b
spec:
  replicas: 2
  template:
    spec:
      containers:
      - name: web
        image: nginx
      - name: side
        ports:
        - containerPort: 80
...
---
# nothing here
`;

test('gives each document with its file and first line, and leaves empty ones out', () => {
  const documents = parseDocuments(manifest, { file: 'apps/a.yaml' });
  assert.deepEqual(
    documents.map(({ object, line, file }) => [object['kind'], line, file]),
    [
      ['ConfigMap', 2, 'apps/a.yaml'],
      ['Deployment', 11, 'apps/a.yaml'],
    ],
  );
});

test('names the line of a field, or of the nearest one above it', () => {
  const [config, deployment] = parseDocuments(manifest);
  const lines: [string, number][] = [
    ['spec.replicas', 16],
    ['spec.template.spec.containers[1]', 22],
    ['spec.template.spec.containers[1].ports[0].containerPort', 24],
    ['spec.template.spec.containers[name="side"].ports', 23],
    ['.spec.template.spec.containers[0].imagePullPolicy', 20],
    ['spec.strategy.type', 15],
    ['status', 11],
    ['', 11],
  ];
  for (const [path, line] of lines) assert.equal(deployment?.lineOf(path), line, path);
  assert.equal(config?.lineOf('metadata.labels.app.kubernetes.io/name'), 7);
  assert.equal(config?.lineOf('metadata.labels[app.kubernetes.io/name]'), 7);
});

function refusal(text: string): YamlError {
  try {
    parseDocuments(text, { file: 'f.yaml' });
  } catch (error) {
    if (error instanceof YamlError) return error;
    throw error;
  }
  throw new Error(`was read: ${text}`);
}

test('says where and why a text is not YAML, and what to do', () => {
  const cases: [string, string, RegExp, RegExp][] = [
    ['a: 1\nb:\n  c: 1\n  c: 2\n', 'f.yaml:4:3', /key "c" is already set in line 3/, /remove one/],
    ['a:\n\tb: 1\n', 'f.yaml:2:1', /tab/i, /spaces/],
    ['a: "x\nb: 1\n', 'f.yaml:', /quote|Missing/i, /missing/],
    ['a: {{ .Values.x }}\n', 'f.yaml:1:', /./, /template/],
    ['<<<<<<< HEAD\na: 1\n', 'f.yaml:', /./, /merge conflict/],
    ['a: *nope\n', 'f.yaml:1:4', /nope/, /define it before/],
    ['a: b: c\n', 'f.yaml:1:', /./, /quoted/],
    ['- a\n- b\n', 'f.yaml:1:1', /is a list/, /one object per document/],
    ['just text\n', 'f.yaml:1:1', /single value/, /one object per document/],
    ['a: &x\n  b: *x\n', 'f.yaml:2:6', /contains itself/, /write the inner part out/],
    ['a: .inf\n', 'f.yaml:1:4', /no counterpart in JSON/, /quote it/],
  ];
  for (const [text, where, why, hint] of cases) {
    const error = refusal(text);
    assert.ok(error.message.startsWith(where), `${JSON.stringify(text)}: ${error.message}`);
    assert.match(error.why, why);
    assert.match(error.hint, hint);
  }
});

test('is a problem that names the file, the place and the next step', () => {
  const { problem } = refusal('a: 1\na: 2\n');
  assert.deepEqual([problem.code, problem.reason, problem.where], ['YAML.INVALID', 'InvalidYaml', 'f.yaml:2:1']);
  assert.equal(problem.summary, 'f.yaml cannot be read as YAML');
  assert.match(problem.next[0] ?? '', /remove one/);
});

test('follows aliases and merge keys, and what a map says itself wins', () => {
  const text = 'base: &b {k: 1, l: 2}\nother: &o {k: 5, m: 6}\nd:\n  <<: *b\n  l: 3\ne:\n  <<: [*b, *o]\nc: *b\n';
  assert.deepEqual(parseYaml(text), { base: { k: 1, l: 2 }, other: { k: 5, m: 6 }, d: { k: 1, l: 3 }, e: { k: 1, l: 2, m: 6 }, c: { k: 1, l: 2 } });
});

test('refuses aliases that blow a small text up', () => {
  const rows = Array.from({ length: 12 }, (_, index) => `a${index}: &a${index} [${Array.from({ length: 10 }, () => (index === 0 ? 'x' : `*a${index - 1}`)).join(', ')}]`);
  assert.match(refusal(`${rows.join('\n')}\n`).why, /too large/);
});

test('keeps a key named __proto__ as data', () => {
  const value = parseYaml('__proto__:\n  x: 1\n') as object;
  assert.deepEqual(Object.keys(value), ['__proto__']);
  assert.equal(Object.getPrototypeOf(value), Object.prototype);
});

test('keeps the order of keys unless asked to sort, and leaves undefined fields out', () => {
  const value = { kind: 'A', apiVersion: 'v1', spec: { b: undefined, a: [{ z: 1, y: 2 }] } };
  assert.equal(stringifyYaml(value), 'kind: A\napiVersion: v1\nspec:\n  a:\n  - z: 1\n    "y": 2\n');
  assert.equal(stringifyYaml(value, { sortKeys: true }), 'apiVersion: v1\nkind: A\nspec:\n  a:\n  - "y": 2\n    z: 1\n');
  assert.equal(stringifyDocuments([{ a: 1 }, { b: 2 }]), 'a: 1\n---\nb: 2\n');
});

test('writes texts of any characters so that they read back the same', () => {
  const samples = ['\ufeffx', '\u2028', '\u0085', 'word '.repeat(60), `${'long '.repeat(40)}\nnext`, 'a\nb'.repeat(3), '  x\n y', '\n\n', 'a: b\n# c\n', '\ud83d\ude00', 'tab\tx', '\r\n', ''];
  for (const sample of samples) {
    for (const value of [{ v: sample }, [sample], { [sample]: 1 }, { a: { b: [[sample, { c: sample }]] } }]) {
      assert.deepEqual(parseYaml(stringifyYaml(value)), value, JSON.stringify(value));
    }
  }
});
