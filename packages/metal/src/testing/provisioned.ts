/** Racks in the states that many tests begin with. */
import { Secret } from '@keelson/api';
import { hostAnnotations } from '../annotations.ts';
import { install, iso, rack, secretOf, type Rack, type RackOptions } from './rack.ts';

export const liveIso = (url = iso) => ({ url, format: 'live-iso' as const });
export const talos = { annotations: { [hostAnnotations.talosconfigSecret]: 'edge-talosconfig' } };
export const sessions = (r: Rack) => r.bmc.log.filter((line) => line.startsWith('POST /redfish/v1/SessionService/Sessions')).length;
export const resets = (r: Rack) => r.bmc.log.filter((line) => line.includes('ComputerSystem.Reset'));

/** A host with a Talos node that has installed itself. */
export async function provisioned(options: RackOptions = {}): Promise<Rack> {
  const r = await rack({ ...talos, ...options, spec: { image: liveIso(), ...options.spec } });
  await r.client.create(Secret, secretOf('edge-talosconfig', { talosconfig: 'talosconfig of edge' }));
  await r.untilState('provisioned');
  install(r);
  await r.until((host) => host.metadata.annotations?.[hostAnnotations.medium] === undefined);
  return r;
}
