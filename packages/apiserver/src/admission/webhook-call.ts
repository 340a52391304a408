// One question to one webhook: AdmissionReview of admission.k8s.io/v1, as apiserver pkg/admission/plugin/webhook/request and util/webhook ask it.
import type { KubeObject } from '@keelson/kube';
import type { Env, HttpResponse } from '@keelson/std';
import { encodeText, readText } from '@keelson/std';
import { uuid } from '@keelson/std';
import { userInfo } from '../authn/service-accounts.ts';
import { fieldsAt, isFields, numberAt, textAt, textMapAt, textsAt } from '../kinds/fields.ts';
import type { Fields } from '../kinds/fields.ts';
import type { Change, WriteRequest } from '../registry/request-context.ts';
import type { ResourceVersion } from '../registry/resource.ts';

/** Finds the HTTPS address of a Service that a webhook names; undefined when it cannot be reached. `serverName` is what its certificate must say. */
export type ServiceResolver = (service: { readonly namespace: string; readonly name: string; readonly port: number }) => { readonly url: string; readonly serverName?: string } | undefined;

/** What is asked: the request, with its objects in the version the webhook wants. */
export interface Question {
  readonly request: WriteRequest;
  readonly version: ResourceVersion;
  readonly change: Change;
}

export interface Verdict {
  readonly allowed: boolean;
  /** The webhook's Status when it refuses. */
  readonly status?: Fields;
  /** JSON patch, decoded. */
  readonly patch?: unknown;
  readonly warnings: readonly string[];
  readonly auditAnnotations: Readonly<Record<string, string>>;
}

const reviewVersion = 'admission.k8s.io/v1';
const answerLimitBytes = 8 * 1024 * 1024;
const defaultTimeoutSeconds = 10;

/** Asks a webhook. Throws when no usable answer came in time. */
export async function callWebhook(env: Env, webhook: Fields, question: Question, resolve: ServiceResolver | undefined): Promise<Verdict> {
  if (!textsAt(webhook, 'admissionReviewVersions').includes('v1')) throw new Error('the webhook takes no AdmissionReview of version v1');
  const uid = uuid(env.random);
  const timeoutMs = (numberAt(webhook, 'timeoutSeconds') ?? defaultTimeoutSeconds) * 1000;
  const { url, serverName } = addressOf(webhook, resolve);
  url.searchParams.set('timeout', `${timeoutMs / 1000}s`);
  const bundle = textAt(fieldsAt(webhook, 'clientConfig'), 'caBundle');
  const tls = { ...(bundle && { ca: Buffer.from(bundle, 'base64').toString('utf8') }), ...(serverName !== undefined && { serverName }) };
  const body = encodeText(JSON.stringify({ kind: 'AdmissionReview', apiVersion: reviewVersion, request: reviewRequest(uid, question) }));
  const text = await within(env, timeoutMs, async (signal) => {
    const answer = await env.net.request({ method: 'POST', url: url.href, headers: { 'content-type': 'application/json', accept: 'application/json', 'user-agent': 'kube-apiserver-admission' }, body, signal }, { tls, timeoutMs });
    return textOf(answer);
  });
  return readVerdict(text, uid);
}

async function textOf(answer: HttpResponse): Promise<string> {
  const text = await readText(answer.body, answerLimitBytes);
  if (answer.status !== 200) throw new Error(`the webhook answered ${answer.status}`);
  return text;
}

/** Runs `work`, which the signal tells when its time is up. */
async function within<T>(env: Env, timeoutMs: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const abort = new AbortController();
  let timer: { cancel(): void } | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = env.clock.after(timeoutMs, () => {
      const error = new Error(`no answer within ${timeoutMs / 1000}s`);
      reject(error);
      abort.abort(error);
    });
  });
  try {
    return await Promise.race([work(abort.signal), late]);
  } finally {
    timer?.cancel();
  }
}

function addressOf(webhook: Fields, resolve: ServiceResolver | undefined): { url: URL; serverName?: string } {
  const config = fieldsAt(webhook, 'clientConfig');
  const service = fieldsAt(config, 'service');
  if (!service) {
    const url = new URL(textAt(config, 'url') ?? '');
    if (url.protocol !== 'https:') throw new Error('the webhook has no https address');
    return { url };
  }
  const [namespace, name, port] = [textAt(service, 'namespace') ?? '', textAt(service, 'name') ?? '', numberAt(service, 'port') ?? 443];
  const found = resolve?.({ namespace, name, port });
  if (!found) throw new Error(`this server cannot reach service ${namespace}/${name}; a webhook here needs clientConfig.url`);
  return { url: new URL(textAt(service, 'path') ?? '/', found.url), serverName: found.serverName ?? `${name}.${namespace}.svc` };
}

function reviewRequest(uid: string, { request, version, change }: Question): Fields {
  const { resource } = request.served;
  const gvk = (name: string) => ({ group: resource.group, version: name, kind: resource.kind });
  const gvr = (name: string) => ({ group: resource.group, version: name, resource: resource.plural });
  const part = request.subresource === undefined ? {} : { subResource: request.subresource, requestSubResource: request.subresource };
  const optionsKind = { CREATE: 'CreateOptions', UPDATE: 'UpdateOptions', DELETE: 'DeleteOptions' }[change.operation];
  return {
    uid,
    kind: gvk(version.name),
    resource: gvr(version.name),
    requestKind: gvk(request.served.version.name),
    requestResource: gvr(request.served.version.name),
    ...part,
    ...(change.name !== '' && { name: change.name }),
    ...(request.namespace !== undefined && { namespace: request.namespace }),
    operation: change.operation,
    userInfo: userInfo(request.user),
    object: change.object ?? null,
    oldObject: change.old ?? null,
    dryRun: request.dryRun,
    options: { kind: optionsKind, apiVersion: 'meta.k8s.io/v1', ...(change.operation !== 'DELETE' && { fieldManager: request.fieldManager }), ...(request.dryRun && { dryRun: ['All'] }) },
  };
}

function readVerdict(text: string, uid: string): Verdict {
  const review: unknown = JSON.parse(text);
  if (!isFields(review) || review['kind'] !== 'AdmissionReview' || review['apiVersion'] !== reviewVersion) throw new Error(`expected a webhook response of ${reviewVersion}, Kind=AdmissionReview`);
  const response = fieldsAt(review, 'response');
  if (!response) throw new Error('the webhook response has no response field');
  if (response['uid'] !== uid) throw new Error(`expected response.uid ${JSON.stringify(uid)}, got ${JSON.stringify(textAt(response, 'uid') ?? '')}`);
  return {
    allowed: response['allowed'] === true,
    status: fieldsAt(response, 'status'),
    patch: patchOf(response),
    warnings: textsAt(response, 'warnings'),
    auditAnnotations: textMapAt(response, 'auditAnnotations'),
  };
}

function patchOf(response: Fields): unknown {
  const patch = textAt(response, 'patch');
  if (!patch) {
    if (response['patchType'] !== undefined) throw new Error('the webhook response has a patchType but no patch');
    return undefined;
  }
  if (response['patchType'] !== 'JSONPatch') throw new Error('the only patchType that a webhook may answer is JSONPatch');
  return JSON.parse(Buffer.from(patch, 'base64').toString('utf8'));
}

/** An object in another version of its kind. */
export function inVersion(request: WriteRequest, object: KubeObject | undefined, from: ResourceVersion, to: ResourceVersion): KubeObject | undefined {
  if (!object || from === to) return object;
  const copy = structuredClone(object);
  const stored = from.toStorage ? from.toStorage(copy) : copy;
  const converted = to.fromStorage ? to.fromStorage(stored) : stored;
  const { group } = request.served.resource;
  return { ...converted, apiVersion: group === '' ? to.name : `${group}/${to.name}` };
}
