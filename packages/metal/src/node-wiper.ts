/** The node on a host as far as metal needs it: who answers, and a request to wipe. The adapter speaks the Talos API. */
import { describeError, type Env } from '@keelson/std';
import { createTalosClient, isTalosProblem, stateTypes, type TalosClient } from '@keelson/talos/client';
import { parseTalosconfig, selectContext, tlsOfContext } from '@keelson/talos/pki';
import type { NodeObservation } from './host-view.ts';

export interface NodeWiper {
  /** Who answers at the addresses; asks the first that answers. Never throws. */
  observe(env: Env, request: NodeRequest): Promise<NodeObservation>;
  /**
   * Asks the node to wipe its system disk and restart, after making sure once more that it is the machine `systemUuid`.
   * Throws when it is not, or when the node does not take the request.
   */
  wipe(env: Env, request: { readonly address: string; readonly systemUuid: string; readonly talosconfig: string; readonly signal?: AbortSignal }): Promise<void>;
}

export interface NodeRequest {
  readonly addresses: readonly string[];
  /** Text of a talosconfig; absent when none is at hand. */
  readonly talosconfig?: string;
  readonly signal?: AbortSignal;
}

/** Port of the Talos API. */
const talosPort = 50_000;
const askTimeoutMs = 5_000;
const addressLimit = 4;

/** NodeWiper over the Talos API. */
export function talosNodeWiper(): NodeWiper {
  return {
    async observe(env, request) {
      const reasons: string[] = [];
      for (const address of request.addresses.slice(0, addressLimit)) {
        const seen = await observeAddress(env, address, request);
        if (seen.kind !== 'silent') return seen;
        reasons.push(seen.why);
      }
      return { kind: 'silent', why: reasons.join('; ') || 'no address of the node is known' };
    },
    async wipe(env, { address, systemUuid, talosconfig, signal }) {
      using client = configuredClient(env, address, talosconfig);
      const seen = await systemUuidOf(client, signal);
      if (seen.toLowerCase() !== systemUuid.toLowerCase()) throw new Error(`asking the node at ${address} to wipe its disk: it is now machine ${seen || '(unknown)'}, not ${systemUuid}`);
      await client.reset({ graceful: false, reboot: true, ...(signal ? { signal } : {}) });
    },
  };
}

async function observeAddress(env: Env, address: string, { talosconfig, signal }: NodeRequest): Promise<NodeObservation> {
  const reasons: string[] = [];
  if (talosconfig !== undefined) {
    try {
      using client = configuredClient(env, address, talosconfig);
      const systemUuid = await systemUuidOf(client, signal);
      const status = await client.machineStatus({ timeoutMs: askTimeoutMs, ...(signal ? { signal } : {}) });
      const installed = (await client.systemDisk({ timeoutMs: askTimeoutMs, ...(signal ? { signal } : {}) })) !== undefined;
      return { kind: 'configured', address, systemUuid, stage: status?.stage ?? 'unknown', installed };
    } catch (error) {
      reasons.push(describeError(error));
    }
  }
  try {
    using client = createTalosClient({ net: env.net, address: { host: address, port: talosPort }, tls: { maintenance: true } });
    const status = await client.machineStatus({ timeoutMs: askTimeoutMs, ...(signal ? { signal } : {}) });
    // A node that would read out its status to anyone is in maintenance; it also says so itself.
    if (status?.stage !== 'maintenance') return { kind: 'silent', why: `${address} answers in stage ${status?.stage ?? 'unknown'}` };
    return { kind: 'maintenance', address, systemUuid: await systemUuidOf(client, signal) };
  } catch (error) {
    reasons.push(describeError(error));
    // Only a configured node wants a certificate of whoever asks.
    if (isTalosProblem(error, 'notInMaintenance')) return { kind: 'foreign', address, why: `${address}: ${[...new Set(reasons)].join('; ')}` };
  }
  return { kind: 'silent', why: `${address}: ${[...new Set(reasons)].join('; ')}` };
}

function configuredClient(env: Env, address: string, talosconfig: string): TalosClient {
  const context = selectContext(parseTalosconfig(talosconfig));
  return createTalosClient({ net: env.net, address: { host: address, port: talosPort }, tls: tlsOfContext(context) });
}

/** The SMBIOS UUID that the node reads of its own board; empty when it does not tell. */
async function systemUuidOf(client: TalosClient, signal: AbortSignal | undefined): Promise<string> {
  const information = await client.stateGet(stateTypes.systemInformation, 'systeminformation', { timeoutMs: askTimeoutMs, ...(signal ? { signal } : {}) });
  const spec = information?.spec;
  const uuid = typeof spec === 'object' && spec !== null ? Reflect.get(spec, 'uuid') : undefined;
  return typeof uuid === 'string' ? uuid.toLowerCase() : '';
}
