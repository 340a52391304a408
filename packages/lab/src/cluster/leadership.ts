/** Leader election of controller-manager and scheduler among the control-plane nodes, as it shows from outside. */
import { Lease } from '@keelson/api';
import type { Controller } from '@keelson/controller';
import type { KubeClient } from '@keelson/kube/client';
import { rfc3339Micro, uuid, type Env } from '@keelson/std';
import type { NodeAttachment } from './cluster-host.ts';

const leaseDurationSeconds = 15;
const components = ['kube-controller-manager', 'kube-scheduler'] as const;

export interface Leadership {
  readonly leader: string | undefined;
  /** A node that holds the leases is gone. After an orderly stop another takes over at once, else when they have run out. */
  lose(machineId: string, orderly: boolean): void;
  /** Makes one of the nodes the leader when there is none. */
  elect(candidates: readonly NodeAttachment[]): void;
  /** Until when nobody leads, in milliseconds since the epoch; 0 when somebody does. */
  readonly vacantUntilMs: number;
  /** Writes the leases; the leader's kubelet calls it with its heartbeat. */
  renew(client: KubeClient): Promise<void>;
}

export function createLeadership(env: Env, failoverMs: number): Leadership {
  let leader: { readonly machineId: string; readonly identity: string; readonly sinceMs: number } | undefined;
  let vacantUntilMs = 0;
  let transitions = 0;
  return {
    get leader() {
      return leader?.machineId;
    },
    get vacantUntilMs() {
      return vacantUntilMs > env.clock.now() ? vacantUntilMs : 0;
    },
    lose(machineId, orderly) {
      if (leader?.machineId !== machineId) return;
      leader = undefined;
      vacantUntilMs = orderly ? 0 : env.clock.now() + failoverMs;
    },
    elect(candidates) {
      const first = candidates[0];
      if (leader && candidates.some((one) => one.machineId === leader?.machineId)) return;
      leader = first && { machineId: first.machineId, identity: `${first.nodeName}_${uuid(env.random)}`, sinceMs: Math.max(env.clock.now(), vacantUntilMs) };
      if (first) transitions++;
    },
    async renew(client) {
      if (!leader || vacantUntilMs > env.clock.now()) return;
      for (const name of components) {
        const spec = {
          holderIdentity: leader.identity,
          leaseDurationSeconds,
          acquireTime: rfc3339Micro(leader.sinceMs),
          renewTime: rfc3339Micro(env.clock.now()),
          leaseTransitions: Math.max(0, transitions - 1),
        };
        await client.apply(Lease, { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name, namespace: 'kube-system' }, spec }, { fieldManager: name, force: true });
      }
    },
  };
}

/** The controller, but idle while nobody leads. */
export function whileLed(controller: Controller, leadership: Pick<Leadership, 'vacantUntilMs'>, env: Env): Controller {
  return {
    ...controller,
    reconcile: async (key, context) => {
      const until = leadership.vacantUntilMs;
      if (until > 0) return { requeueAfterMs: until - env.clock.now() + 1, waitsFor: 'a new leader of the controllers' };
      return controller.reconcile(key, context);
    },
  };
}
