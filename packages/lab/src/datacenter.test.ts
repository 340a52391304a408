import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { memoryFiles, ProblemError } from '@keelson/std';
import { labAddresses, moveAddresses } from './addresses.ts';
import { defaultSchematic, parseDatacenter, readDatacenter } from './datacenter.ts';

const example = readFileSync(new URL('../../../examples/datacenter/lab.yaml', import.meta.url), 'utf8');

function complaint(text: string): { readonly where: string; readonly why: string } {
  try {
    parseDatacenter(text, 'lab.yaml');
  } catch (error) {
    assert.ok(error instanceof ProblemError);
    assert.equal(error.problem.code, 'LAB.FILE_INVALID');
    return error.problem;
  }
  throw new Error('the file was accepted');
}

test('the example has one rack of six machines with accounts, disks and makes of their own', () => {
  const { machines, images, git, network } = parseDatacenter(example, 'lab.yaml');
  assert.deepEqual(machines.map((machine) => [machine.name, machine.rack, machine.slot, machine.index]), [1, 2, 3, 4, 5, 6].map((i) => [`r1u0${i}`, 'r1', i, i]));
  assert.deepEqual([...new Set(machines.map((machine) => machine.vendor))].sort(), ['dell', 'generic', 'hpe', 'strict']);
  assert.equal(new Set(machines.map((machine) => machine.uuid)).size, 6);
  assert.equal(images[0]!.schematics[0], defaultSchematic);
  assert.deepEqual([git.branch, network], ['main', '127.77.0.0/16']);
});

test('the default schematic is the published id of an image without customisation', () => {
  assert.equal(defaultSchematic, '376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba');
});

test('a mistake in the file is told with its line and its field', () => {
  const lineOf = (text: string) => example.split('\n').findIndex((line) => line.includes(text)) + 1;
  const cases: readonly (readonly [string, string, RegExp, number])[] = [
    ['a MAC in the wrong form', example.replace("'02:77:01:00:02:00'", 'nonsense'), /nics\[0\]\.mac: must be a lower-case MAC/, lineOf("'02:77:01:00:02:00'")],
    ['an unknown field', example.replace('memoryGiB: 64', 'memoryGB: 64'), /memoryGB is not a field/, lineOf('memoryGiB: 64')],
    ['an unknown make', example.replace('vendor: dell', 'vendor: acme'), /vendor: must be one of generic, dell, hpe, strict/, lineOf('vendor: dell')],
    ['a network outside', example.replace('127.77.0.0/16', '10.0.0.0/16'), /must be a \/16 in 127/, lineOf('network: 127.77')],
    ['broken YAML', example.replace('git:', 'git: ['), /lab\.yaml:\d+/, 0],
  ];
  for (const [what, text, why, line] of cases) {
    const found = complaint(text);
    assert.match(found.why, why, what);
    if (line > 0) assert.ok(found.why.includes(`lab.yaml:${line}:`), `${what}: ${found.why} should name line ${line}`);
  }
});

test('two machines with one serial or MAC are refused', () => {
  assert.match(complaint(example.replace('KLN0002', 'KLN0001')).why, /serial KLN0001 is used by r1u01 and r1u02/);
  assert.match(complaint(example.replace("'02:77:01:00:02:01'", "'02:77:01:00:01:01'")).why, /MAC .* is used by r1u01 and r1u02/);
});

test('a folder without a lab file is a problem that says where it was looked for', async () => {
  await assert.rejects(readDatacenter(memoryFiles(), '/empty/'), (error: unknown) => error instanceof ProblemError && error.problem.code === 'LAB.FILE_MISSING' && error.problem.where === '/empty/lab.yaml');
});

test('addresses follow the index, and never meet between a thousand machines', () => {
  const { bmc, node, git } = labAddresses('127.77.0.0/16');
  assert.deepEqual([bmc(1), node(1), bmc(6).host, git.host], [{ host: '127.77.1.11', port: 8443 }, '127.77.2.11', '127.77.1.16', '127.77.0.10']);
  const all = Array.from({ length: 3000 }, (_none, i) => [bmc(i + 1).host, node(i + 1)]).flat();
  assert.equal(new Set(all).size, 6000);
  assert.ok(all.every((address) => address.split('.').every((part) => Number(part) <= 255)));
});

test('only whole addresses of the example network move', () => {
  assert.equal(moveAddresses('a: https://127.77.1.11:8443 b: 127.77.3.1', '127.90.'), 'a: https://127.90.1.11:8443 b: 127.90.3.1');
  for (const text of ['1127.77.1.1', '127.77.1', '10.127.77.1.1', '127.78.1.1']) assert.equal(moveAddresses(text, '127.90.'), text);
});
