/**
 * The Secrets of a cluster as the Talos providers keep them (CABPT v0.7, CACPPT v0.5): `<cluster>-talos` (the bundle all others
 * come from), `<cluster>-ca`, `<cluster>-talosconfig` and `<cluster>-kubeconfig`. Each is created when it is missing and never
 * made anew; of the talosconfig only the endpoints follow the control plane's addresses.
 */
import type { Cluster, Machine } from '@keelson/api';
import { Secret, TalosControlPlane } from '@keelson/api';
import { keyOf, ownerReference } from '@keelson/kube';
import { isAlreadyExists } from '@keelson/kube/client';
import type { Cache } from '@keelson/controller';
import type { Problem } from '@keelson/std';
import { ProblemError, problem } from '@keelson/std';
import type { KeySource, SecretsBundle, VersionContract } from '@keelson/talos/pki';
import { currentContract, generateAdminKubeconfig, generateSecretsBundle, generateTalosconfig, parseContract, parseSecretsBundle, parseTalosconfig, serializeSecretsBundle, serializeTalosconfig } from '@keelson/talos/pki';
import { isControlPlaneMachine, machinesOf, typeMeta } from '../belongs.ts';
import { clusterSecretType, finalizers, labels, secretNames } from '../names.ts';
import { apiAtEndpoint } from '../connect/endpoint.ts';
import { problems } from '../problems.ts';
import { compareAddresses } from '../control-plane/plan.ts';
import { secretData, secretText } from '../secret.ts';
import type { Writer } from '../write.ts';
import { createObject, deleteSeen, dropFinalizer, editObject } from '../write.ts';

/** Makes what is missing. Answers a problem where only a person can go on. */
export async function ensureClusterSecrets(writer: Writer, cluster: Cluster, keys: KeySource): Promise<Problem | undefined> {
  const { cache, env } = writer.context;
  const names = secretNames(cluster.metadata.name);
  const find = (name: string) => cache.get<Secret>(Secret, { namespace: cluster.metadata.namespace, name });
  try {
    let bundleSecret = find(names.bundle);
    if (!bundleSecret) {
      const evidence = lostBundleEvidence(cluster, cache);
      if (evidence) return problem(problems.bundleLost, { secret: `${cluster.metadata.namespace}/${names.bundle}` }, { why: evidence });
      // Without a bundle there is no machine of ours yet, so whoever answers there is somebody else's or from before the store was lost.
      const answers = await apiAtEndpoint(env, cluster);
      if (answers) return problem(problems.endpointInUse, { cluster: keyOf(cluster) }, { why: `${answers}, and Secret ${names.bundle} with its keys is not here`, where: `Cluster ${keyOf(cluster)}, spec.controlPlaneEndpoint` });
      const bundle = await generateSecretsBundle({ contract: contractOf(cluster, cache), nowMs: env.clock.now(), random: env.random, keys });
      bundleSecret = await createSecret(writer, cluster, names.bundle, 'Opaque', { bundle: serializeSecretsBundle(bundle) });
    }
    const bundle = readBundle(bundleSecret);
    if (!find(names.ca)) {
      const text = (base64: string) => Buffer.from(base64, 'base64').toString('utf8');
      await createSecret(writer, cluster, names.ca, 'Opaque', { 'tls.crt': text(bundle.certs.k8s.crt), 'tls.key': text(bundle.certs.k8s.key) });
    }
    await ensureTalosconfig(writer, cluster, bundle, keys, find(names.talosconfig));
    const { host, port } = cluster.spec.controlPlaneEndpoint ?? {};
    if (host && port && !find(names.kubeconfig)) {
      const endpoint = `https://${host.includes(':') ? `[${host}]` : host}:${port}`;
      const kubeconfig = await generateAdminKubeconfig({ clusterName: cluster.metadata.name, endpoint, bundle, nowMs: env.clock.now(), random: env.random, keys });
      await createSecret(writer, cluster, names.kubeconfig, clusterSecretType, { value: kubeconfig });
    }
    return undefined;
  } catch (error) {
    if (error instanceof ProblemError) return error.problem;
    throw error;
  }
}

/** The bundle in `<cluster>-talos`. Throws ProblemError when it cannot be read. */
export function readBundle(secret: Secret): SecretsBundle {
  const text = secretText(secret, 'bundle');
  const where = `Secret ${keyOf(secret)}`;
  if (!text) throw new ProblemError(problem(problems.bundleUnreadable, { secret: keyOf(secret) }, { why: 'it has no key bundle', where }));
  return parseSecretsBundle(text, where);
}

/** Why a missing bundle is a loss and not a beginning; undefined for a new cluster. */
function lostBundleEvidence(cluster: Cluster, cache: Cache): string | undefined {
  const names = secretNames(cluster.metadata.name);
  for (const name of [names.talosconfig, names.ca]) {
    if (cache.get(Secret, { namespace: cluster.metadata.namespace, name })) return `Secret ${name}, which was made from it, is there`;
  }
  const machine = machinesOf(cluster, cache).find((one) => one.spec.bootstrap.dataSecretName !== undefined);
  return machine ? `Machine ${machine.metadata.name} has bootstrap data made from it` : undefined;
}

/** The dialect of the control plane's machine configs; it decides how the bundle is made. */
function contractOf(cluster: Cluster, cache: Cache): VersionContract {
  const name = cluster.spec.controlPlaneRef?.name;
  const controlPlane = name ? cache.get<TalosControlPlane>(TalosControlPlane, { namespace: cluster.metadata.namespace, name }) : undefined;
  const version = controlPlane?.spec?.controlPlaneConfig.controlplane.talosVersion;
  return (version && parseContract(version)) || currentContract;
}

async function ensureTalosconfig(writer: Writer, cluster: Cluster, bundle: SecretsBundle, keys: KeySource, present: Secret | undefined): Promise<void> {
  const { cache, env } = writer.context;
  const names = secretNames(cluster.metadata.name);
  const endpoints = controlPlaneAddresses(machinesOf(cluster, cache));
  if (!present) {
    const config = await generateTalosconfig({ clusterName: cluster.metadata.name, bundle, endpoints, nowMs: env.clock.now(), random: env.random, keys });
    await createSecret(writer, cluster, names.talosconfig, 'Opaque', { talosconfig: serializeTalosconfig(config) }, [finalizers.talosconfigInUse]);
    return;
  }
  const text = secretText(present, 'talosconfig');
  if (!text || endpoints.length === 0) return;
  const updated = withEndpoints(text, cluster.metadata.name, endpoints);
  if (updated !== undefined) await editObject(writer, Secret, present, { data: secretData({ talosconfig: updated }) });
}

/** The talosconfig with these endpoints in the cluster's context; undefined when nothing would change. Keys and certificates stay. */
export function withEndpoints(talosconfig: string, context: string, endpoints: readonly string[]): string | undefined {
  const config = parseTalosconfig(talosconfig);
  const known = Object.hasOwn(config.contexts, context) ? config.contexts[context] : undefined;
  if (!known || (known.endpoints.length === endpoints.length && known.endpoints.every((one, index) => one === endpoints[index]))) return undefined;
  return serializeTalosconfig({ ...config, contexts: { ...config.contexts, [context]: { ...known, endpoints } } });
}

/** Internal and external addresses of the control plane's Machines, sorted. */
export function controlPlaneAddresses(machines: readonly Machine[]): string[] {
  const own = machines.filter((machine) => isControlPlaneMachine(machine) && !machine.metadata.deletionTimestamp);
  const addresses = own.flatMap((machine) => (machine.status?.addresses ?? []).filter((one) => one.type === 'InternalIP' || one.type === 'ExternalIP').map((one) => one.address));
  return [...new Set(addresses)].sort(compareAddresses);
}

async function createSecret(writer: Writer, cluster: Cluster, name: string, type: string, texts: Readonly<Record<string, string>>, withFinalizers: readonly string[] = []): Promise<Secret> {
  const { namespace } = cluster.metadata;
  try {
    return await createObject<Secret>(writer, Secret, {
      ...typeMeta(Secret),
      metadata: {
        name, namespace,
        labels: { [labels.cluster]: cluster.metadata.name },
        ownerReferences: [ownerReference(cluster)],
        ...(withFinalizers.length > 0 ? { finalizers: [...withFinalizers] } : {}),
      },
      type,
      data: secretData(texts),
    });
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    // Someone was first, and theirs is the one: every machine is to trust the same keys.
    const stored = await writer.context.client.get<Secret>(Secret, { namespace, name });
    if (!stored) throw error;
    return stored;
  }
}

/** The last thing of a cluster to go: the Secrets it owns. Secrets that a user brought stay. */
export async function removeClusterSecrets(writer: Writer, cluster: Cluster): Promise<void> {
  const names = Object.values(secretNames(cluster.metadata.name));
  for (const name of names) {
    const secret = writer.context.cache.get<Secret>(Secret, { namespace: cluster.metadata.namespace, name });
    if (!secret?.metadata.ownerReferences?.some((owner) => owner.uid === cluster.metadata.uid)) continue;
    await deleteSeen(writer, Secret, secret);
    const current = await writer.context.client.get<Secret>(Secret, secret.metadata);
    if (current) await dropFinalizer(writer, Secret, current, finalizers.talosconfigInUse);
  }
}
