// ClusterRoles whose rules are those of others: kubernetes/pkg/controller/clusterroleaggregation.
import type { KubeObject, LabelSelector } from '@keelson/kube';
import { matchesLabels, selectorOf } from '@keelson/kube';
import { fieldsAt, isSame, listAt } from '../kinds/fields.ts';
import type { Fields } from '../kinds/fields.ts';
import { ignoreNotFound, internalRequest } from '../lifecycle/internal-request.ts';
import { createKeyQueue } from '../lifecycle/key-queue.ts';
import { decodeObject } from '../registry/encode.ts';
import type { Machine } from '../registry/request-context.ts';
import { updateObject } from '../registry/write.ts';

const prefix = 'rbac.authorization.k8s.io/clusterroles/';
const fieldManager = 'clusterrole-aggregation-controller';

export interface RoleAggregator {
  idle(): Promise<void>;
  close(): void;
}

/** The rules of all roles that the aggregation rule of `role` selects, each once, in the order of the roles' names. */
export function aggregatedRules(role: KubeObject, all: readonly KubeObject[]): Fields[] {
  const selectors = listAt(fieldsAt(role, 'aggregationRule'), 'clusterRoleSelectors').map((selector) => selectorOf(selector as LabelSelector)); // checked against the kind's schema when it was stored
  const rules: Fields[] = [];
  for (const other of [...all].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))) {
    if (other.metadata.name === role.metadata.name || !selectors.some((selector) => matchesLabels(selector, other.metadata.labels))) continue;
    for (const rule of listAt(other, 'rules')) if (!rules.some((known) => isSame(known, rule))) rules.push(rule);
  }
  return rules;
}

/** Keeps the rules of aggregating ClusterRoles in the store as their parts say. */
export function startRoleAggregator(machine: Machine): RoleAggregator {
  const { store, registry } = machine;
  const roles = () => store.list({ prefix }).entries.map((entry) => decodeObject(entry.value));
  const queue = createKeyQueue(machine.env, fieldManager, async () => {
    const resource = registry.resource('rbac.authorization.k8s.io', 'clusterroles');
    if (!resource) return;
    for (const role of roles()) {
      if (!role['aggregationRule'] || role.metadata.deletionTimestamp !== undefined) continue;
      if (isSame(aggregatedRules(role, roles()), role['rules'] ?? [])) continue;
      // A change of one may change another; it comes back as an event.
      await updateObject(machine, internalRequest(resource, undefined, fieldManager), role.metadata.name, (live) => ({ ...live, rules: aggregatedRules(live, roles()) })).catch(ignoreNotFound);
    }
  });
  queue.add('roles');
  const watch = store.watch({ prefix, onEvents: () => queue.add('roles') });
  return {
    idle: () => queue.idle(),
    close() {
      watch.close();
      queue.close();
    },
  };
}
