/** BareMetalHosts of a test rack: their status follows what is asked of them, as the metal domain would have it. */
import { BareMetalHost, Secret } from '@keelson/api';
import type { Controller } from '@keelson/controller';
import { records } from '../names.ts';
import type { Rack } from './rack.ts';

/** States with what a machine has to show before they are left. */
export function rackHostController(rack: Rack): Controller {
  return {
    name: 'test-hosts',
    kind: BareMetalHost,
    reads: [Secret],
    writes: [{ kind: BareMetalHost, part: 'status' }],
    reconcile: async (key, { client, cache }) => {
      const host = cache.get<BareMetalHost>(BareMetalHost, key);
      const machine = rack.machines.get(key.name);
      if (!host || !machine) return;
      const state = host.status?.provisioning?.state ?? '';
      const image = host.spec?.image;
      const write = async (next: string, more: Record<string, unknown> = {}) => {
        await client.apply(BareMetalHost, {
          apiVersion: host.apiVersion, kind: host.kind, metadata: { name: key.name, namespace: key.namespace },
          status: {
            errorCount: 0, errorMessage: '', operationalStatus: 'OK', poweredOn: machine.mode !== 'off', provisioningFailCount: 0,
            hardware: { hostname: key.name, nics: [{ name: 'eth0', mac: machine.mac, ip: machine.address }] },
            provisioning: { state: next, ID: key.name, ...more },
          },
        }, { fieldManager: 'test-hosts', force: true, subresource: 'status' });
      };
      switch (state) {
        case '': return write('available');
        case 'available': return image?.url && host.spec?.online ? write('provisioning') : undefined;
        case 'provisioning': {
          if (!image?.url) return write('deprovisioning');
          rack.powerOn(key.name);
          return write('provisioned', { image });
        }
        case 'provisioned': return image?.url ? undefined : write('deprovisioning', { image: host.status?.provisioning?.image });
        case 'deprovisioning': {
          const secret = host.metadata.annotations?.[records.talosconfigSecret];
          if (machine.config && (!secret || !cache.get(Secret, { namespace: key.namespace, name: secret }))) {
            rack.violations.push(`${key.name} is to be wiped, and the talosconfig is gone`);
            return;
          }
          if (machine.mode !== 'off') {
            rack.wipe(key.name);
            return { requeueAfterMs: 3_000 };
          }
          return write('available');
        }
      }
    },
  };
}
