import { createHash } from 'node:crypto';
import { describeError, problemLine, rfc3339, type Env } from '@keelson/std';
import type { KindRef, KubeObject } from '@keelson/kube';
import { isAlreadyExists, type KubeClient } from '@keelson/kube/client';
import type { EventRecorder } from './events.ts';

const eventKind: KindRef = { group: '', version: 'v1', kind: 'Event', plural: 'events', namespaced: true };
const knownLimit = 2000;
const messageLimit = 1024;

/** Writes events as `component`. Equal events (object, type, reason, message) are one Event whose count grows. */
export function createEventRecorder(client: KubeClient, env: Env, component: string): EventRecorder {
  const counts = new Map<string, number>();
  const write = async (object: KubeObject, type: 'Normal' | 'Warning', reason: string, message: string): Promise<void> => {
    const namespace = object.metadata.namespace ?? 'default';
    const digest = createHash('sha256').update([object.metadata.uid, type, reason, message, component].join('\0')).digest('hex').slice(0, 16);
    const name = `${object.metadata.name}.${digest}`;
    const now = rfc3339(env.clock.now());
    const known = counts.get(name);
    if (known === undefined) {
      if (counts.size >= knownLimit) counts.delete(counts.keys().next().value!);
      counts.set(name, 1);
      try {
        await client.create(eventKind, newEvent(object, { namespace, name, type, reason, message, component, now }));
        return;
      } catch (error) {
        if (!isAlreadyExists(error)) throw error;
        const stored = await client.get(eventKind, { namespace, name });
        counts.set(name, Number(stored?.['count'] ?? 0));
      }
    }
    const count = (counts.get(name) ?? 0) + 1;
    counts.set(name, count);
    await client.patch(eventKind, { namespace, name }, 'merge', { count, lastTimestamp: now }).catch(() => counts.delete(name));
  };
  const record = (object: KubeObject, type: 'Normal' | 'Warning', reason: string, message: string) =>
    void write(object, type, reason, message.slice(0, messageLimit)).catch((error: unknown) => {
      env.log.debug('event not written', { object: object.metadata.name, reason, error: describeError(error) });
    });
  return {
    normal: (object, reason, message) => record(object, 'Normal', reason, message),
    warning: (object, reason, message) => record(object, 'Warning', reason, message),
    problem: (object, problem) => record(object, 'Warning', problem.reason, problemLine(problem)),
  };
}

function newEvent(object: KubeObject, event: { namespace: string; name: string; type: string; reason: string; message: string; component: string; now: string }): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: event.name, namespace: event.namespace },
    involvedObject: {
      apiVersion: object.apiVersion, kind: object.kind, name: object.metadata.name, namespace: object.metadata.namespace,
      uid: object.metadata.uid, resourceVersion: object.metadata.resourceVersion,
    },
    type: event.type,
    reason: event.reason,
    message: event.message,
    count: 1,
    firstTimestamp: event.now,
    lastTimestamp: event.now,
    source: { component: event.component },
    reportingComponent: event.component,
    reportingInstance: event.component,
  };
}
