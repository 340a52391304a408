import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bmcSchemes, parseBmcAddress } from './address.ts';

const good: [string, string, string | undefined][] = [
  ['redfish://10.0.4.17', 'https://10.0.4.17:443', undefined],
  ['redfish://10.0.4.17/redfish/v1', 'https://10.0.4.17:443', undefined],
  ['redfish-virtualmedia://10.0.4.17/redfish/v1/Systems/1', 'https://10.0.4.17:443', '/redfish/v1/Systems/1'],
  ['redfish-virtualmedia+http://bmc.example:8000/redfish/v1/Systems/27946b59-9e44-4fa7-8e91-f3527a1ef094/', 'http://bmc.example:8000', '/redfish/v1/Systems/27946b59-9e44-4fa7-8e91-f3527a1ef094'],
  ['redfish+https://bmc:8443', 'https://bmc:8443', undefined],
  ['idrac-virtualmedia://[2001:db8::7]/redfish/v1/Systems/System.Embedded.1', 'https://[2001:db8::7]:443', '/redfish/v1/Systems/System.Embedded.1'],
  ['IDRAC-redfish://idrac', 'https://idrac:443', undefined],
  ['ilo5-virtualmedia://ilo', 'https://ilo:443', undefined],
];
for (const [text, origin, systemPath] of good) {
  test(`reads ${text}`, () => {
    const result = parseBmcAddress(text);
    assert.ok(result.ok);
    assert.equal(result.address.origin, origin);
    assert.equal(result.address.systemPath, systemPath);
  });
}

const bad: [string, string, RegExp][] = [
  ['', 'invalid', /empty/],
  ['10.0.4.17', 'unsupported', /without a scheme means ipmi/],
  ['ipmi://10.0.4.17:623', 'unsupported', /IPMI/],
  ['libvirt://10.0.4.17:6233', 'unsupported', /virtualbmc/],
  ['redfish-uefihttp://10.0.4.17/redfish/v1/Systems/1', 'unsupported', /HTTP boot/],
  ['idrac://10.0.4.17', 'removed', /removed upstream/],
  ['ilo4://10.0.4.17', 'removed', /removed upstream/],
  ['irmc://10.0.4.17', 'removed', /removed upstream/],
  ['https://10.0.4.17', 'invalid', /no BMC scheme/],
  ['toString://10.0.4.17', 'invalid', /unknown BMC scheme/],
  ['redfish+ftp://10.0.4.17', 'invalid', /transport/],
  ['redfish://', 'invalid', /host/],
  ['redfish://admin:secret@10.0.4.17', 'invalid', /Secret named by credentialsName/],
  ['redfish://10.0.4.17/redfish/v1/Managers/1', 'invalid', /must name the system/],
];
for (const [text, fault, why] of bad) {
  test(`refuses ${JSON.stringify(text)} as ${fault}`, () => {
    const result = parseBmcAddress(text);
    assert.ok(!result.ok);
    assert.equal(result.fault, fault);
    assert.match(result.why, why);
    assert.match(result.instead, /^redfish-virtualmedia:\/\//);
  });
}

test('never quotes credentials of an address', () => {
  const result = parseBmcAddress('redfish://admin:hunter2@10.0.4.17');
  assert.doesNotMatch(JSON.stringify(result), /hunter2/);
});

test('says for every scheme that is not served why', () => {
  for (const [scheme, row] of Object.entries(bmcSchemes)) if (row.support !== 'redfish') assert.ok(row.why, scheme);
});
