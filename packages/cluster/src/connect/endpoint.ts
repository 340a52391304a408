/**
 * Who answers at a control plane's endpoint before we have made one. An API server there belongs to a cluster that this
 * store does not know: one of another owner, or our own from before the store was lost. A second etcd behind the same
 * address would split it, so neither keys nor etcd are made while it answers.
 */
import type { Cluster } from '@keelson/api';
import type { Env, HttpResponse } from '@keelson/std';
import { BodyTooLargeError, TransportError, readBody } from '@keelson/std';
import { isRecord } from '../write.ts';

const askTimeoutMs = 3_000;
const answerLimit = 64 * 1024;

/** What of a Kubernetes API answers at the cluster's endpoint, in words; undefined when nobody does, or something else. */
export async function apiAtEndpoint(env: Env, cluster: Cluster): Promise<string | undefined> {
  const { host, port } = cluster.spec.controlPlaneEndpoint ?? {};
  if (!host || !port) return undefined;
  const endpoint = `https://${host.includes(':') ? `[${host}]` : host}:${port}`;
  try {
    // Whose certificate it is does not matter: nothing is told to it and nothing is taken from it.
    const answer = await env.net.request({ method: 'GET', url: `${endpoint}/version`, headers: { accept: 'application/json' } }, { tls: { insecureSkipVerify: true }, timeoutMs: askTimeoutMs });
    return (await isKubernetes(answer)) ? `${endpoint} answers as a Kubernetes API (status ${answer.status})` : undefined;
  } catch (error) {
    if (error instanceof TransportError) return undefined;
    throw error;
  }
}

/** GET /version of an API server: a version, or a Status for whoever may not read it. */
async function isKubernetes(answer: HttpResponse): Promise<boolean> {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(await readBody(answer.body, answerLimit)));
    return isRecord(value) && (typeof value.gitVersion === 'string' || value.kind === 'Status');
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof BodyTooLargeError) return false;
    throw error;
  }
}
