/** What a pod needs of Secrets and ConfigMaps before its containers can start (kubernetes/pkg/kubelet: makeEnvironmentVariables, volume plugins). */
import { ConfigMap, Secret, type Container, type Pod } from '@keelson/api';
import type { Cache } from '@keelson/controller';
import type { KindRef } from '@keelson/kube';

interface Needed {
  readonly kind: KindRef;
  readonly name: string | undefined;
  readonly key?: string;
  readonly optional?: boolean;
}

/** The first volume that cannot be mounted, in the kubelet's words; undefined when all can. */
export function volumeError(pod: Pod, cache: Cache): string | undefined {
  for (const volume of pod.spec?.volumes ?? []) {
    const sources: Needed[] = [];
    if (volume.secret) sources.push({ kind: Secret, name: volume.secret.secretName, ...(volume.secret.optional ? { optional: true } : {}) });
    if (volume.configMap) sources.push({ kind: ConfigMap, name: volume.configMap.name, ...(volume.configMap.optional ? { optional: true } : {}) });
    for (const source of volume.projected?.sources ?? []) {
      if (source.secret) sources.push({ kind: Secret, name: source.secret.name, ...(source.secret.optional ? { optional: true } : {}) });
      if (source.configMap) sources.push({ kind: ConfigMap, name: source.configMap.name, ...(source.configMap.optional ? { optional: true } : {}) });
    }
    for (const source of sources) {
      const why = missing(source, pod, cache);
      if (why !== undefined) return `MountVolume.SetUp failed for volume "${volume.name}" : ${why}`;
    }
  }
  return undefined;
}

/** Why a container cannot be made, by its name. */
export function configErrors(pod: Pod, cache: Cache): ReadonlyMap<string, string> {
  const errors = new Map<string, string>();
  for (const container of [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])]) {
    const why = neededBy(container).map((needed) => missing(needed, pod, cache)).find((text) => text !== undefined);
    if (why !== undefined) errors.set(container.name, why);
  }
  return errors;
}

/** True when the pod names the object in a volume or a variable. */
export function refersTo(pod: Pod, kind: KindRef, name: string): boolean {
  const containers = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
  if (containers.flatMap(neededBy).some((needed) => needed.kind.kind === kind.kind && needed.name === name)) return true;
  return (pod.spec?.volumes ?? []).some((volume) => {
    const projected = volume.projected?.sources ?? [];
    return kind.kind === 'Secret'
      ? volume.secret?.secretName === name || projected.some((source) => source.secret?.name === name)
      : volume.configMap?.name === name || projected.some((source) => source.configMap?.name === name);
  });
}

function neededBy(container: Container): Needed[] {
  const whole = (container.envFrom ?? []).flatMap(({ secretRef, configMapRef }): Needed[] => [
    ...(secretRef ? [{ kind: Secret, ...reference(secretRef) }] : []),
    ...(configMapRef ? [{ kind: ConfigMap, ...reference(configMapRef) }] : []),
  ]);
  const single = (container.env ?? []).flatMap(({ valueFrom }): Needed[] => [
    ...(valueFrom?.secretKeyRef ? [{ kind: Secret, key: valueFrom.secretKeyRef.key, ...reference(valueFrom.secretKeyRef) }] : []),
    ...(valueFrom?.configMapKeyRef ? [{ kind: ConfigMap, key: valueFrom.configMapKeyRef.key, ...reference(valueFrom.configMapKeyRef) }] : []),
  ]);
  return [...whole, ...single];
}

function reference({ name, optional }: { readonly name?: string; readonly optional?: boolean }) {
  return { name, ...(optional ? { optional } : {}) };
}

function missing({ kind, name, key, optional }: Needed, pod: Pod, cache: Cache): string | undefined {
  if (optional || name === undefined) return undefined;
  const { namespace = '' } = pod.metadata;
  const object = cache.get<Secret & ConfigMap>(kind, { namespace, name });
  if (!object) return `${kind.kind.toLowerCase()} "${name}" not found`;
  if (key === undefined || Object.hasOwn(object.data ?? {}, key) || Object.hasOwn(object['binaryData'] ?? {}, key)) return undefined;
  return `couldn't find key ${key} in ${kind.kind} ${namespace}/${name}`;
}
