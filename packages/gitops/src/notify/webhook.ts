// The HTTP side of Receivers: who calls is verified, then every named resource is asked to reconcile (notification-controller's receiver server).
import { createHmac, timingSafeEqual } from 'node:crypto';
import { BodyTooLargeError, type Clock, type HttpHandler, type HttpRequest, type HttpResponse, type Log, describeError, readBody, requestUrl, rfc3339Micro, silentLog, textResponse } from '@keelson/std';
import { type KindRef, findCondition, keyOf } from '@keelson/kube';
import { Receiver, Secret } from '@keelson/api';
import type { KubeClient } from '@keelson/kube/client';
import { conditionTypes, managers, requestedAtAnnotation } from '../flux.ts';
import { receiverToken } from './receiver.ts';

export interface WebhookOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log?: Log;
}

const bodyLimitBytes = 3 * 1024 * 1024;

/** Serves `/hook/<digest>`: 200 done, 400 not verified, 404 unknown, 405 not a POST, 413 too large, 503 suspended or not ready, 500 failed. */
export function receiverHandler(options: WebhookOptions): HttpHandler {
  return async (request) => {
    const { pathname } = requestUrl(request);
    if (!pathname.startsWith('/hook/')) return textResponse(404, 'not found\n');
    if (request.method !== 'POST') return textResponse(405, 'method not allowed\n', { allow: 'POST' });
    try {
      return await receive(request, pathname, options);
    } catch (error) {
      if (error instanceof BodyTooLargeError) return textResponse(413, 'the body is too large\n');
      options.log?.error('webhook failed', { path: pathname, error: describeError(error) });
      return textResponse(500, 'the call was verified, but the resources could not be asked to reconcile\n');
    }
  };
}

async function receive(request: HttpRequest, pathname: string, options: WebhookOptions): Promise<HttpResponse> {
  const { client, log = silentLog } = options;
  const body = await readBody(request.body, bodyLimitBytes);
  const receivers = (await client.list<Receiver>(Receiver)).items.filter(({ status }) => status?.webhookPath === pathname);
  const [receiver] = receivers;
  if (!receiver) return textResponse(404, 'not found\n');
  if (receiver.spec?.suspend || findCondition(receiver, conditionTypes.ready)?.status !== 'True') return textResponse(503, 'the receiver is suspended or not ready\n');
  const secretName = receiver.spec?.secretRef?.name;
  const secret = secretName === undefined ? undefined : await client.get<Secret>(Secret, { namespace: receiver.metadata.namespace, name: secretName });
  const token = receiverToken(receiver, secret);
  const refusal = token === undefined ? 'the receiver has no token' : verify(receiver, request, body, token);
  if (refusal) {
    log.warn('webhook refused', { receiver: keyOf(receiver), why: refusal });
    return textResponse(400, `${refusal}\n`);
  }
  const woken = await requestReconciles(receiver, options);
  log.info('webhook received', { receiver: keyOf(receiver), woken });
  return textResponse(200, '');
}

/** Why a call is not believed; undefined when it is. */
function verify(receiver: Receiver, request: HttpRequest, body: Uint8Array, token: string): string | undefined {
  switch (receiver.spec?.type) {
    case 'generic':
      return undefined;
    case 'generic-hmac':
      return verifyHmac(request.headers['x-signature'], body, token);
    default:
      return 'the type of this receiver is not supported';
  }
}

function verifyHmac(signature: string | undefined, body: Uint8Array, token: string): string | undefined {
  if (!signature) return 'the header X-Signature is missing';
  const match = /^(sha1|sha256|sha512)=([0-9a-f]+)$/i.exec(signature.trim());
  if (!match) return 'the header X-Signature is not <sha1|sha256|sha512>=<hex>';
  const expected = createHmac(match[1]!.toLowerCase(), token).update(body).digest();
  const given = Buffer.from(match[2]!, 'hex');
  return given.length === expected.length && timingSafeEqual(given, expected) ? undefined : 'the signature does not match the body';
}

async function requestReconciles(receiver: Receiver, { client, clock }: WebhookOptions): Promise<number> {
  // Two calls within a millisecond are one request: what was asked for has not happened yet.
  const now = rfc3339Micro(clock.now());
  let woken = 0;
  for (const resource of receiver.spec?.resources ?? []) {
    const kind = await client.resolve(resource.apiVersion ?? defaultApiVersion(resource.kind), resource.kind);
    if (!kind) throw new Error(`looking up ${resource.kind} ${resource.apiVersion ?? ''}: the API server does not have this kind`);
    for (const key of await matching(resource, receiver.metadata.namespace, kind, client)) {
      await client.patch(kind, key, 'merge', { metadata: { annotations: { [requestedAtAnnotation]: now } } }, { fieldManager: managers.notification });
      woken++;
    }
  }
  return woken;
}

type Resource = NonNullable<Receiver['spec']>['resources'][number];

async function matching(resource: Resource, receiverNamespace: string | undefined, kind: KindRef, client: KubeClient) {
  const namespace = resource.namespace ?? receiverNamespace;
  if (resource.name !== '*') {
    const key = { namespace, name: resource.name };
    return (await client.get(kind, key)) ? [key] : [];
  }
  const labelSelector = Object.entries(resource.matchLabels ?? {}).map(([name, value]) => `${name}=${value}`).join(',');
  return (await client.list(kind, { namespace, labelSelector })).items.map(({ metadata }) => ({ namespace: metadata.namespace, name: metadata.name }));
}

function defaultApiVersion(kind: string): string {
  switch (kind) {
    case 'Kustomization':
      return 'kustomize.toolkit.fluxcd.io/v1';
    case 'HelmRelease':
      return 'helm.toolkit.fluxcd.io/v2';
    case 'ImageRepository':
    case 'ImagePolicy':
    case 'ImageUpdateAutomation':
      return 'image.toolkit.fluxcd.io/v1';
    case 'ArtifactGenerator':
      return 'source.extensions.fluxcd.io/v1beta1';
    default:
      return 'source.toolkit.fluxcd.io/v1';
  }
}
