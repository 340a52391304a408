// Subresources that do something rather than show a part of the object: kubernetes/pkg/registry/core/pod/storage.
import type { KubeObject, LabelSelector } from '@keelson/kube';
import { matchesLabels, selectorOf } from '@keelson/kube';
import type { HttpResponse } from '@keelson/std';
import { rfc3339 } from '@keelson/std';
import { invalid } from '@keelson/kube/schema';
import { scheduledCondition } from '../kinds/built-in.ts';
import { ensureFields, fieldsAt, listAt, numberAt, textAt } from '../kinds/fields.ts';
import type { DeleteRequest } from '../registry/delete.ts';
import { deleteObject } from '../registry/delete.ts';
import { readObject } from '../registry/read.ts';
import { objectKey } from '../registry/resource.ts';
import { updateObject } from '../registry/write.ts';
import { decodeObject } from '../registry/encode.ts';
import { jsonAnswer } from './answer.ts';
import { badRequest, conflict, failure, invalidObject, methodNotAllowed, StatusError } from './api-status.ts';
import { asKubeObject, decodeBody } from './body.ts';
import { storedObject } from './get.ts';
import type { ApiRequest } from './request.ts';
import { requestToken } from './token-request.ts';
import { nameOf, writeRequest } from './request.ts';

/** Who answers what only a node can: logs, exec, port-forward. Undefined: nobody. */
export type NodeConnect = (request: ApiRequest, object: KubeObject) => Promise<HttpResponse> | undefined;

const nodeSubresources: ReadonlySet<string> = new Set(['attach', 'exec', 'log', 'portforward', 'proxy']);

/** True when a subresource is answered here and not as a part of the object. */
export function isSpecialSubresource({ path, served }: ApiRequest): boolean {
  if (!served.resource.builtIn || served.resource.group !== '') return false;
  const { subresource = '' } = path;
  return nodeSubresources.has(subresource) || subresource === 'binding' || subresource === 'eviction' || subresource === 'token';
}

/** Answers a subresource of that sort. */
export async function specialSubresource(request: ApiRequest): Promise<HttpResponse> {
  const { path, http, machine, served } = request;
  const subresource = path.subresource ?? '';
  if (nodeSubresources.has(subresource)) {
    const object = readObject(served, storedObject(request, nameOf(request)));
    const answer = machine.connect?.(request, object);
    if (!answer) throw badRequest(`no node is connected that could answer ${served.resource.plural}/${subresource}`);
    return answer;
  }
  if (http.method !== 'POST') throw methodNotAllowed(`${http.method} is not supported on resources of kind "${served.resource.plural}/${subresource}"`);
  if (subresource === 'binding') return bindPod(request);
  if (subresource === 'eviction') return evictPod(request);
  return requestToken(request);
}

function success(code: number): HttpResponse {
  return jsonAnswer(code, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code });
}

/** Gives a pod its node, once. */
async function bindPod(request: ApiRequest): Promise<HttpResponse> {
  const name = nameOf(request);
  const body = asKubeObject((await decodeBody(request.http, { protobuf: true })).value);
  const target = fieldsAt(body, 'target');
  const node = textAt(target, 'name');
  if (!node || (textAt(target, 'kind') ?? 'Node') !== 'Node') {
    throw invalidObject({ group: '', name: 'Binding' }, name, [invalid('target.kind', target?.['kind'] ?? '', 'must be empty or "Node", with a name')]);
  }
  const qualified = { group: '', name: 'pods/binding' };
  // The name of the pod's own strategy keeps nodeName from other writers, so this goes in as a subresource.
  const write = { ...writeRequest(request, 'CreateOptions'), subresource: 'binding' };
  await updateObject(request.machine, write, name, (pod) => {
    if (pod.metadata.deletionTimestamp !== undefined) throw conflict(qualified, name, `pod ${name} is being deleted, cannot be assigned to a host`);
    const spec = ensureFields(pod, 'spec');
    const bound = textAt(spec, 'nodeName');
    if (bound) throw conflict(qualified, name, `pod ${name} is already assigned to node ${JSON.stringify(bound)}`);
    spec['nodeName'] = node;
    pod.metadata.annotations = { ...pod.metadata.annotations, ...body.metadata.annotations };
    if (Object.keys(pod.metadata.annotations).length === 0) delete pod.metadata.annotations;
    const status = ensureFields(pod, 'status');
    const others = listAt(status, 'conditions').filter((condition) => condition['type'] !== 'PodScheduled');
    status['conditions'] = [...others, scheduledCondition(request.machine.env.clock.now())];
    return pod;
  });
  return success(201);
}

/** Deletes a pod unless a disruption budget forbids it. */
async function evictPod(request: ApiRequest): Promise<HttpResponse> {
  const name = nameOf(request);
  const write = writeRequest(request, 'CreateOptions');
  const body = asKubeObject((await decodeBody(request.http, { protobuf: true })).value);
  const pod = readObject(request.served, storedObject(request, name));
  const phase = textAt(fieldsAt(pod, 'status'), 'phase');
  const mayGo = phase === 'Succeeded' || phase === 'Failed' || phase === 'Pending' || pod.metadata.deletionTimestamp !== undefined;
  if (!mayGo) await takeDisruption(request, pod, write.dryRun);
  await deleteObject(request.machine, { ...write, subresource: undefined }, name, deleteRequestOf(body));
  return success(201);
}

function deleteRequestOf(eviction: KubeObject): DeleteRequest {
  const options = fieldsAt(eviction, 'deleteOptions');
  const preconditions = fieldsAt(options, 'preconditions');
  return { gracePeriodSeconds: numberAt(options, 'gracePeriodSeconds'), uid: textAt(preconditions, 'uid'), resourceVersion: textAt(preconditions, 'resourceVersion') };
}

/** Uses up one of the disruptions that the pod's budget allows; 429 when there is none. */
async function takeDisruption(request: ApiRequest, pod: KubeObject, dryRun: boolean): Promise<void> {
  const { machine } = request;
  const budgets = machine.registry.find('policy', 'v1', 'poddisruptionbudgets');
  if (!budgets) return;
  const namespace = request.path.namespace;
  const matching = machine.store.list({ prefix: objectKey(budgets.resource, namespace, '') }).entries
    .map((entry) => decodeObject(entry.value))
    .filter((budget) => matchesLabels(selectorOf(fieldsAt(budget, 'spec', 'selector') as LabelSelector | undefined), pod.metadata.labels));
  if (matching.length > 1) throw new StatusError(failure(500, 'InternalError', "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."));
  const [budget] = matching;
  if (!budget) return;
  const write = { ...writeRequest(request, 'CreateOptions'), served: budgets, subresource: 'status', dryRun };
  await updateObject(machine, write, budget.metadata.name, (live) => {
    const status = ensureFields(live, 'status');
    const allowed = numberAt(status, 'disruptionsAllowed') ?? 0;
    if (allowed <= 0) {
      const need = `The disruption budget ${budget.metadata.name} needs ${numberAt(status, 'desiredHealthy') ?? 0} healthy pods and has ${numberAt(status, 'currentHealthy') ?? 0} currently`;
      const message = "Cannot evict pod as it would violate the pod's disruption budget.";
      throw new StatusError(failure(429, 'TooManyRequests', message, { causes: [{ reason: 'DisruptionBudget', message: need }] }));
    }
    status['disruptionsAllowed'] = allowed - 1;
    ensureFields(status, 'disruptedPods')[pod.metadata.name] = rfc3339(machine.env.clock.now());
    return live;
  });
}
