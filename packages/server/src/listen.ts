import { join } from 'node:path';
import type { Address, Env, HttpHandler, Listener, TlsServerOptions } from '@keelson/std';

/** The addresses a process was given the last time, so that a restart keeps its URLs. */
export interface RememberedPorts {
  readonly api?: number;
  readonly http?: number;
}

const fileName = 'ports.json';

export async function readPorts(env: Env, dataDir: string): Promise<RememberedPorts> {
  const bytes = await env.files.read(join(dataDir, fileName));
  if (!bytes) return {};
  const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
  return typeof value === 'object' && value !== null ? (value as RememberedPorts) : {}; // written by writePorts below
}

export async function writePorts(env: Env, dataDir: string, ports: RememberedPorts): Promise<void> {
  await env.files.write(join(dataDir, fileName), `${JSON.stringify(ports)}\n`);
}

/** Listens on the first address that is free: those of `wanted` in order, then any port. */
export async function listenOnFree(env: Env, host: string, wanted: readonly (number | undefined)[], options: { handler: HttpHandler; tls?: TlsServerOptions }): Promise<Listener> {
  for (const port of wanted) {
    if (port === undefined) continue;
    try {
      return await env.net.listenHttp({ host, port }, options);
    } catch (error) {
      if (!isInUse(error)) throw error;
    }
  }
  return env.net.listenHttp({ host, port: 0 }, options);
}

/** Listens on exactly this address. */
export function listenOn(env: Env, address: Address, options: { handler: HttpHandler; tls?: TlsServerOptions }): Promise<Listener> {
  return env.net.listenHttp(address, options);
}

function isInUse(error: unknown): boolean {
  for (let current: unknown = error; current instanceof Error; current = current.cause) if ((current as NodeJS.ErrnoException).code === 'EADDRINUSE') return true;
  return false;
}
