import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { loadKindTable } from '@keelson/api/tables';
import { StatusError } from '../http/api-status.ts';
import { decodeProtobufObject, isProtobufBody } from './decode.ts';
import type { ProtoData } from './make-table.ts';
import { makeTable, tableText } from './make-table.ts';
import { rootMessages } from './roots.ts';

/** Bytes of a message: field number, then a number, a text or a message. */
type Part = readonly [number, number | bigint | string | Uint8Array];

function message(...parts: readonly Part[]): Uint8Array {
  return Buffer.concat(parts.map(([number, value]) => {
    if (typeof value === 'number' || typeof value === 'bigint') return Buffer.concat([varint(BigInt(number) << 3n), varint(BigInt.asUintN(64, BigInt(value)))]);
    const bytes = typeof value === 'string' ? Buffer.from(value) : value;
    return Buffer.concat([varint((BigInt(number) << 3n) | 2n), varint(BigInt(bytes.length)), bytes]);
  }));
}

function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = value;
  do {
    bytes.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Buffer.from(bytes);
}

const envelope = (apiVersion: string, kind: string, raw: Uint8Array) =>
  Buffer.concat([Buffer.from([0x6b, 0x38, 0x73, 0]), message([1, message([1, apiVersion], [2, kind])], [2, raw])]);
const metadata = (name: string) => message([1, name], [2, ''], [3, 'default'], [4, ''], [5, ''], [6, ''], [7, 0], [8, message()]);

test('the envelope is known by its first bytes', () => {
  assert.ok(isProtobufBody(envelope('v1', 'Pod', message())));
  assert.ok(!isProtobufBody(Buffer.from('{"kind":"Pod"}')));
});

test('texts, maps and bytes become their JSON, and what is not set is left out', () => {
  const entry = (key: string, value: string) => message([1, key], [2, value]);
  const secret = message([1, metadata('s')], [2, entry('a', 'x')], [2, entry('b', '')], [3, 'Opaque'], [5, 0]);
  assert.deepEqual(decodeProtobufObject(envelope('v1', 'Secret', secret)), {
    apiVersion: 'v1', kind: 'Secret', metadata: { name: 's', namespace: 'default' }, data: { a: 'eA==', b: '' }, type: 'Opaque', immutable: false,
  });
});

test('a zero is kept where it means something', () => {
  const spec = message([1, 0], [3, message([2, message([3, 'Always'], [11, 0])])], [5, 0], [7, 0]);
  const decoded = decodeProtobufObject(envelope('apps/v1', 'Deployment', message([1, metadata('d')], [2, spec]))) as { spec: object };
  assert.deepEqual(decoded.spec, { replicas: 0, template: { spec: { restartPolicy: 'Always' } } });
});

test('times, quantities, numbers-or-texts and inlined structs have their own JSON forms', () => {
  const micro = message([1, 1767225600], [2, 123456000]);
  const lease = decodeProtobufObject(envelope('coordination.k8s.io/v1', 'Lease', message([2, message([1, 'me'], [2, 15], [3, micro], [4, message()])])));
  assert.deepEqual(lease, { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', spec: { holderIdentity: 'me', leaseDurationSeconds: 15, acquireTime: '2026-01-01T00:00:00.123456Z' } });
  const port = message([1, 'http'], [2, 'TCP'], [3, 80], [4, message([1, 1], [3, 'web'])]);
  const service = decodeProtobufObject(envelope('v1', 'Service', message([2, message([1, port])])));
  assert.deepEqual(service, { apiVersion: 'v1', kind: 'Service', spec: { ports: [{ name: 'http', protocol: 'TCP', port: 80, targetPort: 'web' }] } });
  const volume = message([1, 'v'], [2, message([19, message([1, message([1, 'cm'])])])]);
  const limits = message([8, message([1, message([1, 'cpu'], [2, message([1, '500m'])])])]);
  const pod = decodeProtobufObject(envelope('v1', 'Pod', message([2, message([1, volume], [2, Buffer.concat([message([1, 'c']), limits])])])));
  assert.deepEqual((pod as { spec: object }).spec, { volumes: [{ name: 'v', configMap: { name: 'cm' } }], containers: [{ name: 'c', resources: { limits: { cpu: '500m' } } }] });
});

test('the schema of a definition is read with its special names and types', () => {
  const or = (schema: Uint8Array) => message([1, schema]);
  const leaf = message([5, 'string']);
  const props = message([5, 'object'], [24, or(leaf)], [29, message([1, 'x'], [2, message([5, 'integer'], [8, message([1, Buffer.from('3')])])])], [40, 1]);
  const version = message([1, 'v1'], [2, 1], [3, 1], [4, message([1, props])]);
  const decoded = decodeProtobufObject(envelope('apiextensions.k8s.io/v1', 'CustomResourceDefinition', message([2, message([7, version])])));
  const schema = (decoded as { spec: { versions: { schema: { openAPIV3Schema: Record<string, unknown> } }[] } }).spec.versions[0]?.schema.openAPIV3Schema;
  assert.equal(schema?.['type'], 'object');
  assert.deepEqual(schema?.['properties'], { x: { type: 'integer', default: 3 } });
});

const damaged: readonly (readonly [string, Uint8Array])[] = [
  ['a field cut short', Buffer.concat([Buffer.from([0x6b, 0x38, 0x73, 0]), Buffer.from([0x0a, 0x7f, 0x01])])],
  ['a number without end', Buffer.concat([Buffer.from([0x6b, 0x38, 0x73, 0]), Buffer.alloc(20, 0xff)])],
  ['a kind without protobuf', envelope('metal3.io/v1alpha1', 'BareMetalHost', message())],
  ['a group as type', Buffer.concat([Buffer.from([0x6b, 0x38, 0x73, 0]), Buffer.from([0x0b])])],
];
for (const [what, bytes] of damaged) {
  test(`${what} is refused as a bad request`, () => {
    assert.throws(() => decodeProtobufObject(bytes), (error) => error instanceof StatusError && error.status.code === 400);
  });
}

test('messages that contain themselves are read to a limit', () => {
  let schema: Uint8Array = message([5, 'object']);
  for (let depth = 0; depth < 200; depth++) schema = message([28, schema]);
  const version = message([4, message([1, schema])]);
  assert.throws(() => decodeProtobufObject(envelope('apiextensions.k8s.io/v1', 'CustomResourceDefinition', message([2, message([7, version])]))), /nested more than/);
});

const data = new URL('../../../../../shared/data/proto/kubernetes.json', import.meta.url);
if (existsSync(data)) {
  test('the table is what the contract data makes', () => {
    const kinds = loadKindTable('kubernetes');
    const made = tableText(makeTable(JSON.parse(readFileSync(data, 'utf8')) as ProtoData, kinds.definitions, rootMessages(kinds)));
    assert.equal(readFileSync(new URL('../../tables/protobuf.json', import.meta.url), 'utf8'), made);
  });
} else {
  process.stdout.write('the contract data is not here: the protobuf table is not compared with it\n');
}
