import assert from 'node:assert/strict';
import { test } from 'node:test';
import { probeBmc } from '@keelson/bmc';
import { conformanceChecks, runConformance } from '@keelson/bmc/conformance';
import { redfishDriver } from '@keelson/bmc/redfish';
import { driveWork } from '@keelson/bmc/testing';
import { virtualLab } from '@keelson/lab/testing';
import { virtualEnv } from '@keelson/std/testing';

// The lab's BMCs and the driver were written from the same tables by different hands; here they meet.
const latencies = ['zero', 'realistic'] as const;
for (const vendor of ['generic', 'dell', 'hpe', 'strict'] as const) {
  for (const latency of latencies) {
    test(`the Redfish driver passes its conformance suite on a ${vendor} BMC of the lab with ${latency} latency`, async () => {
      const env = virtualEnv({ seed: 5 });
      const lab = await virtualLab(env, { machines: 1, vendor, kubernetes: false, latency });
      const target = { origin: 'https://127.77.1.11:8443', credentials: { username: 'admin', password: 'lab-1' }, insecureSkipVerify: true };
      const drive = <T>(work: Promise<T>) => driveWork(env, work);
      const probe = await drive(probeBmc(env, 'redfish-virtualmedia://127.77.1.11:8443', target.credentials, { insecureSkipVerify: true }));
      assert.deepEqual(probe.rows.filter((row) => row.result === 'no'), []);
      const imageUrl = lab.imageUrl();
      const rows = await runConformance({ env, driver: redfishDriver, target, imageUrl, drive });
      assert.deepEqual(rows.filter((row) => row.outcome !== 'passed'), []);
      assert.equal(rows.length, conformanceChecks.length);
      await lab.close();
    });
  }
}
