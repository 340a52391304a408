/**
 * Metal3Machine: takes a host, has it boot the Talos ISO, gives the node its machine config, and gives the host back wiped.
 * Follows CAPM3 v1.14 where the host is concerned; the machine config is delivered through the Talos maintenance API,
 * which takes the place of the config drive.
 */
import { createHash } from 'node:crypto';
import { BareMetalHost, Cluster, Machine, Metal3Machine, Secret } from '@keelson/api';
import type { KubeObject, ObjectKey } from '@keelson/kube';
import { keyOf, matchesLabels, selectorOf } from '@keelson/kube';
import type { Cache, Controller, ReconcileContext, ReconcileResult } from '@keelson/controller';
import type { Problem } from '@keelson/std';
import { parseTime, problem, problemLine, rfc3339 } from '@keelson/std';
import { clusterOf, isPaused, ownerOf, toMembers } from '../../belongs.ts';
import type { TalosNodes } from '../../connect/talos-nodes.ts';
import { annotations, finalizers, labels, records, secretNames } from '../../names.ts';
import { pollDelay } from '../../poll.ts';
import { problems } from '../../problems.ts';
import { secretText } from '../../secret.ts';
import { warnOfUnsupportedFields } from '../../unsupported.ts';
import type { WantedCondition, Writer } from '../../write.ts';
import { dropFinalizer, editObject, ensureFinalizer } from '../../write.ts';
import { configRecord, consumerReference, consumerText, hostAddresses, hostTrouble, hostView, nodeAddress, providerIdOf } from './host-view.ts';
import type { Outcome } from './metal3-machine-status.ts';
import { keepConfigured, notConfigured, waiting, writeOutcome, writePaused } from './metal3-machine-status.ts';
import { configForHost } from './node-config.ts';
import { chooseHost, planClaim, planConfig, planRelease, describeRefusals, robbedHost } from './plan.ts';
import type { ConfigRefusal, HostChoice } from './plan.ts';

export interface Metal3MachineOptions {
  readonly talosNodes: (context: ReconcileContext) => TalosNodes;
}

const name = 'metal3-machine';

export function metal3MachineController(options: Metal3MachineOptions): Controller {
  // Hosts are chosen and taken one at a time, so that two machines never try for the same one.
  const claims = oneAtATime();
  return {
    name,
    kind: Metal3Machine,
    reads: [Cluster, Machine, Secret],
    writes: [
      { kind: Metal3Machine, part: 'status' },
      { kind: Metal3Machine, part: 'metadata', scope: 'finalizer and records' },
      { kind: Metal3Machine, part: 'spec', scope: 'providerID' },
      { kind: BareMetalHost, part: 'spec', scope: 'consumer' },
      { kind: BareMetalHost, part: 'metadata', scope: 'consumer' },
    ],
    concurrency: 16,
    watches: [
      { kind: BareMetalHost, toKeys: hostToMachines },
      { kind: Machine, toKeys: machineToInfrastructure },
      { kind: Cluster, toKeys: toMembers(Metal3Machine) },
    ],
    reconcile: async (key, context) => {
      const seen = context.cache.get<Metal3Machine>(Metal3Machine, key);
      if (!seen) return;
      return reconcileMetal3Machine({ context, manager: name, claims, nodes: options.talosNodes(context) }, seen);
    },
  };
}

interface Scope extends Writer {
  readonly claims: OneAtATime;
  readonly nodes: TalosNodes;
}

async function reconcileMetal3Machine(scope: Scope, seen: Metal3Machine): Promise<ReconcileResult | void> {
  const { cache } = scope.context;
  const cluster = clusterOf(seen, cache);
  if (isPaused(cluster, seen)) return writePaused(scope, seen);
  if (seen.metadata.deletionTimestamp) return release(scope, seen);
  const machine = ownerOf<Machine>(seen, Machine, cache);
  const outcome = await advance(scope, seen, cluster, machine);
  await writeOutcome(scope, outcome);
  return outcome.result;
}

async function advance(scope: Scope, seen: Metal3Machine, cluster: Cluster | undefined, owner: Machine | undefined): Promise<Outcome> {
  if (!owner || !cluster) return waiting(seen, 'WaitingForMetal3MachineOwnerRef', 'waits for the Machine that owns it');
  warnOfUnsupportedFields(scope.context, Metal3Machine, seen);
  const current = await ensureFinalizer(scope, Metal3Machine, seen, finalizers.metal3Machine);
  const settled = current.status?.initialization?.provisioned === true;
  if (!settled && cluster.status?.initialization?.infrastructureProvisioned !== true) return waiting(current, 'WaitingForClusterInfrastructure', `waits for the infrastructure of cluster ${cluster.metadata.name}`);
  const dataSecret = owner.spec.bootstrap.dataSecretName;
  if (!settled && !dataSecret) return waiting(current, 'WaitingForBootstrapReady', `waits for the bootstrap data of Machine ${owner.metadata.name}`);
  const image = current.spec?.image;
  if (current.spec?.customDeploy || image?.diskFormat !== 'live-iso') {
    return refused(scope, current, problem(problems.unsupportedImage, { machine: keyOf(current) }, { why: current.spec?.customDeploy ? 'customDeploy is not supported' : `diskFormat is ${image?.diskFormat ?? 'not set'}; only live-iso is booted` }));
  }
  const association = await associate(scope, current, { cluster, image: image.url, userData: dataSecret ?? current.spec?.userData?.name ?? '' });
  if (association.kind === 'none') return association.outcome;
  return provision(scope, association.machine, association.host, cluster, owner);
}

type Associated = { readonly kind: 'host'; readonly machine: Metal3Machine; readonly host: BareMetalHost } | { readonly kind: 'none'; readonly outcome: Outcome };

async function associate(scope: Scope, machine: Metal3Machine, wanted: { cluster: Cluster; image: string; userData: string }): Promise<Associated> {
  const { cache, events } = scope.context;
  const namespace = machine.metadata.namespace ?? '';
  const recorded = machine.metadata.annotations?.[annotations.host];
  const host = await scope.claims(async () => {
    const hosts = cache.list<BareMetalHost>(BareMetalHost, { namespace });
    const views = hosts.map(hostView);
    const consumer = consumerText(consumerReference(machine));
    const robbed = recorded?.startsWith(`${namespace}/`) ? robbedHost(views, recorded.slice(namespace.length + 1), wanted.image) : undefined;
    const choice = robbed ?? chooseHost(views, { consumer, matches: (hostLabels) => matchesSelector(machine, hostLabels), failureDomain: machine.spec?.failureDomain });
    // A machine that had a host never quietly takes another: what it ran there may still be running.
    if (recorded && choice.kind !== 'ours') return { kind: 'lost' as const, choice };
    const plan = planClaim(machine.metadata.name, namespace, choice, views, { consumer, image: wanted.image, userData: wanted.userData });
    const step = plan.steps[0];
    const target = hosts.find((one) => one.metadata.name === (step?.host ?? (choice.kind === 'none' ? undefined : choice.host)));
    if (!target) return { kind: 'none' as const, choice };
    if (!step) return { kind: 'host' as const, host: target, claimed: false };
    const stored = await editObject(scope, BareMetalHost, target, claimPatch(machine, wanted));
    if (!stored.spec?.consumerRef || consumerText({ namespace, ...stored.spec.consumerRef }) !== consumer) {
      throw new Error(`taking host ${target.metadata.name} for ${keyOf(machine)}: the answer names ${stored.spec?.consumerRef?.name ?? 'no consumer'}`);
    }
    return { kind: 'host' as const, host: stored, claimed: step.kind === 'claim-host' };
  });
  if (host.kind === 'lost') return { kind: 'none', outcome: lostHost(scope, machine, recorded ?? '') };
  if (host.kind === 'none') return { kind: 'none', outcome: noHost(scope, machine, host.choice) };
  if (host.claimed) events.normal(machine, 'BareMetalHostAssociated', `took host ${host.host.metadata.name}`);
  const reference = `${namespace}/${host.host.metadata.name}`;
  const current = recorded === reference ? machine : await editObject(scope, Metal3Machine, machine, { metadata: { annotations: { [annotations.host]: reference } } });
  return { kind: 'host', machine: current, host: host.host };
}

function claimPatch(machine: Metal3Machine, wanted: { cluster: Cluster; image: string; userData: string }): Record<string, unknown> {
  const namespace = machine.metadata.namespace;
  const { metaData, networkData, automatedCleaningMode } = machine.spec ?? {};
  const cluster = wanted.cluster.metadata.name;
  return {
    metadata: { labels: { [labels.cluster]: cluster }, annotations: { [records.talosconfigSecret]: secretNames(cluster).talosconfig } },
    spec: {
      consumerRef: consumerReference(machine),
      image: { url: wanted.image, format: 'live-iso' },
      userData: { name: wanted.userData, namespace },
      online: true,
      ...(metaData?.name ? { metaData: { name: metaData.name, namespace: metaData.namespace ?? namespace } } : {}),
      ...(networkData?.name ? { networkData: { name: networkData.name, namespace: networkData.namespace ?? namespace } } : {}),
      ...(automatedCleaningMode ? { automatedCleaningMode } : {}),
    },
  };
}

function noHost(scope: Scope, machine: Metal3Machine, choice: HostChoice): Outcome {
  const refusals = choice.kind === 'none' ? choice.refusals : [];
  const none = problem(problems.noAvailableHost, { machine: keyOf(machine), namespace: machine.metadata.namespace ?? '' }, { why: describeRefusals(refusals) });
  scope.context.events.problem(machine, none);
  const message = problemLine(none);
  return {
    machine,
    associated: { type: 'AssociateBareMetalHost', status: false, reason: 'AssociateBareMetalHostFailed', message },
    configured: notConfigured('WaitingForHost', 'has no host yet'),
    ready: { status: false, reason: none.reason, message },
    // A host that becomes available wakes us; the look every 30 seconds is upstream's.
    result: { requeueAfterMs: 30_000, waitsFor: `an available host; ${none.why}` },
  };
}

function lostHost(scope: Scope, machine: Metal3Machine, host: string): Outcome {
  const lost = problem(problems.missingHost, { host, machine: keyOf(machine) }, { why: `BareMetalHost ${host} does not exist or does not name this machine as its consumer` });
  scope.context.events.problem(machine, lost);
  const message = problemLine(lost);
  return {
    machine,
    associated: { type: 'AssociateBareMetalHost', status: false, reason: 'MissingBMH', message },
    configured: keepConfigured(machine),
    ready: { status: false, reason: lost.reason, message },
    result: { requeueAfterMs: 30_000, waitsFor: `BareMetalHost ${host}` },
  };
}

async function provision(scope: Scope, machine: Metal3Machine, host: BareMetalHost, cluster: Cluster, owner: Machine): Promise<Outcome> {
  const hostName = host.metadata.name;
  const associated: WantedCondition = { type: 'AssociateBareMetalHost', status: true, reason: 'AssociateBareMetalHostSuccess', message: `host ${hostName}` };
  const base = { host, associated };
  const trouble = hostTrouble(host);
  const settled = machine.status?.initialization?.provisioned === true;
  if (trouble) {
    const failed = problem(problems.hostFailed, { host: hostName, namespace: machine.metadata.namespace ?? '' }, { why: trouble });
    if (!settled) scope.context.events.problem(machine, failed);
    return { ...base, machine, configured: keepConfigured(machine), ready: { status: false, reason: failed.reason, message: problemLine(failed) }, result: { waitsFor: `host ${hostName}: ${trouble}` } };
  }
  const state = host.status?.provisioning?.state ?? '';
  if (state !== 'provisioned' && state !== 'externally provisioned') {
    const message = `host ${hostName} is ${state || 'new'}`;
    return { ...base, machine, configured: notConfigured('WaitingForHost', message), ready: { status: false, reason: 'WaitingForBareMetalHost', message }, result: { waitsFor: `host ${hostName} to be provisioned (it is ${state || 'new'})` } };
  }
  const providerID = providerIdOf(machine.metadata.namespace ?? '', hostName, machine.metadata.name);
  const current = machine.spec?.providerID === providerID ? machine : await editObject(scope, Metal3Machine, machine, { spec: { providerID } });
  const nodeIsUp = (owner.status?.conditions ?? []).some((condition) => condition.type === 'NodeReady' && condition.status === 'True');
  if (settled && nodeIsUp) {
    return { ...base, machine: current, provisioned: true, configured: { type: 'MachineConfigured', status: true, reason: 'Configured' }, ready: { status: true, reason: 'Ready', message: '' } };
  }
  if (host.spec?.online === false) {
    const message = `host ${hostName} is switched off: its spec.online is false`;
    return { ...base, machine: current, configured: keepConfigured(current), ready: { status: false, reason: 'HostSwitchedOff', message }, result: { waitsFor: message } };
  }
  return configure(scope, { ...base, machine: current }, cluster, owner, providerID);
}

async function configure(scope: Scope, base: Pick<Outcome, 'host' | 'associated' | 'machine'>, cluster: Cluster, owner: Machine, providerID: string): Promise<Outcome> {
  const { cache, env } = scope.context;
  const host = base.host;
  const hostName = host?.metadata.name ?? '';
  const namespace = base.machine.metadata.namespace ?? '';
  const address = nodeAddress(host ? hostAddresses(host) : []);
  const since = parseTime(base.machine.status?.conditions?.find((condition) => condition.type === 'MachineConfigured')?.lastTransitionTime ?? '');
  const again = pollDelay(env.clock.now(), since);
  const settled = base.machine.status?.initialization?.provisioned === true;
  const wait = (reason: string, message: string, requeueAfterMs?: number): Outcome => ({
    ...base, provisioned: settled,
    configured: settled ? keepConfigured(base.machine) : notConfigured(reason, message),
    ready: { status: false, reason, message }, result: { ...(requeueAfterMs === undefined ? {} : { requeueAfterMs }), waitsFor: message },
  });
  if (!address) {
    const silent = problem(problems.hostHasNoAddress, { host: hostName }, { why: 'status.hardware.nics has no ip' });
    return wait(silent.reason, problemLine(silent));
  }
  const names = secretNames(cluster.metadata.name);
  const talosconfigSecret = cache.get<Secret>(Secret, { namespace, name: names.talosconfig });
  const talosconfig = talosconfigSecret && secretText(talosconfigSecret, 'talosconfig');
  const data = owner.spec.bootstrap.dataSecretName ? cache.get<Secret>(Secret, { namespace, name: owner.spec.bootstrap.dataSecretName }) : undefined;
  const value = data && secretText(data, 'value');
  if (!value || !talosconfig) return wait('WaitingForBootstrapReady', `waits for Secret ${value ? names.talosconfig : owner.spec.bootstrap.dataSecretName}`, again);
  const config = configForHost(value, { providerID, rootDeviceHints: host?.spec?.rootDeviceHints });
  const sha256 = createHash('sha256').update(config).digest('hex');
  const seen = await scope.nodes.look(address, talosconfig);
  const macs = (host?.status?.hardware?.nics ?? []).flatMap((nic) => (nic.mac ? [nic.mac.toLowerCase()] : []));
  let plan = planConfig(base.machine.metadata.name, namespace, address, seen, configRecord(base.machine), sha256, macs);
  let machine = base.machine;
  const intent = plan.steps[0];
  if (intent?.kind === 'record-intent') {
    machine = await editObject(scope, Metal3Machine, machine, { metadata: { annotations: { [records.configIntent]: JSON.stringify({ fingerprint: intent.fingerprint, sha256: intent.sha256 }) } } });
    plan = planConfig(machine.metadata.name, namespace, address, seen, configRecord(machine), sha256, macs);
  }
  const step = plan.steps[0];
  if (step?.kind === 'apply-config') return applied(scope, { ...base, machine }, address, step.fingerprint, config, wait, again);
  if (step?.kind === 'record-configured') {
    machine = await editObject(scope, Metal3Machine, machine, { metadata: { annotations: { [records.configured]: rfc3339(env.clock.now()) } } });
    scope.context.events.normal(machine, 'MachineConfigured', `the node at ${address} runs on its config`);
  }
  if (plan.refused) return { ...refusedConfig(scope, { ...base, machine }, plan.refused, address, owner, again), provisioned: settled };
  if (plan.waitsFor) return { ...wait('WaitingForNode', `waits for ${plan.waitsFor}`, again), machine };
  return {
    ...base, machine, provisioned: true,
    configured: { type: 'MachineConfigured', status: true, reason: 'Configured' },
    ready: { status: true, reason: 'Ready', message: '' },
    // Until its node is up we keep an eye on it: a machine that loses its disk shows up in maintenance.
    result: { requeueAfterMs: Math.max(again, 5_000) },
  };
}

async function applied(
  scope: Scope, base: Pick<Outcome, 'host' | 'associated' | 'machine'>, address: string, fingerprint: string, config: string,
  wait: (reason: string, message: string, requeueAfterMs?: number) => Outcome, again: number,
): Promise<Outcome> {
  const answer = await scope.nodes.applyConfig(address, fingerprint, config);
  switch (answer.kind) {
    case 'done':
    case 'already':
      scope.context.events.normal(base.machine, 'MachineConfigApplied', `gave the node at ${address} its machine config`);
      return { ...wait('WaitingForNode', `waits for the node at ${address} to install to its disk`, again), machine: base.machine };
    case 'not-yet':
      return { ...wait('WaitingForNode', `waits for the node at ${address}: ${answer.why}`, again), machine: base.machine };
    case 'refused': {
      const refusal = problem(problems.configurationRefused, { address, machine: keyOf(base.machine) }, { why: answer.why });
      scope.context.events.problem(base.machine, refusal);
      return { ...wait(refusal.reason, problemLine(refusal), 30_000), machine: base.machine };
    }
  }
}

function refusedConfig(scope: Scope, base: Pick<Outcome, 'host' | 'associated' | 'machine'>, kind: ConfigRefusal, address: string, owner: Machine, again: number): Outcome {
  const args = { address, host: base.host?.metadata.name ?? '', machine: keyOf(base.machine), owner: owner.metadata.name, namespace: base.machine.metadata.namespace ?? '' };
  const refusal = kind === 'foreign'
    ? problem(problems.foreignConfiguration, args, { why: `${address}:50000 is not in maintenance and does not accept the talosconfig of the cluster` })
    : kind === 'other-machine'
    ? problem(problems.otherMachine, args, { why: `the node at ${address} has none of the hardware addresses of host ${args.host}` })
    : problem(problems.configurationLost, args, { why: `${address} is back in maintenance; it ran on its config since ${configRecord(base.machine).configuredAt}` });
  scope.context.events.problem(base.machine, refusal);
  return {
    ...base,
    configured: { type: 'MachineConfigured', status: false, reason: refusal.reason, message: problemLine(refusal) },
    ready: { status: false, reason: refusal.reason, message: problemLine(refusal) },
    result: { requeueAfterMs: Math.max(again, 5_000), waitsFor: refusal.summary },
  };
}

async function release(scope: Scope, machine: Metal3Machine): Promise<ReconcileResult | void> {
  const { cache, client, events } = scope.context;
  const namespace = machine.metadata.namespace ?? '';
  const consumer = consumerText(consumerReference(machine));
  const isOurs = (host: BareMetalHost) => host.spec?.consumerRef !== undefined && consumerText({ namespace, ...host.spec.consumerRef }) === consumer;
  let host = cache.list<BareMetalHost>(BareMetalHost, { namespace }).find(isOurs);
  // The cache may not have seen a claim whose answer was lost; letting go then would leave a host taken for ever.
  host ??= (await client.list<BareMetalHost>(BareMetalHost, { namespace })).items.find(isOurs);
  const plan = planRelease(machine.metadata.name, namespace, consumer, host && hostView(host));
  const step = plan.steps[0];
  if (step && host && step.kind === 'clear-image') {
    host = await editObject(scope, BareMetalHost, host, { spec: { image: null, userData: null, metaData: null, networkData: null, online: host.spec?.disablePowerOff === true } });
    events.normal(machine, 'BareMetalHostReleased', step.summary);
  } else if (step && host && step.kind === 'drop-consumer') {
    await editObject(scope, BareMetalHost, host, { metadata: { labels: { [labels.cluster]: null }, annotations: { [records.talosconfigSecret]: null } }, spec: { consumerRef: null } });
    return dropFinalizer(scope, Metal3Machine, machine, finalizers.metal3Machine);
  } else if (step?.kind === 'forget') {
    return dropFinalizer(scope, Metal3Machine, machine, finalizers.metal3Machine);
  }
  const waitsFor = plan.waitsFor ?? `host ${host?.metadata.name} to become available (it is ${host?.status?.provisioning?.state || 'new'})`;
  const trouble = host && hostTrouble(host);
  const message = trouble ? `waits for host ${host?.metadata.name} to be wiped and available: ${trouble}` : `waits for ${waitsFor}`;
  await writeOutcome(scope, {
    machine, host, provisioned: machine.status?.initialization?.provisioned === true,
    associated: { type: 'AssociateBareMetalHost', status: true, reason: 'AssociateBareMetalHostSuccess', message: `host ${host?.metadata.name}` },
    configured: keepConfigured(machine),
    ready: { status: false, reason: trouble ? 'DeletionFailed' : 'Deleting', message },
  });
  // The image was cleared in this pass: look once more even if the host's own controller says nothing new.
  return { waitsFor, ...(step ? { requeueAfterMs: 1000 } : {}) };
}

function refused(scope: Scope, machine: Metal3Machine, why: Problem): Outcome {
  scope.context.events.problem(machine, why);
  return waiting(machine, why.reason, problemLine(why));
}

function matchesSelector(machine: Metal3Machine, hostLabels: Readonly<Record<string, string>>): boolean {
  const selector = machine.spec?.hostSelector;
  return selector === undefined || matchesLabels(selectorOf(selector), hostLabels);
}

/** A host wakes its consumer, before and after; a host that is free wakes every machine that has none. */
function hostToMachines(object: KubeObject, cache: Cache, previous?: KubeObject): readonly ObjectKey[] {
  const consumers = [object, previous].flatMap((host) => {
    const reference = (host as BareMetalHost | undefined)?.spec?.consumerRef;
    return reference?.kind === Metal3Machine.kind && reference.name ? [{ namespace: object.metadata.namespace, name: reference.name }] : [];
  });
  const annotated = cache.list<Metal3Machine>(Metal3Machine, { namespace: object.metadata.namespace })
    .filter((machine) => {
      const host = machine.metadata.annotations?.[annotations.host];
      return host === undefined || host === keyOf(object);
    })
    .map((machine) => ({ namespace: machine.metadata.namespace, name: machine.metadata.name }));
  const free = (object as BareMetalHost).spec?.consumerRef === undefined;
  return free ? [...consumers, ...annotated] : consumers;
}

function machineToInfrastructure(object: KubeObject): readonly ObjectKey[] {
  const reference = (object as Machine).spec?.infrastructureRef;
  return reference?.kind === Metal3Machine.kind ? [{ namespace: object.metadata.namespace, name: reference.name }] : [];
}

type OneAtATime = <T>(work: () => Promise<T>) => Promise<T>;

/** Runs what it is given one after the other; a failure does not stop the next. */
function oneAtATime(): OneAtATime {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const run = last.then(work, work);
    last = run.catch(() => undefined);
    return run;
  };
}
