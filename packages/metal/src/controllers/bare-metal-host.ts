/**
 * The controller of metal3.io/v1alpha1 BareMetalHost: observe, plan, carry out, write the status. Upstream: metal3-io/
 * baremetal-operator, internal/controller/metal3.io/baremetalhost_controller.go and host_state_machine.go (behaviour only).
 */
import { BareMetalHost, HardwareData, Secret } from '@keelson/api';
import { BmcError, type BmcDriver } from '@keelson/bmc';
import { sameJson, type Controller, type ReconcileContext, type ReconcileResult } from '@keelson/controller';
import type { ObjectKey } from '@keelson/kube';
import { describeError, problem, rfc3339 } from '@keelson/std';
import { annotationOf, hostAnnotations } from '../annotations.ts';
import { bmcConnections, type BmcConnections } from '../connections.ts';
import { applyHostStatus, controllerName, executePlan, MachineChangedError, type Executed } from '../execute.ts';
import { hostName, stateOf, type ErrorType, type HostState, type HostView } from '../host-view.ts';
import type { NodeWiper } from '../node-wiper.ts';
import { bmcProblemOf, observeHost, type MetalWorld } from '../observe.ts';
import { planHost } from '../plan.ts';
import { metalProblems } from '../problems.ts';
import { nextStatus } from '../status.ts';
import { failPlan, type HostError, type HostPlan } from '../steps.ts';
import { errorRetryMs } from '../timers.ts';

export interface HostControllerOptions {
  readonly driver: BmcDriver;
  readonly nodes: NodeWiper;
  /** Hosts worked on at the same time; upstream's is 2 to 8. */
  readonly concurrency?: number;
}

/** The controller's declaration. */
export function bareMetalHostController(options: HostControllerOptions): Controller {
  const connections = bmcConnections(options.driver);
  const world: MetalWorld = { connections, nodes: options.nodes };
  const closed = new WeakSet<AbortSignal>();
  return {
    name: controllerName,
    kind: BareMetalHost,
    reads: [Secret, HardwareData],
    writes: [
      { kind: BareMetalHost, part: 'status' },
      { kind: BareMetalHost, part: 'metadata', scope: 'finalizer and metal.keelson.dev annotations' },
      { kind: HardwareData, part: 'object' },
      { kind: Secret, part: 'metadata', scope: 'marks on BMC credentials' },
    ],
    watches: [{ kind: Secret, toKeys: (secret, cache) => hostsOfSecret(secret.metadata, cache.list<BareMetalHost>(BareMetalHost, secret.metadata.namespace ? { namespace: secret.metadata.namespace } : {})) }],
    concurrency: options.concurrency ?? 8,
    async reconcile(key, context) {
      closeWithSignal(context, connections, closed);
      return reconcileHost(key, context, world);
    },
  };
}

/** Hosts that use a Secret, for their BMC or for the node on them. */
function hostsOfSecret({ name }: ObjectKey, hosts: readonly BareMetalHost[]): readonly ObjectKey[] {
  return hosts.filter((host) => host.spec?.bmc?.credentialsName === name || annotationOf(host, hostAnnotations.talosconfigSecret) === name).map((host) => host.metadata);
}

/** Sessions on BMCs are ended when we stop. */
function closeWithSignal({ signal }: ReconcileContext, connections: BmcConnections, closed: WeakSet<AbortSignal>): void {
  if (closed.has(signal)) return;
  closed.add(signal);
  if (signal.aborted) return;
  signal.addEventListener('abort', () => void connections.closeAll(), { once: true });
}

async function reconcileHost(key: ObjectKey, context: ReconcileContext, world: MetalWorld): Promise<ReconcileResult> {
  const host = context.cache.get<BareMetalHost>(BareMetalHost, key);
  if (!host) return {};
  const view = await observeHost(host, context, world);
  const wanted = planHost(view);
  let plan = wanted;
  let done: Executed = { host };
  try {
    done = await executePlan(wanted, host, context, world);
  } catch (error) {
    const failed = planOfFailure(view, error);
    if (!failed) throw error;
    plan = failed;
    // What the steps before the failure wrote has moved the object on.
    done = { host: await context.client.get<BareMetalHost>(BareMetalHost, key) };
  }
  if (!done.host) return {};
  if (plan.writesStatus) await writeStatus(view, plan, done, context);
  for (const event of plan.events) context.events.normal(host, event.reason, event.message);
  const retry = plan.status.error && plan.status.error.retry === 'back-off' ? errorRetryMs((host.status?.errorCount ?? 0) + 1, host.metadata.uid ?? '') : undefined;
  const requeueAfterMs = plan.requeueAfterMs ?? (retry === undefined ? undefined : retry + 1_000);
  return { ...(requeueAfterMs === undefined ? {} : { requeueAfterMs }), ...(plan.waitsFor === undefined ? {} : { waitsFor: plan.waitsFor }) };
}

async function writeStatus(view: HostView, plan: HostPlan, done: Executed, context: ReconcileContext): Promise<void> {
  const host = done.host!;
  const health = view.bmc.kind === 'ok' ? view.bmc.power.health : undefined;
  const status = nextStatus({
    host, change: plan.status, nowMs: context.env.clock.now(),
    ...(done.hardware ? { hardware: done.hardware } : {}), ...(plan.waitsFor === undefined ? {} : { waitsFor: plan.waitsFor }), ...(health ? { health } : {}),
  });
  const error = plan.status.error;
  const before = host.status;
  if (sameJson({ ...before, lastUpdated: undefined }, { ...status, lastUpdated: undefined })) return;
  await applyHostStatus(host, { ...status, lastUpdated: rfc3339(context.env.clock.now()) }, context);
  if (error && before?.errorMessage !== status.errorMessage) context.events.problem(host, error.problem);
  if (status.goodCredentials?.credentialsVersion !== before?.goodCredentials?.credentialsVersion) context.events.normal(host, 'BMCAccessValidated', 'Verified access to BMC');
}

/** What a failed step means; undefined for errors that are not about the machine. */
function planOfFailure(view: HostView, error: unknown): HostPlan | undefined {
  const { host } = view;
  const state = stateOf(host);
  if (error instanceof BmcError) {
    const why = bmcProblemOf(host, error);
    if (error.kind === 'busy') return { ...failPlanBase(view), waitsFor: why.why, requeueAfterMs: error.retryAfterMs ?? 10_000 };
    return failPlan(view, { type: errorTypeOf(state), problem: why, retry: 'back-off', failedProvisioning: state === 'provisioning' && error.kind !== 'unreachable' });
  }
  if (error instanceof MachineChangedError) {
    const failure: HostError = { type: 'registration error', retry: 'back-off', problem: problem(metalProblems.wrongMachine, { host: hostName(host), namespace: host.metadata.namespace ?? '', name: host.metadata.name }, { why: describeError(error), where: 'spec.bmc.address' }) };
    return failPlan(view, failure);
  }
  return undefined;
}

function failPlanBase(view: HostView): HostPlan {
  const { name, namespace } = view.host.metadata;
  return { subject: { kind: 'BareMetalHost', ...(namespace ? { namespace } : {}), name }, steps: [], status: {}, events: [], writesStatus: true };
}

function errorTypeOf(state: HostState): ErrorType {
  switch (state) {
    case 'registering':
      return 'registration error';
    case 'inspecting':
      return 'inspection error';
    case 'preparing':
      return 'preparation error';
    case 'provisioning':
    case 'deprovisioning':
      return 'provisioning error';
    default:
      return 'power management error';
  }
}
