/** A scripted Redfish service on the network of a virtual world; for tests. */
import { virtualEnv, type VirtualEnv } from '@keelson/std/testing';
import { redfishDriver } from '../redfish/index.ts';
import type { Bmc, BmcTarget } from '../driver.ts';
import { scriptedRedfish, type ScriptedOptions, type ScriptedRedfish } from './scripted-redfish.ts';

export interface VirtualBmc {
  readonly env: VirtualEnv;
  readonly service: ScriptedRedfish;
  readonly target: BmcTarget;
  connect(target?: Partial<BmcTarget>): Promise<Bmc>;
  /** Awaits work while virtual time passes. */
  drive<T>(work: Promise<T>): Promise<T>;
}

/** Opens the world; the service listens on http://10.0.0.1. */
export async function virtualBmc(options: Omit<ScriptedOptions, 'clock'> = {}): Promise<VirtualBmc> {
  const env = virtualEnv({ seed: 7 });
  const service = scriptedRedfish({ ...options, clock: env.clock });
  await env.net.listenHttp({ host: '10.0.0.1', port: 80 }, { handler: service.handler });
  const target: BmcTarget = { origin: 'http://10.0.0.1:80', credentials: { username: options.username ?? 'root', password: options.password ?? 'calvin' } };
  const drive = <T>(work: Promise<T>) => driveWork(env, work);
  return { env, service, target, drive, connect: (more) => drive(redfishDriver.connect(env, { ...target, ...more })) };
}

/** Awaits work while the clock of the world moves on. */
export async function driveWork<T>(env: VirtualEnv, work: Promise<T>): Promise<T> {
  let ended = false;
  const watched = work.finally(() => (ended = true));
  watched.catch(() => {});
  await env.clock.settle();
  if (!ended) await env.clock.runUntil(() => ended, { what: 'the work' });
  return watched;
}
