// Which requests a webhook is asked about: apiserver pkg/admission/plugin/webhook/{predicates,generic}.
import type { KubeObject, LabelSelector } from '@keelson/kube';
import { matchesLabels, selectorOf } from '@keelson/kube';
import { fieldsAt, listAt, textAt, textsAt } from '../kinds/fields.ts';
import type { Fields } from '../kinds/fields.ts';
import { decodeObject } from '../registry/encode.ts';
import type { Change, Machine, WriteRequest } from '../registry/request-context.ts';
import type { ResourceVersion } from '../registry/resource.ts';
import { namespaceKeyPrefix } from './namespace-gate.ts';

/** Configurations of admission itself are never sent to webhooks, or a wrong one could not be mended. */
export function isExempt({ served }: WriteRequest): boolean {
  return served.resource.group === 'admissionregistration.k8s.io';
}

/** The version in which a webhook wants to see a request; undefined when it does not want to see it. */
export function matchedVersion(machine: Pick<Machine, 'store'>, webhook: Fields, request: WriteRequest, change: Change): ResourceVersion | undefined {
  const version = versionByRules(webhook, request, change);
  if (!version || !matchesNamespace(machine, webhook, request, change) || !matchesObject(webhook, change)) return undefined;
  return version;
}

function versionByRules(webhook: Fields, request: WriteRequest, change: Change): ResourceVersion | undefined {
  const { resource, version } = request.served;
  const rules = listAt(webhook, 'rules');
  const wants = (name: string) => rules.some((rule) => matchesRule(rule, request, change, name));
  if (wants(version.name)) return version;
  if (textAt(webhook, 'matchPolicy') === 'Exact') return undefined;
  return resource.versions.find((other) => other.served && wants(other.name));
}

function matchesRule(rule: Fields, { served, subresource }: WriteRequest, { operation }: Change, version: string): boolean {
  const { resource } = served;
  const has = (field: string, value: string) => textsAt(rule, field).some((one) => one === '*' || one === value);
  const scope = textAt(rule, 'scope') ?? '*';
  if (scope !== '*' && scope !== (resource.namespaced ? 'Namespaced' : 'Cluster')) return false;
  return has('operations', operation) && has('apiGroups', resource.group) && has('apiVersions', version) && textsAt(rule, 'resources').some((one) => matchesResource(one, resource.plural, subresource));
}

// A resource, a resource and its subresource, or a star for either; without a subresource the object itself.
function matchesResource(pattern: string, plural: string, subresource: string | undefined): boolean {
  const [wanted, part] = pattern.split('/', 2);
  if (wanted !== '*' && wanted !== plural) return false;
  return part === undefined ? subresource === undefined : part === '*' || part === subresource;
}

function matchesNamespace({ store }: Pick<Machine, 'store'>, webhook: Fields, { served, namespace, subresource }: WriteRequest, change: Change): boolean {
  const selector = selectorAt(webhook, 'namespaceSelector');
  if (selector.requirements.length === 0 && !selector.nothing) return true;
  const { resource } = served;
  if (resource.group === '' && resource.kind === 'Namespace' && subresource === undefined) return matchesLabels(selector, (change.object ?? change.old)?.metadata.labels);
  if (!resource.namespaced) return true;
  const stored = store.get(`${namespaceKeyPrefix}${namespace ?? ''}`);
  return matchesLabels(selector, stored && decodeObject(stored.value).metadata.labels);
}

/** The object as it will be or as it was. */
function matchesObject(webhook: Fields, { object, old }: Change): boolean {
  const selector = selectorAt(webhook, 'objectSelector');
  if (selector.requirements.length === 0 && !selector.nothing) return true;
  return [object, old].some((one: KubeObject | undefined) => one !== undefined && matchesLabels(selector, one.metadata.labels));
}

function selectorAt(webhook: Fields, name: string): ReturnType<typeof selectorOf> {
  return selectorOf((fieldsAt(webhook, name) ?? {}) as LabelSelector); // checked against the kind's schema when it was stored
}
