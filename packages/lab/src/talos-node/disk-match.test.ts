import assert from 'node:assert/strict';
import { test } from 'node:test';
import { match, type DiskFacts } from './disk-match.ts';

const disk: DiskFacts = {
  dev_path: '/dev/nvme0n1', size: 480 * 1024 ** 3, transport: 'nvme', model: 'Lab NVMe 480', serial: 'S1', wwid: 'nvme.1', rotational: false, readonly: false,
  cdrom: false, bus_path: '/pci0000:00', symlinks: ['/dev/disk/by-id/nvme-Lab'], system_disk: false,
};

test('disk expressions are read as CEL', () => {
  const cases: readonly (readonly [string, boolean])[] = [
    ['disk.dev_path == "/dev/nvme0n1"', true],
    ["disk.dev_path == '/dev/sda'", false],
    ['disk.size > 100u * GB && !disk.rotational', true],
    ['disk.size > 1u * TiB || disk.transport == "nvme"', true],
    ['(disk.transport == "sata" || disk.transport == "nvme") && disk.model.startsWith("Lab")', true],
    ['"/dev/disk/by-id/nvme-Lab" in disk.symlinks', true],
    ['!system_disk && disk.serial != "S2"', true],
    ['disk.model.matches("^Lab .* 48.$")', true],
    ['disk.size <= 500u * GiB && disk.readonly', false],
  ];
  for (const [expression, expected] of cases) assert.equal(match(expression)(disk), expected, expression);
});

test('an expression that is not understood says where', () => {
  assert.throws(() => match('disk.size >'), /not understood at its end/);
  assert.throws(() => match('disk.size > 5 ; rm'), /not understood/);
  assert.throws(() => match('disk.colour == "red"')(disk), /no field colour/);
  assert.throws(() => match('disk.size')(disk), /true or false/);
});
