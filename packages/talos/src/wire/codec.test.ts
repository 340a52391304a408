import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { decode, encode, isMessageName, WireError } from './codec.ts';
import { messageFields } from './schema.gen.ts';
import type { TalosMessageName } from './method.ts';

interface GoldenLine {
  readonly name: TalosMessageName;
  readonly value: Record<string, unknown>;
  readonly hex: string;
}

const golden: readonly GoldenLine[] = readFileSync(new URL('testdata/upstream-encoded.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .slice(1)
  .map((line) => {
    const [name, value, hex] = JSON.parse(line) as [string, unknown, string];
    assert.ok(isMessageName(name), `${name} is declared`);
    return { name, value: fromGolden(value) as Record<string, unknown>, hex };
  });

/** Upstream's field names to ours, and the marked values to theirs. */
function fromGolden(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(fromGolden);
  if (typeof value !== 'object' || value === null) return value;
  const record = value as Record<string, unknown>;
  if ('$int' in record) return BigInt(String(record['$int']));
  if ('$hex' in record) return new Uint8Array(Buffer.from(String(record['$hex']), 'hex'));
  if ('$map' in record) return Object.fromEntries(Object.entries(record['$map'] as object).map(([key, item]) => [key, fromGolden(item)]));
  return Object.fromEntries(Object.entries(record).map(([key, item]) => [key.replace(/_([a-z0-9])/g, (_all, letter: string) => letter.toUpperCase()), fromGolden(item)]));
}

const bytesOf = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'));
const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

/** Leaves out, from the inside out, what decoding adds: empty lists, maps and messages, and the empty text of fields newer than the recorded release. */
function withoutZeros(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutZeros);
  if (!isPlain(value)) return value;
  const entries = Object.entries(value).map(([key, item]) => [key, withoutZeros(item)] as const);
  const isEmpty = (item: unknown) => item === '' || (Array.isArray(item) && item.length === 0) || (isPlain(item) && Object.keys(item).length === 0);
  return Object.fromEntries(entries.filter(([, item]) => !isEmpty(item)));
}

function isPlain(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}

describe('against the encoder of upstream', () => {
  it('has golden bytes for nearly every message that is declared', () => {
    const covered = new Set(golden.map(({ name }) => name as string));
    const missing = Object.keys(messageFields).filter((name) => !covered.has(name));
    assert.deepEqual(missing, ['machine.StorageServiceStatfsRequest', 'machine.StorageServiceStatfsResponse'], 'only what the recorded release did not have yet');
  });

  for (const { name, value, hex } of golden) {
    it(`encodes ${name} to the same bytes and reads it back`, () => {
      const encoded = encode(name, value as never);
      assert.deepEqual(decode(name, encoded), decode(name, bytesOf(hex)));
      assert.equal(encoded.length, bytesOf(hex).length);
      assert.equal(hexOf(encode(name, decode(name, bytesOf(hex)) as never)), hexOf(encoded));
      assert.deepEqual(withoutZeros(decode(name, bytesOf(hex))), withoutZeros(value));
    });
  }
});

describe('encode', () => {
  const byHand: readonly [string, () => Uint8Array, string][] = [
    ['an empty message', () => encode('machine.BootstrapRequest', {}), ''],
    ['zero scalars, which are not written', () => encode('machine.ResetRequest', { graceful: false, mode: 'ALL', userDisksToWipe: [] }), ''],
    ['field numbers that skip reserved ones', () => encode('machine.ApplyConfigurationRequest', { data: new Uint8Array([1, 2]), mode: 'NO_REBOOT', dryRun: true, tryModeTimeout: { seconds: 60n } }), '0a020102' + '2002' + '2801' + '3202083c'],
    ['a nested list', () => encode('machine.ResetRequest', { reboot: true, systemPartitionsToWipe: [{ label: 'STATE', wipe: true }] }), '1001' + '1a090a0553544154451001'],
    ['the largest uint64', () => encode('machine.EtcdRemoveMemberByIDRequest', { memberId: 2n ** 64n - 1n }), '08ffffffffffffffffff01'],
    ['a present empty string of a oneof', () => encode('machine.ImageServicePullResponse', { name: '' }), '0a00'],
    ['a present empty string with explicit presence', () => encode('cosi.resource.WatchRequest', { id: '' }), '1a00'],
    ['an exit code of zero in a oneof', () => encode('machine.LifecycleServiceInstallProgress', { exitCode: 0 }), '1000'],
  ];
  for (const [what, run, hex] of byHand) it(`writes ${what}`, () => assert.equal(hexOf(run()), hex));

  const refused: readonly [string, () => Uint8Array, RegExp][] = [
    ['an unknown field', () => encode('machine.ResetRequest', { gracefull: true } as never), /machine\.ResetRequest: machine\.ResetRequest has no field gracefull/],
    ['an unknown enum name', () => encode('machine.ResetRequest', { mode: 'EVERYTHING' as never }), /mode: string is not one of machine\.ResetRequest\.WipeMode: ALL, SYSTEM_DISK, USER_DISKS/],
    ['a number for a 64-bit integer', () => encode('machine.EtcdRemoveMemberByIDRequest', { memberId: 5 as never }), /memberId: 5 is not a uint64/],
    ['a negative uint64', () => encode('machine.EtcdRemoveMemberByIDRequest', { memberId: -1n }), /-1 is not a uint64/],
    ['a fraction', () => encode('machine.EventsRequest', { tailEvents: 1.5 }), /1\.5 is not a int32/],
    ['text for bytes', () => encode('machine.ApplyConfigurationRequest', { data: 'secret' as never }), /data: string is not a bytes/],
    ['two members of a oneof', () => encode('machine.LifecycleServiceInstallProgress', { message: 'a', exitCode: 1 }), /message and exitCode exclude each other/],
    ['one value for a list', () => encode('machine.ResetRequest', { userDisksToWipe: '/dev/sdb' as never }), /userDisksToWipe: expected a list/],
  ];
  for (const [what, run, message] of refused) {
    it(`refuses ${what}`, () => assert.throws(run, (error) => error instanceof WireError && message.test(error.message)));
  }
});

describe('decode', () => {
  it('fills in zero values and leaves messages out that were not sent', () => {
    assert.deepEqual(decode('machine.EtcdMember', new Uint8Array()), { id: 0n, hostname: '', peerUrls: [], clientUrls: [], isLearner: false });
    assert.deepEqual(decode('cosi.resource.Event', new Uint8Array()), { eventType: 'CREATED' });
  });
  it('skips fields that it does not know', () => {
    assert.deepEqual(decode('machine.EtcdRemoveMemberByIDRequest', bytesOf('0805' + 'fa0f026869')), { memberId: 5n });
  });
  it('keeps the number of an enum value that it does not know', () => {
    assert.equal(decode('machine.RebootRequest', bytesOf('0863')).mode, 99);
  });
  it('names the message whose bytes are cut short', () => {
    assert.throws(() => decode('machine.Event', bytesOf('12ff')), /decoding machine\.Event from 2 bytes/);
  });
  it('hands out bytes that do not change with the received buffer', () => {
    const wire = bytesOf('12020102');
    const { bytes } = decode('common.Data', wire);
    wire.fill(0);
    assert.deepEqual(bytes, new Uint8Array([1, 2]));
  });
});
