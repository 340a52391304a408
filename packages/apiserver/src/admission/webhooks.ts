// Mutating and validating webhooks: apiserver pkg/admission/plugin/webhook/{mutating,validating}/dispatcher.go.
import type { KubeObject } from '@keelson/kube';
import { jsonPatch } from '@keelson/kube/apply';
import { describeError } from '@keelson/std';
import { badRequest, failure, internalError, StatusError } from '../http/api-status.ts';
import type { Fields } from '../kinds/fields.ts';
import { isSame, listAt, numberAt, textAt } from '../kinds/fields.ts';
import { asKubeObject } from '../http/body.ts';
import { decodeObject } from '../registry/encode.ts';
import type { Change, Machine, WriteRequest } from '../registry/request-context.ts';
import { sanitize } from '../registry/sanitize.ts';
import type { ServiceResolver, Verdict } from './webhook-call.ts';
import { callWebhook, inVersion } from './webhook-call.ts';
import { isExempt, matchedVersion } from './webhook-match.ts';
import type { ResourceVersion } from '../registry/resource.ts';

const group = 'admissionregistration.k8s.io';

export interface Webhooks {
  /** Asks the mutating webhooks, one after the other; answers the object as they leave it. Undefined when there is none to ask. */
  mutate(request: WriteRequest, change: Change): Promise<KubeObject | undefined> | undefined;
  /** Asks the validating webhooks, all at once. Undefined when there is none to ask. */
  validate(request: WriteRequest, change: Change): Promise<void> | undefined;
}

/** Webhooks as the configurations in the store declare them. */
export function createWebhooks(machine: Pick<Machine, 'env' | 'store'>, resolve: ServiceResolver | undefined): Webhooks {
  const mutating = configurations(machine, `${group}/mutatingwebhookconfigurations/`);
  const validating = configurations(machine, `${group}/validatingwebhookconfigurations/`);
  const wanted = (webhooks: readonly Fields[], request: WriteRequest, change: Change) => (isExempt(request) ? [] : webhooks.filter((webhook) => matchedVersion(machine, webhook, request, change)));
  const ask = (webhook: Fields, request: WriteRequest, change: Change) => askOne({ machine, webhook, request, change, resolve });
  return {
    mutate(request, change) {
      const all = mutating();
      // One webhook's change may make another want to see the object, so all are looked at again below.
      if (all.length === 0 || isExempt(request)) return undefined;
      return mutateAll(all, request, change, (webhook, now) => (matchedVersion(machine, webhook, request, now) ? ask(webhook, request, now) : undefined));
    },
    validate(request, change) {
      const all = wanted(validating(), request, change);
      if (all.length === 0) return undefined;
      return validateAll(all.map((webhook) => ask(webhook, request, change)));
    },
  };
}

/** The webhooks of all configurations in the order of their names, read anew when one has changed. */
function configurations({ store }: Pick<Machine, 'store'>, prefix: string): () => readonly Fields[] {
  let version = '';
  let webhooks: readonly Fields[] = [];
  return () => {
    const { entries } = store.list({ prefix });
    const now = entries.map((entry) => `${entry.key}@${entry.revision}`).join('\n');
    if (now !== version) {
      version = now;
      webhooks = entries.flatMap((entry) => listAt(decodeObject(entry.value), 'webhooks'));
    }
    return webhooks;
  };
}

type Ask = (webhook: Fields, change: Change) => Promise<KubeObject | undefined> | undefined;

async function mutateAll(webhooks: readonly Fields[], request: WriteRequest, change: Change, ask: Ask): Promise<KubeObject | undefined> {
  let object = change.object;
  const seen: { webhook: Fields; left: KubeObject | undefined }[] = [];
  for (const webhook of webhooks) {
    const asked = ask(webhook, { ...change, object });
    if (!asked) continue;
    object = (await asked) ?? object;
    if (textAt(webhook, 'reinvocationPolicy') === 'IfNeeded') seen.push({ webhook, left: object });
  }
  // One more round for those that later ones have changed the object after.
  for (const { webhook, left } of seen) {
    if (isSame(left, object)) continue;
    const asked = ask(webhook, { ...change, object });
    if (asked) object = (await asked) ?? object;
  }
  return object === change.object || !object ? undefined : sanitize({ ...request, fieldValidation: 'Ignore' }, object);
}

/** Waits for all; the refusal of the first in order is the answer. */
async function validateAll(answers: readonly Promise<unknown>[]): Promise<void> {
  const results = await Promise.allSettled(answers);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}

interface Asking {
  readonly machine: Pick<Machine, 'env' | 'store'>;
  readonly webhook: Fields;
  readonly request: WriteRequest;
  readonly change: Change;
  readonly resolve: ServiceResolver | undefined;
}

/** Asks one webhook and takes its answer: answers the changed object, undefined when it changes nothing, throws when it refuses. */
async function askOne({ machine, webhook, request, change, resolve }: Asking): Promise<KubeObject | undefined> {
  const name = textAt(webhook, 'name') ?? '';
  const sideEffects = textAt(webhook, 'sideEffects');
  if (request.dryRun && sideEffects !== 'None' && sideEffects !== 'NoneOnDryRun') throw badRequest(`admission webhook ${JSON.stringify(name)} does not support dry run`);
  const own = request.served.version;
  const version = matchedVersion(machine, webhook, request, change) ?? own;
  const seen: Change = { ...change, object: inVersion(request, change.object, own, version), old: inVersion(request, change.old, own, version) };
  try {
    const verdict = await callWebhook(machine.env, webhook, { request, version, change: seen }, resolve);
    note(request, name, verdict);
    if (!verdict.allowed) throw denial(name, verdict.status);
    return patched(request, seen.object, verdict.patch, version);
  } catch (error) {
    if (error instanceof StatusError) throw error;
    if (textAt(webhook, 'failurePolicy') === 'Ignore') {
      machine.env.log.warn('admission webhook failed and is ignored', { webhook: name, error: describeError(error) });
      return undefined;
    }
    throw internalError(`failed calling webhook ${JSON.stringify(name)}: ${describeError(error)}`);
  }
}

function note(request: WriteRequest, name: string, { warnings, auditAnnotations }: Verdict): void {
  for (const warning of warnings) request.warnings.add(warning);
  for (const [key, value] of Object.entries(auditAnnotations)) request.annotate?.(`${name}/${key}`, value);
}

function patched(request: WriteRequest, object: KubeObject | undefined, patch: unknown, version: ResourceVersion): KubeObject | undefined {
  if (patch === undefined || (Array.isArray(patch) && patch.length === 0)) return undefined;
  if (!object) throw new Error('a deletion cannot be patched');
  const changed = asKubeObject(jsonPatch(object, patch));
  // Whose it is and which version it is are not a webhook's to say.
  for (const field of ['name', 'generateName', 'namespace', 'uid', 'resourceVersion', 'generation', 'creationTimestamp', 'deletionTimestamp', 'managedFields'] as const) {
    const { [field]: value } = object.metadata;
    if (value === undefined) delete changed.metadata[field];
    else Object.assign(changed.metadata, { [field]: value });
  }
  return inVersion(request, changed, version, request.served.version);
}

/** The refusal in the webhook's words; its code and reason where it gives ones that refuse. */
function denial(name: string, status: Fields | undefined): StatusError {
  const said = textAt(status, 'message') || textAt(status, 'reason');
  const head = `admission webhook ${JSON.stringify(name)} denied the request`;
  const code = Math.max(numberAt(status, 'code') ?? 0, 400);
  return new StatusError({ ...failure(code, textAt(status, 'reason') || (code === 403 ? 'Forbidden' : 'BadRequest'), said ? `${head}: ${said}` : `${head} without explanation`) });
}
