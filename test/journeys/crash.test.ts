import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom, randomInt } from '@keelson/std';
import { buildWithCrashes, countBoundaries, isBoundary } from './crash.ts';

test('three crashes spread over the build of the whole example lead to the same end', async () => {
  const boundaries = await countBoundaries({});
  const random = seededRandom(7);
  for (let run = 0; run < 3; run++) {
    const at = Array.from({ length: 3 }, () => randomInt(random, boundaries)).sort((a, b) => a - b);
    await buildWithCrashes({}, at);
  }
});

test('what changes the world is a boundary, what only looks at it is none', () => {
  const cases: readonly (readonly ['request' | 'grpc' | 'write' | 'store', string, boolean])[] = [
    ['request', 'POST https://127.77.1.11:8443/redfish/v1/Systems/1/Actions/ComputerSystem.Reset', true],
    ['request', 'GET https://127.77.1.11:8443/redfish/v1/Systems/1', false],
    ['request', 'PATCH https://127.77.3.10:6443/api/v1/namespaces/hello?fieldManager=x&force=true', true],
    ['request', 'PATCH https://127.77.3.10:6443/api/v1/namespaces/hello?fieldManager=x&dryRun=All&force=true', false],
    ['request', 'git fetch', false],
    ['grpc', '127.77.2.11:50000/machine.MachineService/Bootstrap', true],
    ['grpc', '127.77.2.11:50000/machine.MachineService/ServiceList', false],
    ['write', '/keelson/pki/ca.key', true],
    ['store', 'put metal3.io/baremetalhosts/datacenter/r1u01', true],
    ['store', 'check core/namespaces/datacenter, put metal3.io/baremetalhosts/datacenter/r1u01', true],
    ['store', 'check core/namespaces/datacenter, put core/events/datacenter/edge.095aef62', false],
    ['store', 'put core/events/datacenter/edge.095aef62, put core/secrets/datacenter/edge-ca', true],
  ];
  for (const [kind, what, expected] of cases) assert.equal(isBoundary({ when: 'after', kind, what }), expected, what);
  assert.equal(isBoundary({ when: 'before', kind: 'write', what: '/keelson/pki/ca.key' }), false);
});
