import assert from 'node:assert/strict';
import { test } from 'node:test';
import { textResponse } from '@keelson/std';
import { virtualEnv, type VirtualEnv } from '@keelson/std/testing';
import type { Lab } from '../lab.ts';
import { eventCount } from '../testing/journal-checks.ts';
import { redfish, type RawAnswer } from '../testing/raw-clients.ts';
import { virtualLab, type VirtualLabOptions } from '../testing/virtual-lab.ts';
import { vendorNames, vendors, type VendorName } from './vendors.ts';

type Options = Parameters<typeof redfish>[5];

interface Desk {
  readonly env: VirtualEnv;
  readonly lab: Lab;
  readonly system: string;
  readonly media: string;
  call(method: string, path: string, options?: Options): Promise<RawAnswer>;
  reset(type: string): Promise<RawAnswer>;
}

async function desk(vendor: VendorName = 'generic', options: VirtualLabOptions = {}): Promise<Desk> {
  const env = virtualEnv();
  const lab = await virtualLab(env, { machines: 1, vendor, kubernetes: false, latency: 'quick', ...options });
  const flavour = vendors[vendor];
  const call: Desk['call'] = (method, path, more) => redfish(env, lab, 'r1u01', method, path, more);
  const system = `/redfish/v1/Systems/${flavour.systemId}`;
  const media = flavour.virtualMedia.under === 'Systems' ? `${system}/VirtualMedia` : `/redfish/v1/Managers/${flavour.managerId}/VirtualMedia`;
  return { env, lab, system, media, call, reset: (type) => call('POST', `${system}/Actions/ComputerSystem.Reset`, { body: { ResetType: type } }) };
}

const messageId = (answer: RawAnswer): string => answer.body.error['@Message.ExtendedInfo'][0].MessageId;

async function powerOn({ env, lab, reset }: Desk): Promise<void> {
  assert.equal((await reset('On')).status, 204);
  await env.clock.runUntil(() => lab.machine('r1u01').state.power === 'on');
}

test('every link of a service leads to a resource, for each make', async () => {
  for (const vendor of vendorNames) {
    const { call } = await desk(vendor);
    const seen = new Set<string>();
    const queue = ['/redfish/v1/'];
    for (let path = queue.shift(); path !== undefined; path = queue.shift()) {
      if (seen.has(path)) continue;
      seen.add(path);
      const { status, headers, body } = await call('GET', path);
      assert.equal(status, 200, `${vendor} ${path}`);
      assert.equal(headers['odata-version'], '4.0');
      assert.equal(headers['etag'], body['@odata.etag']);
      JSON.stringify(body, (key, value: unknown) => {
        if (key === '@odata.id' && typeof value === 'string') queue.push(value);
        return value;
      });
    }
    assert.ok(seen.size >= 15, `${vendor} has ${seen.size} resources`);
  }
});

test('a system tells what it is made of', async () => {
  const { call, system } = await desk();
  const { body } = await call('GET', system);
  assert.deepEqual([body.PowerState, body.SerialNumber, body.MemorySummary.TotalSystemMemoryGiB, body.ProcessorSummary.Count], ['Off', 'KLN00001', 64, 1]);
  assert.match(body.UUID, /^[0-9a-f-]{36}$/);
  const nic = await call('GET', `${system}/EthernetInterfaces/eth0`);
  assert.deepEqual([nic.body.MACAddress, nic.body.LinkStatus, nic.body.IPv4Addresses[0].Address], ['02:77:01:00:00:01', 'LinkUp', '127.77.2.11']);
  const drives = await call('GET', `${system}/Storage/1`);
  const drive = await call('GET', drives.body.Drives[0]['@odata.id']);
  assert.deepEqual([drive.body.Protocol, drive.body.CapacityBytes], ['NVMe', 480 * 1024 ** 3]);
});

test('who has no account gets the service root and nothing else', async () => {
  const { call, system } = await desk();
  assert.equal((await call('GET', '/redfish/v1/', { anonymous: true })).status, 200);
  for (const path of [system, '/redfish/v1/Systems', '/redfish/v1/Nothing']) {
    const refused = await call('GET', path, { anonymous: true });
    assert.equal(refused.status, 401);
    assert.match(refused.headers['www-authenticate'] ?? '', /Basic/);
    assert.match(messageId(refused), /NoValidSession$/);
  }
  const wrong = await call('GET', system, { headers: { authorization: `Basic ${Buffer.from('admin:wrong').toString('base64')}` } });
  assert.equal(wrong.status, 401);
});

test('a session opens with the account, works by its token, and ends by deletion or idleness', async () => {
  const { env, call, lab, system } = await desk();
  const { username, password } = lab.machine('r1u01').spec.bmc;
  const open = (Password: string) => call('POST', '/redfish/v1/SessionService/Sessions', { anonymous: true, body: { UserName: username, Password } });
  assert.equal((await open('wrong')).status, 401);
  const opened = await open(password);
  assert.equal(opened.status, 201);
  const token = opened.headers['x-auth-token']!;
  const withToken = { anonymous: true, headers: { 'x-auth-token': token } };
  assert.equal((await call('GET', system, withToken)).status, 200);
  assert.equal((await call('DELETE', opened.headers['location']!, withToken)).status, 204);
  assert.equal((await call('GET', system, withToken)).status, 401);
  const second = await open(password);
  await env.clock.advance(31 * 60_000);
  assert.equal((await call('GET', system, { anonymous: true, headers: { 'x-auth-token': second.headers['x-auth-token']! } })).status, 401);
});

test('sessions are limited', async () => {
  const { call, lab } = await desk('strict');
  const { username, password } = lab.machine('r1u01').spec.bmc;
  const statuses: number[] = [];
  for (let i = 0; i < 5; i++) statuses.push((await call('POST', '/redfish/v1/SessionService/Sessions', { anonymous: true, body: { UserName: username, Password: password } })).status);
  assert.deepEqual(statuses, [201, 201, 201, 201, 503]);
});

test('what is not there, not allowed or not JSON is refused with its message', async () => {
  const { call, system } = await desk();
  const cases: readonly (readonly [string, string, Options, number, RegExp])[] = [
    ['GET', '/redfish/v1/Systems/9', {}, 404, /ResourceMissingAtURI$/],
    ['DELETE', system, {}, 405, /OperationNotAllowed$/],
    ['POST', '/redfish/v1/Systems', { body: {} }, 405, /OperationNotAllowed$/],
    ['PATCH', system, { body: '{' }, 400, /MalformedJSON$/],
    ['PATCH', system, { body: { Colour: 'red' } }, 400, /PropertyUnknown$/],
    ['PATCH', system, { body: { SerialNumber: 'x' } }, 400, /PropertyNotWritable$/],
    ['PATCH', system, { body: { Boot: { BootSourceOverrideTarget: 'Moon' } } }, 400, /PropertyValueNotInList$/],
    ['PATCH', system, { body: { Boot: { BootSourceOverrideEnabled: 'Twice' } } }, 400, /PropertyValueNotInList$/],
    ['POST', `${system}/Actions/ComputerSystem.Reset`, { body: { ResetType: 'Explode' } }, 400, /ActionParameterValueNotInList$/],
    ['POST', `${system}/Actions/ComputerSystem.Reset`, { body: {} }, 400, /ActionParameterMissing$/],
  ];
  for (const [method, path, options, status, message] of cases) {
    const answer = await call(method, path, options);
    assert.equal(answer.status, status, `${method} ${path}`);
    assert.match(messageId(answer), message);
  }
  assert.match((await call('DELETE', system)).headers['allow'] ?? '', /GET, HEAD, PATCH/);
});

test('a change with an old ETag is refused with 412', async () => {
  const { call, system } = await desk();
  const { headers } = await call('GET', system);
  const once = (etag: string) => call('PATCH', system, { headers: { 'if-match': etag }, body: { Boot: { BootSourceOverrideTarget: 'Cd', BootSourceOverrideEnabled: 'Once' } } });
  assert.equal((await once(headers['etag']!)).status, 204);
  assert.equal((await once(headers['etag']!)).status, 412);
  assert.equal((await once('*')).status, 204);
});

test('the strict make wants If-Match, and only the strong form of its weak tag', async () => {
  const { call, system } = await desk('strict');
  const body = { Boot: { BootSourceOverrideTarget: 'Cd', BootSourceOverrideEnabled: 'Once', BootSourceOverrideMode: 'UEFI' } };
  const missing = await call('PATCH', system, { body });
  assert.deepEqual([missing.status, messageId(missing)], [428, 'Ami.1.0.PreconditionHeaderMissing']);
  const { headers } = await call('GET', system);
  assert.match(headers['etag']!, /^W\//);
  assert.equal((await call('PATCH', system, { body, headers: { 'if-match': headers['etag']! } })).status, 412);
  assert.equal((await call('PATCH', system, { body, headers: { 'if-match': headers['etag']!.slice(2) } })).status, 204);
});

test('power goes through its states, and what is already so is answered as the make does', async () => {
  const expected: Readonly<Record<VendorName, number>> = { generic: 204, dell: 409, hpe: 400, strict: 400 };
  for (const vendor of vendorNames) {
    const at = await desk(vendor);
    const power = async () => (await at.call('GET', at.system)).body.PowerState;
    assert.equal((await at.reset('On')).status, 204);
    assert.equal(await power(), 'PoweringOn');
    assert.equal((await at.reset('On')).status, 503);
    await at.env.clock.advance(300);
    assert.equal(await power(), 'On');
    assert.equal((await at.reset('On')).status, expected[vendor], vendor);
    assert.equal((await at.reset('ForceOff')).status, 204);
    await at.env.clock.advance(300);
    assert.equal(await power(), 'Off');
    assert.deepEqual([eventCount(at.lab.journal(), 'power-on'), eventCount(at.lab.journal(), 'power-off')], [1, 1]);
    assert.equal((await at.reset('ForceRestart')).status, 409);
  }
});

test('a one-shot override decides the next boot only', async () => {
  const at = await desk();
  const { env, lab, call, system, media } = at;
  await call('POST', `${media}/CD1/Actions/VirtualMedia.InsertMedia`, { body: { Image: lab.imageUrl('v1.14.0'), Inserted: true, WriteProtected: true } });
  await call('PATCH', system, { body: { Boot: { BootSourceOverrideTarget: 'Cd', BootSourceOverrideEnabled: 'Once' } } });
  await powerOn(at);
  await env.clock.runUntil(() => lab.nodes[0]!.state?.stage === 'maintenance');
  assert.match(lab.machine('r1u01').journal.entries.at(-1)!.detail, /^cd http.*v1\.14\.0.*\(one-shot override\)$/);
  const { body } = await call('GET', system);
  assert.deepEqual([body.Boot.BootSourceOverrideEnabled, body.Boot.BootSourceOverrideTarget, body.BootProgress.LastState], ['Disabled', 'None', 'OSRunning']);
});

test('a machine without anything to boot stops there, and says what it tried', async () => {
  const at = await desk();
  await powerOn(at);
  await at.env.clock.runUntil(() => at.lab.machine('r1u01').state.activity.kind === 'no-bootable-device');
  assert.deepEqual(at.lab.machine('r1u01').journal.entries.filter((entry) => entry.event === 'boot-failed').map((entry) => entry.detail), [
    'disk (boot order): no disk carries a system', 'cd (boot order): no medium is inserted',
  ]);
});

test('an image is checked when it is inserted, and read when it is booted', async () => {
  const at = await desk();
  const { env, lab, call, media } = at;
  const insert = (Image: string) => call('POST', `${media}/CD1/Actions/VirtualMedia.InsertMedia`, { body: { Image } });
  for (const image of [`${lab.imageUrl()}x`, 'http://127.77.0.99:80/none.iso', lab.imageUrl().replace('v1.14', 'v9.9')]) {
    const refused = await insert(image);
    assert.equal(refused.status, 400);
    assert.match(messageId(refused), /CouldNotEstablishConnection$/);
  }
  await env.net.listenHttp({ host: '127.77.0.99', port: 80 }, { handler: async () => textResponse(200, 'not an image') });
  assert.equal((await insert('http://127.77.0.99:80/none.iso')).status, 204);
  assert.equal((await insert(lab.imageUrl())).status, 409);
  await powerOn(at);
  await env.clock.runUntil(() => lab.machine('r1u01').state.activity.kind === 'no-bootable-device');
  assert.match(lab.machine('r1u01').journal.entries.at(-1)!.detail, /not a bootable image/);
  assert.equal((await call('POST', `${media}/CD1/Actions/VirtualMedia.EjectMedia`)).status, 204);
  assert.equal((await call('GET', `${media}/CD1`)).body.Inserted, false);
});

test('the Dell-like make inserts by a task, and wants a body to eject', async () => {
  const { env, lab, call, media } = await desk('dell');
  const started = await call('POST', `${media}/1/Actions/VirtualMedia.InsertMedia`, { body: { Image: lab.imageUrl() } });
  assert.equal(started.status, 202);
  const monitor = started.headers['location']!;
  assert.equal((await call('GET', monitor)).status, 202);
  assert.equal((await call('GET', `${media}/1`)).body.Inserted, false);
  await env.clock.advance(500);
  const done = await call('GET', monitor);
  assert.deepEqual([done.status, done.body.TaskState], [200, 'Completed']);
  assert.equal((await call('GET', `${media}/1`)).body.Inserted, true);
  assert.equal((await call('POST', `${media}/1/Actions/VirtualMedia.EjectMedia`)).status, 400);
  assert.equal((await call('POST', `${media}/1/Actions/VirtualMedia.EjectMedia`, { body: {} })).status, 204);
  const failing = await call('POST', `${media}/1/Actions/VirtualMedia.InsertMedia`, { body: { Image: 'http://127.77.0.98/x.iso' } });
  await env.clock.advance(500);
  assert.equal((await call('GET', failing.headers['location']!)).body.TaskState, 'Exception');
});

test('the HPE-like make refuses extra insert parameters, and boot settings during POST', async () => {
  const at = await desk('hpe');
  const { lab, call, media, system } = at;
  const extra = await call('POST', `${media}/2/Actions/VirtualMedia.InsertMedia`, { body: { Image: lab.imageUrl(), TransferProtocolType: 'HTTP' } });
  assert.match(messageId(extra), /ActionParameterUnknown$/);
  await powerOn(at);
  const locked = await call('PATCH', system, { body: { Boot: { BootSourceOverrideTarget: 'Cd', BootSourceOverrideEnabled: 'Once' } } });
  assert.deepEqual([locked.status, messageId(locked)], [400, 'iLO.2.24.UnableToModifyDuringSystemPOST']);
});

test('faults of a BMC come and go by name', async () => {
  const at = await desk();
  const { env, lab, call, reset, system, media } = at;
  const status = async () => (await call('GET', system)).status;
  const set = (fault: Parameters<Lab['setFault']>[1], on = true) => lab.setFault('r1u01', fault, on);
  await set('bmc-401');
  assert.equal(await status(), 401);
  await set('bmc-401', false);
  assert.equal(await status(), 200);
  await set('bmc-busy');
  assert.equal(await status(), 503);
  await set('bmc-busy', false);
  await set('bmc-unreachable');
  await env.clock.settle();
  await assert.rejects(call('GET', system), /ECONNREFUSED/);
  await set('bmc-unreachable', false);
  await env.clock.settle();
  assert.equal(await status(), 200);
  await set('power-stuck');
  assert.equal((await reset('On')).status, 204);
  await env.clock.advance(60_000);
  assert.equal((await call('GET', system)).body.PowerState, 'Off');
  await set('power-stuck', false);
  await set('media-insert-fails');
  assert.equal((await call('POST', `${media}/CD1/Actions/VirtualMedia.InsertMedia`, { body: { Image: lab.imageUrl() } })).status, 500);
  await set('bmc-slow');
  const before = env.clock.now();
  const slow = status();
  await env.clock.runUntil(async () => (await Promise.race([slow, 0])) === 200);
  assert.equal(env.clock.now() - before, 20_000);
  assert.equal(eventCount(lab.journal(), 'fault-set'), 6);
  await assert.rejects(lab.setFault('r1u01', 'no-such' as never), /there is no fault no-such/);
});
