// Receiver after Flux's notification-controller: the path of its webhook follows from its token, name and namespace.
import { createHash } from 'node:crypto';
import { type Problem, problem, problemLine, rfc3339 } from '@keelson/std';
import { type ObjectKey, keyOf } from '@keelson/kube';
import { Receiver, Secret } from '@keelson/api';
import { type Controller, type ReconcileContext, type ReconcileResult, applyStatus, ensureFinalizer, removeFinalizer } from '@keelson/controller';
import { conditionSet } from '../condition-set.ts';
import { conditionTypes, fluxFinalizer, managers, requestedAtAnnotation } from '../flux.ts';
import { gitopsProblems } from '../problems.ts';
import { durationMs, jittered } from '../requeue.ts';
import { secretText } from '../source/git-credentials.ts';

/** Types whose calls we can verify. */
export const supportedTypes: readonly string[] = ['generic', 'generic-hmac'];

/** `/hook/<hex sha256 of token, name and namespace>` */
export function webhookPath(token: string, key: ObjectKey): string {
  return `/hook/${createHash('sha256').update(`${token}${key.name}${key.namespace ?? ''}`).digest('hex')}`;
}

/** The token of a receiver's Secret; undefined when there is none. */
export function receiverToken(receiver: Receiver, secret: Secret | undefined): string | undefined {
  const token = receiver.spec?.secretRef && secretText(secret, 'token');
  return token === '' ? undefined : token;
}

/** Publishes the webhook path of Receivers. */
export function receiverController(): Controller {
  return {
    name: managers.notification,
    kind: Receiver,
    reads: [Secret],
    writes: [{ kind: Receiver, part: 'status' }],
    watches: [{
      kind: Secret,
      toKeys: (secret, cache) =>
        cache
          .list<Receiver>(Receiver, { namespace: secret.metadata.namespace })
          .filter(({ spec }) => spec?.secretRef?.name === secret.metadata.name)
          .map(({ metadata }) => metadata),
    }],
    reconcile,
  };
}

async function reconcile(key: ObjectKey, context: ReconcileContext): Promise<ReconcileResult | void> {
  const found = context.cache.get<Receiver>(Receiver, key);
  if (!found) return;
  if (found.metadata.deletionTimestamp) return removeFinalizer(context, Receiver, found, fluxFinalizer);
  if (found.spec?.suspend) return;
  const receiver = await ensureFinalizer(context, Receiver, found, fluxFinalizer);
  const { metadata, spec } = receiver;
  const conditions = conditionSet(receiver.status?.conditions ?? [], metadata.generation, rfc3339(context.env.clock.now()));
  const secret = spec?.secretRef && context.cache.get<Secret>(Secret, { namespace: key.namespace, name: spec.secretRef.name });
  const token = receiverToken(receiver, secret);
  const refusal = refusalOf(receiver, token);
  let path: string | undefined;
  if (refusal) {
    const isNews = conditions.get(conditionTypes.ready)?.message !== problemLine(refusal);
    conditions.problem(conditionTypes.ready, 'False', refusal);
    conditions.set(conditionTypes.stalled, 'True', refusal.reason, problemLine(refusal));
    if (isNews) context.events.problem(receiver, refusal);
  } else {
    path = webhookPath(token ?? '', key);
    conditions.remove(conditionTypes.stalled, conditionTypes.reconciling);
    conditions.set(conditionTypes.ready, 'True', 'Succeeded', `Receiver initialized for path: ${path}`);
  }
  const requestedAt = metadata.annotations?.[requestedAtAnnotation];
  await applyStatus(context, Receiver, receiver, {
    conditions: conditions.list(),
    observedGeneration: metadata.generation,
    ...(path ? { webhookPath: path } : {}),
    ...(requestedAt !== undefined ? { lastHandledReconcileAt: requestedAt } : {}),
  }, managers.notification);
  return { requeueAfterMs: jittered(durationMs(spec?.interval, 600_000), context.env.random) };
}

function refusalOf(receiver: Receiver, token: string | undefined): Problem | undefined {
  const { spec } = receiver;
  const unsupported = (field: string, why: string) => problem(gitopsProblems.receiverUnsupported, { key: keyOf(receiver), field }, { why, where: field });
  if (!supportedTypes.includes(spec?.type ?? '')) return unsupported('spec.type', `type ${spec?.type} verifies its caller in a way that is not built yet`);
  if (spec?.resourceFilter) return unsupported('spec.resourceFilter', 'without it more would be reconciled than you allow');
  if (spec?.resources.some(({ filter }) => filter)) return unsupported('spec.resources.filter', 'without it more would be reconciled than you allow');
  if (spec?.resources.some(({ name, matchLabels }) => name === '*' && !matchLabels)) return unsupported('spec.resources.name', 'name "*" needs matchLabels');
  if (token !== undefined) return undefined;
  const secret = `${receiver.metadata.namespace}/${spec?.secretRef?.name ?? '?'}`;
  const why = spec?.secretRef ? `the Secret ${secret} is not there or has no key token` : 'spec.secretRef is not set';
  return problem(gitopsProblems.receiverToken, { key: keyOf(receiver), secret }, { why, where: `Secret ${secret}` });
}
