/** Services of a node (machined's list) and their states, with an event for each change. */
import { uuid } from '@keelson/std';
import type { Machine } from '../machine/machine.ts';
import type { EventLog } from './events.ts';
import type { ServiceRecord, ServiceStateName } from './state.ts';

const historyLimit = 16;

/** Services that have a health check. */
const checked = new Set(['apid', 'trustd', 'etcd', 'kubelet', 'containerd', 'cri', 'udevd']);

/** Moves a service; nothing happens when it is there already. */
export function setService(machine: Machine, log: EventLog, id: string, state: ServiceStateName, message: string, healthy = state === 'Running'): void {
  const { node } = machine.state;
  if (!node) return;
  const known = node.services[id];
  const health = checked.has(id) ? healthy : undefined;
  if (known?.state === state && known.healthy === health && known.lastMessage === message) return;
  const atMs = machine.env.clock.now();
  const event = { state, message, atMs };
  const record: ServiceRecord = { state, healthy: health, lastMessage: message, lastChangeMs: atMs, events: [...(known?.events ?? []), event].slice(-historyLimit) };
  node.services[id] = record;
  log.emit('ServiceStateEvent', { service: id, action: state.toUpperCase(), message, health: { unknown: health === undefined, healthy: health ?? false, lastMessage: message } });
  log.say(`[talos] service[${id}](${state}): ${message}`);
}

export function isUp(record: ServiceRecord | undefined): boolean {
  return record?.state === 'Running' && record.healthy !== false;
}

/** What every configured node runs from the start of its services. */
export const baseServices: readonly string[] = ['machined', 'syslogd', 'udevd', 'containerd', 'auditd', 'cri', 'dashboard'];

export function newActorId(machine: Machine): string {
  return uuid(machine.env.random);
}
