// serviceaccounts/token: kubernetes/pkg/registry/core/serviceaccount/storage/token.go.
import type { KubeObject } from '@keelson/kube';
import type { FieldError } from '@keelson/kube/schema';
import { forbidden as forbiddenField, invalid } from '@keelson/kube/schema';
import type { HttpResponse } from '@keelson/std';
import { rfc3339 } from '@keelson/std';
import type { BoundObject, TokenOrder } from '../authn/service-accounts.ts';
import type { Fields } from '../kinds/fields.ts';
import { fieldsAt, numberAt, textAt, textsAt } from '../kinds/fields.ts';
import { decodeObject } from '../registry/encode.ts';
import { jsonAnswer } from './answer.ts';
import { badRequest, conflict, invalidObject, methodNotAllowed, notFound } from './api-status.ts';
import { asKubeObject, decodeBody } from './body.ts';
import { storedObject } from './get.ts';
import type { ApiRequest } from './request.ts';
import { nameOf, writeRequest } from './request.ts';
import { readObject } from '../registry/read.ts';

const defaultSeconds = 3600;
const minSeconds = 600;
const maxSeconds = 2 ** 32;

/** POST of a TokenRequest: a token for the service account of the path, in the status of the answer. */
export async function requestToken(request: ApiRequest): Promise<HttpResponse> {
  const { tokens } = request.machine;
  if (!tokens) throw methodNotAllowed('this server has no key to sign service account tokens with');
  const name = nameOf(request);
  const write = writeRequest(request, 'CreateOptions');
  const account = readObject(request.served, storedObject(request, name));
  const body = asKubeObject((await decodeBody(request.http, { protobuf: true })).value);
  if ((body.kind && body.kind !== 'TokenRequest') || (body.apiVersion && body.apiVersion !== 'authentication.k8s.io/v1')) throw badRequest('the object in the data is no TokenRequest of authentication.k8s.io/v1');
  checkAccount(body, account);
  const spec = fieldsAt(body, 'spec') ?? {};
  const asked = textsAt(spec, 'audiences');
  const audiences = asked.length > 0 ? asked : tokens.audiences;
  const expirationSeconds = numberAt(spec, 'expirationSeconds') ?? defaultSeconds;
  const errors = checkSeconds(expirationSeconds);
  if (errors.length > 0) throw invalidObject({ group: 'authentication.k8s.io', name: 'TokenRequest' }, '', errors);
  const order: TokenOrder = { account, audiences, lifeSeconds: expirationSeconds, ...boundOrder(request, account, fieldsAt(spec, 'boundObjectRef')) };
  const issued = write.dryRun ? undefined : tokens.issue(order);
  return jsonAnswer(201, {
    kind: 'TokenRequest',
    apiVersion: 'authentication.k8s.io/v1',
    metadata: { name, namespace: account.metadata.namespace, creationTimestamp: rfc3339(request.machine.env.clock.now()) },
    spec: { ...spec, audiences, expirationSeconds, boundObjectRef: spec['boundObjectRef'] ?? null },
    status: { token: issued?.token ?? '', expirationTimestamp: issued ? rfc3339(issued.expiresAtMs) : null },
  });
}

function checkAccount({ metadata }: KubeObject, account: KubeObject): void {
  if (metadata.name && metadata.name !== account.metadata.name) throw badRequest(`must match the service account name: ${metadata.name}`);
  if (metadata.namespace && metadata.namespace !== account.metadata.namespace) throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
}

function checkSeconds(seconds: number): FieldError[] {
  if (!Number.isInteger(seconds)) return [invalid('spec.expirationSeconds', seconds, 'must be a whole number')];
  if (seconds < minSeconds) return [invalid('spec.expirationSeconds', seconds, 'may not specify a duration less than 10 minutes')];
  return seconds > maxSeconds ? [invalid('spec.expirationSeconds', seconds, 'may not specify a duration larger than 2^32 seconds')] : [];
}

/** What the token is bound to, looked up; the pod of another account is refused. */
function boundOrder(request: ApiRequest, account: KubeObject, ref: Fields | undefined): Pick<TokenOrder, 'bound' | 'node'> {
  if (!ref) return {};
  const kind = textAt(ref, 'kind') ?? '';
  const name = textAt(ref, 'name') ?? '';
  if (!isBindable(kind) || (textAt(ref, 'apiVersion') ?? 'v1') !== 'v1') throw badRequest(`cannot bind token for serviceaccount ${JSON.stringify(account.metadata.name)} to type ${JSON.stringify(kind)}`);
  const plural = `${kind.toLowerCase()}s`;
  const object = lookUp(request, plural, kind === 'Node' ? undefined : request.path.namespace, name);
  const qualified = { group: '', name: plural };
  if (!object) throw notFound(qualified, name);
  const uid = object.metadata.uid ?? '';
  const wanted = textAt(ref, 'uid');
  if (wanted && wanted !== uid) throw conflict(qualified, name, `the UID in the bound object reference (${wanted}) does not match the UID in record. The object might have been deleted and then recreated`);
  if (kind !== 'Pod') return { bound: { kind, name, uid } };
  const spec = fieldsAt(object, 'spec');
  const owner = textAt(spec, 'serviceAccountName') || 'default';
  if (owner !== account.metadata.name) {
    throw invalidObject({ group: 'authentication.k8s.io', name: 'TokenRequest' }, '', [forbiddenField('spec.boundObjectRef', `cannot bind token for serviceaccount ${JSON.stringify(account.metadata.name)} to pod running with different serviceaccount name.`)]);
  }
  const nodeName = textAt(spec, 'nodeName');
  const node = nodeName === undefined ? undefined : lookUp(request, 'nodes', undefined, nodeName);
  return { bound: { kind, name, uid }, ...(node && { node: { name: node.metadata.name, uid: node.metadata.uid ?? '' } }) };
}

function isBindable(kind: string): kind is BoundObject['kind'] {
  return kind === 'Pod' || kind === 'Secret' || kind === 'Node';
}

function lookUp({ machine }: ApiRequest, plural: string, namespace: string | undefined, name: string): KubeObject | undefined {
  const stored = machine.store.get(`core/${plural}/${namespace === undefined ? '' : `${namespace}/`}${name}`);
  return stored && decodeObject(stored.value);
}
