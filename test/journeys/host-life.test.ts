import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BareMetalHost, Secret } from '@keelson/api';
import { testApiServer } from '@keelson/apiserver/testing';
import { createTestWorld } from '@keelson/controller/testing';
import { eventCount, virtualLab } from '@keelson/lab/testing';
import { hostAnnotations, metalControllers } from '@keelson/metal';
import { virtualEnv } from '@keelson/std/testing';
import { createTalosClient } from '@keelson/talos/client';
import { renderMachineConfig, serializeMachineConfig } from '@keelson/talos/config';
import { currentContract, generateSecretsBundle, generateTalosconfig, serializeTalosconfig } from '@keelson/talos/pki';

const namespace = 'default';
const key = { namespace, name: 'r1u01' };
const base64 = (text: string) => Buffer.from(text).toString('base64');

// Metal alone on the lab: Redfish and Talos as the products of other hands, in virtual time.
for (const vendor of ['generic', 'dell', 'hpe', 'strict'] as const) {
  for (const latency of ['zero', 'realistic'] as const) {
    test(`a host of the lab (${vendor}, ${latency} latency) is provisioned, wiped through Talos and released`, async () => {
      const env = virtualEnv({ seed: 9 });
      const lab = await virtualLab(env, { machines: 1, vendor, kubernetes: false, latency });
      const { client } = await testApiServer(env);
      const world = await createTestWorld({ env, client, controllers: metalControllers() });
      const image = { url: lab.imageUrl(), format: 'live-iso' as const };
      await client.create(Secret, { apiVersion: 'v1', kind: 'Secret', metadata: { namespace, name: 'bmc' }, data: { username: base64('admin'), password: base64('lab-1') } });
      await client.create(BareMetalHost, {
        apiVersion: 'metal3.io/v1alpha1', kind: 'BareMetalHost', metadata: { ...key, annotations: { [hostAnnotations.talosconfigSecret]: 'edge-talosconfig' } },
        spec: { online: true, image, bmc: { address: 'redfish-virtualmedia://127.77.1.11:8443', credentialsName: 'bmc', disableCertificateVerification: true } },
      });
      const until = (what: (host: BareMetalHost) => boolean, limitMs = 3_600_000) => world.until<BareMetalHost>(BareMetalHost, key, what, { limitMs });
      const provisioned = await until((host) => host.status?.provisioning?.state === 'provisioned');
      const address = provisioned.status?.hardware?.nics?.find((nic) => nic.ip)?.ip ?? '';
      assert.equal(address, '127.77.2.11');

      const bundle = await generateSecretsBundle({ contract: currentContract, serviceAccountKey: 'p256', nowMs: env.clock.now(), random: env.random });
      const talosconfig = await generateTalosconfig({ clusterName: 'edge', bundle, endpoints: [address], nowMs: env.clock.now(), random: env.random });
      await client.create(Secret, { apiVersion: 'v1', kind: 'Secret', metadata: { namespace, name: 'edge-talosconfig' }, data: { talosconfig: base64(serializeTalosconfig(talosconfig)) } });
      await env.clock.advance(10 * 60_000);
      const config = renderMachineConfig({ role: 'controlplane', clusterName: 'edge', endpoint: 'https://127.77.3.10:6443', kubernetesVersion: 'v1.36.0', bundle, install: { disk: '/dev/nvme0n1', image: 'ghcr.io/siderolabs/installer:v1.14.0' } });
      const node = createTalosClient({ net: env.net, address: { host: address, port: 50_000 }, tls: { maintenance: true } });
      const applied = node.applyConfiguration(serializeMachineConfig(config));
      let done = false;
      void applied.finally(() => (done = true)).catch(() => {});
      await env.clock.runUntil(() => done);
      await applied;
      node.close();
      await until((host) => host.metadata.annotations?.[hostAnnotations.medium] === undefined, 2 * 3_600_000);

      // Off before it is released: it is started from its disk to be asked for the wipe.
      if (vendor === 'hpe') {
        await client.patch(BareMetalHost, key, 'merge', { spec: { online: false } });
        await until((host) => host.status?.poweredOn === false);
      }
      await client.patch(BareMetalHost, key, 'merge', { spec: { image: null, online: false } });
      const available = await until((host) => host.status?.provisioning?.state === 'available', 2 * 3_600_000);
      assert.equal(available.status?.errorMessage, '');
      assert.equal(lab.machine('r1u01').state.disks['nvme0n1']?.kind, 'empty');
      assert.equal(eventCount(lab.journal(), 'disk-wipe'), 1);
      await client.delete(BareMetalHost, key);
      await world.untilGone(BareMetalHost, key);
      await world.stop();
      await lab.close();
    });
  }
}
