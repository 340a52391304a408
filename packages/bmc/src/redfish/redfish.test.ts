import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jsonResponse } from '@keelson/std';
import { conformanceChecks, runConformance } from '../conformance/index.ts';
import { BmcError, type BmcErrorKind } from '../driver.ts';
import { errorBody, virtualBmc, type ScriptedOptions } from '../testing/index.ts';
import { headerNames, vendorMessageKeys } from '../wire/index.ts';
import { bootChange } from './boot-device.ts';
import { macOf } from './inventory.ts';
import { real } from './connect.ts';
import { redfishDriver } from './index.ts';
import { quirkRows, quirksFor, standardQuirks } from './quirks.ts';
import { nextBody } from './virtual-media.ts';

const kind = (wanted: BmcErrorKind) => (error: unknown) => error instanceof BmcError && error.kind === wanted;
const writes = (log: readonly string[]) => log.filter((line) => !line.startsWith('GET ') && !line.includes('/SessionService/'));

const services: Record<string, Omit<ScriptedOptions, 'clock'>> = {
  'with sessions': {},
  'with Basic only': { sessions: false },
  'with slow power and tasks': { powerDelayMs: 8_000, taskMs: 2_500 },
  'with media below the manager': { media: 'manager' },
  'that demands If-Match': { requireIfMatch: true },
  'of Supermicro': { vendor: 'Supermicro', bootTargets: ['None', 'Pxe', 'UsbCd', 'Hdd'] },
};
for (const [name, options] of Object.entries(services)) {
  test(`passes the conformance suite on a service ${name}`, async () => {
    const { env, target, drive, service } = await virtualBmc({ ip: '10.0.1.1', ...options });
    const results = await runConformance({ env, driver: redfishDriver, target, imageUrl: 'http://10.0.9.9/talos.iso', drive });
    assert.deepEqual(results.filter((row) => row.outcome !== 'passed'), []);
    assert.equal(results.length, conformanceChecks.length);
    assert.equal(service.sessions.size, 0, 'sessions are left on the BMC');
  });
}

test('logs in once and uses the session for every request', async () => {
  const bmc = await virtualBmc();
  const connection = await bmc.connect();
  await connection.readPower();
  await connection.readPower();
  assert.equal(bmc.service.log.filter((line) => line.startsWith('POST /redfish/v1/SessionService/Sessions')).length, 1);
  await connection.close();
  assert.equal(bmc.service.sessions.size, 0);
});

test('logs in again once when the session has gone', async () => {
  const bmc = await virtualBmc();
  const connection = await bmc.connect();
  bmc.service.sessions.clear();
  assert.equal((await connection.readPower()).power, 'off');
  assert.equal(bmc.service.sessions.size, 1);
});

test('offers a refused password once and never again', async () => {
  const bmc = await virtualBmc();
  const connection = await bmc.connect();
  bmc.service.sessions.clear();
  bmc.service.state.password = 'changed';
  await assert.rejects(connection.readPower(), kind('unauthorized'));
  const tries = bmc.service.log.length;
  await assert.rejects(connection.readPower(), kind('unauthorized'));
  assert.equal(bmc.service.log.length, tries, 'a second attempt reached the BMC');
});

test('offers a refused password once with Basic', async () => {
  const bmc = await virtualBmc({ sessions: false });
  await assert.rejects(bmc.connect({ credentials: { username: 'root', password: 'wrong' } }), kind('unauthorized'));
  assert.equal(bmc.service.log.filter((line) => !line.endsWith('/redfish/v1/')).length, 1);
});

test('falls back to Basic when the BMC has no session left', async () => {
  const bmc = await virtualBmc({
    intercept: (request) => (request.method === 'POST' && request.url.endsWith('/Sessions') ? jsonResponse(503, errorBody('SessionLimitExceeded', 'too many sessions')) : undefined),
  });
  const connection = await bmc.connect();
  assert.equal((await connection.readPower()).power, 'off');
});

test('names a BMC that does not answer unreachable after three tries', async () => {
  const bmc = await virtualBmc();
  const before = bmc.env.clock.now();
  await assert.rejects(bmc.connect({ origin: 'http://10.0.0.2:80' }), kind('unreachable'));
  assert.equal(bmc.env.clock.now() - before, 4_000);
});

test('repeats a read after a server error, and no write', async () => {
  let failures = 0;
  const bmc = await virtualBmc({
    intercept: (request) => {
      if (request.url.endsWith('/Systems/1') && request.method === 'GET' && failures < 2) return ((failures += 1), jsonResponse(500, errorBody('InternalError', 'oops')));
      return request.method === 'POST' && request.url.endsWith('ComputerSystem.Reset') ? jsonResponse(500, errorBody('InternalError', 'oops')) : undefined;
    },
  });
  const connection = await bmc.connect();
  assert.equal(failures, 2);
  await assert.rejects(bmc.drive(connection.changePower('on')), kind('protocol'));
  assert.equal(writes(bmc.service.log).length, 1);
});

test('calls a host in self-test busy after three tries', async () => {
  const bmc = await virtualBmc({
    intercept: (request) => (request.method === 'PATCH' ? jsonResponse(500, errorBody(vendorMessageKeys.hpePost, 'in POST', 'iLO.2.13.')) : undefined),
  });
  const connection = await bmc.connect();
  await assert.rejects(bmc.drive(connection.setBootOnce('cd')), kind('busy'));
  assert.equal(writes(bmc.service.log).length, 3);
});

test('tells a licence from a missing permission', async () => {
  for (const [key, licence] of [[vendorMessageKeys.supermicroLicense, true], ['InsufficientPrivilege', false]] as const) {
    const bmc = await virtualBmc({ intercept: (request) => (request.url.endsWith('InsertMedia') ? jsonResponse(403, errorBody(key, 'no')) : undefined) });
    const connection = await bmc.connect();
    await assert.rejects(connection.insertMedia('http://10.0.9.9/a.iso'), (error) => error instanceof BmcError && error.kind === 'forbidden' && error.licence === licence);
  }
});

test('quotes what the BMC said and how to resolve it', async () => {
  const body = { error: { code: 'Base.1.0.GeneralError', message: 'general', '@Message.ExtendedInfo': [{ MessageId: 'Vendor.1.0.RAC0904', Message: 'Unable to reach the image.', Resolution: 'Check the URL.' }] } };
  const bmc = await virtualBmc({ intercept: (request) => (request.url.endsWith('InsertMedia') ? jsonResponse(403, body) : undefined) });
  const connection = await bmc.connect();
  await assert.rejects(connection.insertMedia('http://10.0.9.9/a.iso'), /HTTP 403: Unable to reach the image\. Check the URL\./);
});

test('refuses a soft power off that the BMC does not have as unsupported', async () => {
  const bmc = await virtualBmc({ resetTypes: ['On', 'ForceOff'] });
  const connection = await bmc.connect();
  await connection.changePower('on');
  await assert.rejects(connection.changePower('off-soft'), kind('unsupported'));
});

test('takes a refused change as done when the machine is there', async () => {
  const bmc: Awaited<ReturnType<typeof virtualBmc>> = await virtualBmc({
    intercept: (request) => {
      if (!request.url.endsWith('ComputerSystem.Reset')) return undefined;
      bmc.service.state.power = 'On';
      return jsonResponse(409, errorBody('ResourceInUse', 'already'));
    },
  });
  const connection = await bmc.connect();
  await connection.changePower('on');
});

test('asks to come back when iDRAC refuses power on shortly after a power off', async () => {
  const bmc = await virtualBmc({ intercept: (request) => (request.url.endsWith('ComputerSystem.Reset') ? jsonResponse(409, errorBody('ActionParameterValueConflict', 'conflict')) : undefined) });
  const connection = await bmc.connect();
  await assert.rejects(connection.changePower('on'), (error) => error instanceof BmcError && error.kind === 'busy' && error.retryAfterMs === 10_000);
});

test('follows a task to its failure', async () => {
  let polls = 0;
  const bmc = await virtualBmc({
    intercept: (request) => {
      if (request.url.endsWith('ComputerSystem.Reset')) return { status: 202, headers: { [headerNames.location]: '/redfish/v1/TaskService/TaskMonitors/9', [headerNames.retryAfter]: '3' } };
      if (!request.url.endsWith('/TaskMonitors/9')) return undefined;
      return ++polls < 3 ? jsonResponse(202, { TaskState: 'Running' }) : jsonResponse(200, { TaskState: 'Exception', Messages: [{ MessageId: 'X.1.0.Y', Message: 'fan missing' }] });
    },
  });
  const connection = await bmc.connect();
  await assert.rejects(bmc.drive(connection.changePower('on')), /task ended as Exception: HTTP 200: fan missing/);
  assert.equal(polls, 3);
});

test('hands a task that takes too long back as busy', async () => {
  const bmc = await virtualBmc({ taskMs: 10 * 60_000 });
  const connection = await bmc.connect();
  await assert.rejects(bmc.drive(connection.changePower('on')), kind('busy'));
});

test('sends no token to another server', async () => {
  const bmc = await virtualBmc({ intercept: (request) => (request.url.endsWith('ComputerSystem.Reset') ? { status: 202, headers: { [headerNames.location]: 'http://evil.example/task' } } : undefined) });
  const connection = await bmc.connect();
  await assert.rejects(bmc.drive(connection.changePower('on')), kind('protocol'));
});

test('asks which system when there are several', async () => {
  const bmc = await virtualBmc({ systems: ['a', 'b'] });
  await assert.rejects(bmc.connect(), (error) => kind('ambiguous')(error) && /Systems\/a, \/redfish\/v1\/Systems\/b/.test(String(error)));
  assert.equal(bmc.service.sessions.size, 0, 'the session of the failed connection is left');
  const connection = await bmc.connect({ systemPath: '/redfish/v1/Systems/b' });
  assert.equal((await connection.readPower()).power, 'off');
});

test('reads a collection over all its pages', async () => {
  const bmc = await virtualBmc({
    intercept: (request) => {
      if (request.url.endsWith('/EthernetInterfaces')) return jsonResponse(200, { Members: [{ '@odata.id': '/redfish/v1/Systems/1/EthernetInterfaces/1' }], 'Members@odata.nextLink': '/redfish/v1/Systems/1/EthernetInterfaces?$skip=1' });
      return request.url.endsWith('?$skip=1') ? jsonResponse(200, { Members: [{ '@odata.id': '/x', Id: '9', MACAddress: '00-11-22-33-44-55' }] }) : undefined;
    },
  });
  const connection = await bmc.connect();
  assert.deepEqual((await connection.readInventory()).nics.map((nic) => nic.mac), ['52:54:00:aa:00:01', '00:11:22:33:44:55']);
});

test('reads the whole inventory', async () => {
  const bmc = await virtualBmc({ ip: '10.0.1.1' });
  const connection = await bmc.connect();
  assert.deepEqual(await connection.readInventory(), {
    manufacturer: 'ACME', productName: 'Server 1', serialNumber: 'SN-0001', hostname: '', biosVersion: '2.1',
    cpu: { arch: 'x86_64', model: 'Test CPU', clockMegahertz: 3000, count: 16 }, ramMebibytes: 32_768,
    nics: [{ name: '1', mac: '52:54:00:aa:00:01', ips: ['10.0.1.1'], speedMbps: 10_000, link: 'up' }],
    disks: [{ name: 'Disk 0', type: 'NVME', sizeBytes: 480_000_000_000, vendor: 'ACME', model: 'N1', serialNumber: 'D-1', wwn: '0x0025385b71b0a7c1' }],
    missing: [],
  });
});

test('names the part of an inventory that cannot be read and tells the rest', async () => {
  const bmc = await virtualBmc({ intercept: (request) => (request.url.endsWith('/EthernetInterfaces') ? jsonResponse(400, errorBody('GeneralError', 'host is off')) : undefined) });
  const connection = await bmc.connect();
  const inventory = await connection.readInventory();
  assert.equal(inventory.disks.length, 1);
  assert.match(inventory.missing.join(), /network interfaces: .*host is off/);
});

test('gives up on an insert that never shows a medium', async () => {
  const bmc = await virtualBmc({ intercept: (request) => (request.url.endsWith('InsertMedia') ? { status: 204, headers: {} } : undefined) });
  const connection = await bmc.connect();
  await assert.rejects(bmc.drive(connection.insertMedia('http://10.0.9.9/a.iso')), /cannot reach that URL/);
});

test('drops the properties that a BMC refuses in InsertMedia', async () => {
  const bodies: unknown[] = [];
  const bmc = await virtualBmc({
    intercept: (request, body) => {
      if (!request.url.endsWith('InsertMedia')) return undefined;
      bodies.push(body);
      return 'WriteProtected' in body ? jsonResponse(400, errorBody('ActionParameterUnknown', 'The action InsertMedia was submitted with the invalid parameter WriteProtected.')) : undefined;
    },
  });
  const connection = await bmc.connect();
  await connection.insertMedia('http://10.0.9.9/a.iso');
  assert.deepEqual(bodies, [{ Image: 'http://10.0.9.9/a.iso', Inserted: true, WriteProtected: true }, { Image: 'http://10.0.9.9/a.iso' }]);
});

test('inserts by PATCH where there is no action (Lenovo XCC)', async () => {
  let media: Record<string, unknown> = { Id: 'Remote1', MediaTypes: ['CD'], Image: null, Inserted: false };
  const bmc = await virtualBmc({
    intercept: (request, body) => {
      if (!request.url.endsWith('/VirtualMedia/Cd')) return undefined;
      if (request.method === 'PATCH') media = { ...media, ...body };
      return jsonResponse(200, media, { [headerNames.allow]: 'GET, PATCH' });
    },
  });
  const connection = await bmc.connect();
  assert.equal((await connection.insertMedia('http://10.0.9.9/a.iso')).image, 'http://10.0.9.9/a.iso');
  await connection.ejectMedia();
  assert.equal(media['Image'], null);
});

test('says that a BMC without a usable slot has no virtual CD', async () => {
  const bmc = await virtualBmc({ media: 'none' });
  const connection = await bmc.connect();
  assert.deepEqual(await connection.readMedia(), []);
  await assert.rejects(connection.insertMedia('http://10.0.9.9/a.iso'), kind('unsupported'));
});

test('writes the boot override to the settings object when the system refuses it', async () => {
  let patched: unknown;
  const bmc = await virtualBmc({
    intercept: (request, body) => {
      if (request.url.endsWith('/Systems/1') && request.method === 'GET') return jsonResponse(200, { Id: '1', UUID: 'u', Boot: { BootSourceOverrideEnabled: 'Disabled' }, '@Redfish.Settings': { SettingsObject: { '@odata.id': '/redfish/v1/Systems/1/Settings' } } });
      if (request.url.endsWith('/Systems/1') && request.method === 'PATCH') return jsonResponse(400, errorBody('PropertyNotWritable', 'Boot'));
      if (!request.url.endsWith('/Settings')) return undefined;
      if (request.method === 'PATCH') patched = body;
      return jsonResponse(200, { '@odata.etag': '"s1"' });
    },
  });
  const connection = await bmc.connect();
  await connection.setBootOnce('cd');
  assert.deepEqual(patched, { Boot: { BootSourceOverrideTarget: 'Cd', BootSourceOverrideEnabled: 'Once' } });
});

const once = { BootSourceOverrideEnabled: 'Once', BootSourceOverrideMode: 'UEFI' };
const bootRows: [string, Parameters<typeof bootChange>, object][] = [
  ['sends Enabled when it changes', [{ quirks: quirksFor({ vendor: 'ACME', model: '', bmc: '' }) }, { BootSourceOverrideEnabled: 'Disabled' }, 'Cd'], { BootSourceOverrideTarget: 'Cd', BootSourceOverrideEnabled: 'Once' }],
  ['leaves Enabled out when it stays', [{ quirks: quirksFor({ vendor: 'ACME', model: '', bmc: '' }) }, once, 'Cd', 'uefi'], { BootSourceOverrideTarget: 'Cd' }],
  ['always sends Enabled to Supermicro', [{ quirks: quirksFor({ vendor: 'Supermicro', model: '', bmc: '' }) }, once, 'UsbCd'], { BootSourceOverrideTarget: 'UsbCd', BootSourceOverrideEnabled: 'Once' }],
  ['sends all three to AMI', [{ quirks: quirksFor({ vendor: 'ASRockRack', model: '', bmc: '' }) }, once, 'Cd', 'uefi'], { BootSourceOverrideTarget: 'Cd', ...once }],
  ['changes the mode only where it is told', [{ quirks: quirksFor({ vendor: 'ACME', model: '', bmc: '' }) }, { BootSourceOverrideEnabled: 'Once', BootSourceOverrideMode: 'Legacy' }, 'Cd', 'uefi'], { BootSourceOverrideTarget: 'Cd', BootSourceOverrideMode: 'UEFI' }],
  ['never sends the mode to HPE Gen9', [{ quirks: quirksFor({ vendor: 'HPE', model: 'ProLiant DL380 Gen9', bmc: '' }) }, { BootSourceOverrideEnabled: 'Once', BootSourceOverrideMode: 'Legacy' }, 'Cd', 'uefi'], { BootSourceOverrideTarget: 'Cd' }],
];
for (const [name, args, expected] of bootRows) test(name, () => assert.deepEqual(bootChange(...args), expected));

const url = 'http://10.0.9.9/a.iso';
const ladder: [string, object, string, object | undefined][] = [
  ['adds the transfer protocol when it is named', { Image: url }, 'TransferProtocolType is required', { Image: url, TransferProtocolType: 'HTTP' }],
  ['adds the transfer method when it is named', { Image: url, TransferProtocolType: 'HTTP' }, 'TransferMethod missing', { Image: url, TransferProtocolType: 'HTTP', TransferMethod: 'Stream' }],
  ['adds empty credentials when they are named', { Image: url }, 'UserName must be given', { Image: url, UserName: 'none', Password: 'none' }],
  ['drops Inserted and WriteProtected when nothing is named', { Image: url, Inserted: true, WriteProtected: true }, 'bad request', { Image: url }],
  ['gives up at the end of the ladder', { Image: url, TransferProtocolType: 'HTTP' }, 'bad request', undefined],
];
for (const [name, body, said, expected] of ladder) {
  test(`InsertMedia ${name}`, () => assert.deepEqual(nextBody({ Image: url, ...body }, { status: 400, headers: {}, body: errorBody('GeneralError', said) }, { MediaTypes: ['CD'] }, url), expected));
}

test('has a reason for every quirk, and standard behaviour for unknown vendors', () => {
  for (const row of quirkRows) assert.ok(row.because.length > 10, row.name);
  assert.deepEqual(quirksFor({ vendor: 'ACME', model: 'X', bmc: '' }), { ...standardQuirks, rows: [] });
  assert.equal(quirksFor({ vendor: 'Supermicro', model: 'ARS-111GL-NHR', bmc: '' }).virtualCdTarget, 'Cd');
});

test('reads MAC addresses in every spelling', () => {
  assert.equal(macOf('AA-BB-CC-DD-EE-0F'), 'aa:bb:cc:dd:ee:0f');
  assert.equal(macOf('aabbccddee0f'), 'aa:bb:cc:dd:ee:0f');
  for (const none of ['', null, '00:00:00:00:00:00', 'n/a']) assert.equal(macOf(none), undefined);
});

test('takes what firmware writes without a serial number as none', () => {
  for (const none of ['To be filled by O.E.M.', 'Default string', '00000000-0000-0000-0000-000000000000', 'FFFFFFFF', 'N/A', ' ', 'Not Specified', null]) assert.equal(real(none), '');
  assert.equal(real(' CZ1234 '), 'CZ1234');
});
