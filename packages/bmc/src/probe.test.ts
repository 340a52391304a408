import assert from 'node:assert/strict';
import { test } from 'node:test';
import { probeBmc } from './probe.ts';
import { virtualBmc } from './testing/index.ts';

const row = (report: Awaited<ReturnType<typeof probeBmc>>, check: string) => report.rows.find((one) => one.check === check);

test('tells what a BMC can do and changes nothing on it', async () => {
  const bmc = await virtualBmc({ ip: '10.0.1.1' });
  const report = await bmc.drive(probeBmc(bmc.env, 'redfish-virtualmedia+http://10.0.0.1', bmc.target.credentials));
  assert.equal(report.usable, true);
  assert.deepEqual(report.problems, []);
  assert.deepEqual(report.rows.map((one) => `${one.check} ${one.result}`), ['address ok', 'login ok', 'identity ok', 'power ok', 'power actions ok', 'boot override ok', 'virtual media ok', 'inventory ok']);
  assert.deepEqual(bmc.service.log.filter((line) => !line.startsWith('GET ') && !line.includes('/SessionService/Sessions')), []);
  assert.equal(bmc.service.sessions.size, 0);
});

test('names everything that would fail, not only the first', async () => {
  const bmc = await virtualBmc({ media: 'none', resetTypes: ['GracefulShutdown'], bootTargets: ['Pxe'] });
  const report = await bmc.drive(probeBmc(bmc.env, 'redfish+http://10.0.0.1', bmc.target.credentials));
  assert.equal(report.usable, false);
  for (const check of ['power actions', 'boot override', 'virtual media']) assert.equal(row(report, check)?.result, 'no', check);
  assert.equal(report.problems.length, 3);
});

test('explains a wrong password without trying it again', async () => {
  const bmc = await virtualBmc();
  const report = await bmc.drive(probeBmc(bmc.env, 'redfish+http://10.0.0.1', { username: 'root', password: 'wrong-one' }));
  assert.equal(report.problems[0]?.code, 'HOST.BMC_UNAUTHORIZED');
  assert.equal(bmc.service.log.filter((line) => line.startsWith('POST')).length, 1);
  assert.doesNotMatch(JSON.stringify(report), /wrong-one/);
});

test('explains a scheme that is not served without a request', async () => {
  const bmc = await virtualBmc();
  const report = await probeBmc(bmc.env, 'ipmi://10.0.0.1', undefined);
  assert.equal(report.problems[0]?.code, 'HOST.BMC_SCHEME_UNSUPPORTED');
  assert.deepEqual(bmc.service.log, []);
});

test('warns that an inserted image would be replaced', async () => {
  const bmc = await virtualBmc();
  bmc.service.state.media = { Image: 'http://10.0.9.9/rescue.iso', Inserted: true };
  const report = await bmc.drive(probeBmc(bmc.env, 'redfish+http://10.0.0.1', bmc.target.credentials));
  assert.match(row(report, 'virtual media')?.detail ?? '', /holds http:\/\/10\.0\.9\.9\/rescue\.iso/);
});

test('takes the URL of a web page for Redfish', async () => {
  const bmc = await virtualBmc();
  const report = await bmc.drive(probeBmc(bmc.env, 'http://10.0.0.1', bmc.target.credentials));
  assert.equal(report.usable, true);
});
