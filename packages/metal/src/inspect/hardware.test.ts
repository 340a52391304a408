import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hardwareFromInventory, withAddresses } from './hardware.ts';
import { parseHardwareDetails } from './hardware-details-annotation.ts';

const nic = { name: 'eth0', mac: '52:54:00:00:00:01', ips: ['10.0.0.1', 'fd00::1'], speedMbps: 25_000, link: 'up' as const };
const inventory = {
  manufacturer: 'ACME', productName: 'M', serialNumber: 'S', hostname: '', biosVersion: '1.2', cpu: { arch: 'x86_64', model: 'C', clockMegahertz: 3000, count: 16 }, ramMebibytes: 1024,
  nics: [nic, { ...nic, name: 'eth1', mac: '52:54:00:00:00:02', ips: [] }],
  disks: [
    { name: 'd0', type: 'NVME' as const, sizeBytes: 10, vendor: 'V', model: 'N', serialNumber: 'D', wwn: '0x1' },
    { name: 'd1', type: 'unknown' as const, sizeBytes: 20, vendor: '', model: '', serialNumber: '', wwn: '' },
  ],
  missing: [],
};

test('writes one interface entry per address, and one for an interface without any', () => {
  const hardware = hardwareFromInventory(inventory, '52:54:00:00:00:02');
  assert.deepEqual(hardware.nics, [
    { name: 'eth0', mac: '52:54:00:00:00:01', speedGbps: 25, pxe: false, ip: '10.0.0.1' },
    { name: 'eth0', mac: '52:54:00:00:00:01', speedGbps: 25, pxe: false, ip: 'fd00::1' },
    { name: 'eth1', mac: '52:54:00:00:00:02', speedGbps: 25, pxe: true },
  ]);
});

test('leaves out what the BMC does not tell', () => {
  const hardware = hardwareFromInventory(inventory);
  assert.deepEqual(hardware.storage, [{ name: 'd0', sizeBytes: 10, rotational: false, type: 'NVME', vendor: 'V', model: 'N', serialNumber: 'D', wwn: '0x1' }, { name: 'd1', sizeBytes: 20, rotational: false }]);
  assert.ok(!('hostname' in hardware));
});

test('takes new addresses over and keeps interfaces the BMC does not list', () => {
  const known = hardwareFromInventory(inventory);
  const hardware = withAddresses({ ...known, nics: [...(known.nics ?? []), { name: 'bond', mac: 'aa:00:00:00:00:01', ip: '10.9.9.9' }] }, [{ ...nic, ips: ['10.0.0.7'] }]);
  assert.deepEqual(hardware.nics?.map((one) => `${one.name} ${one.ip ?? '-'}`), ['eth0 10.0.0.7', 'eth1 -', 'bond 10.9.9.9']);
  assert.equal(hardware.ramMebibytes, 1024);
});

const annotations: [string, string, RegExp | undefined][] = [
  ['full details', '{"hostname":"h","cpu":{"flags":["a"],"count":2},"nics":[{"mac":"52:54:00:00:00:01","ip":"10.0.0.1","vlans":[{"id":3}]}],"storage":[{"sizeBytes":1,"rotational":false}]}', undefined],
  ['text that is no JSON', '{', /not JSON/],
  ['an unknown field', '{"cpu":{"cores":2}}', /cpu\.cores is no field/],
  ['a wrong type', '{"nics":[{"pxe":"yes"}]}', /nics\[0\]\.pxe must be true or false/],
  ['a list in place of an object', '[]', /must be an object/],
  ['an object in place of a list', '{"nics":{}}', /nics must be a list/],
  ['a field of the prototype', '{"toString":1}', /toString is no field/],
];
for (const [name, text, why] of annotations) {
  test(`the hardware details annotation with ${name} is ${why ? 'refused with the place' : 'taken'}`, () => {
    const result = parseHardwareDetails(text);
    if (!why) assert.ok(result.ok);
    else assert.match(result.ok ? 'taken' : result.why, why);
  });
}
