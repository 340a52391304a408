// Create and update as apiserver pkg/registry/rest and pkg/registry/generic/registry/store.go do them.
import type { KubeObject, ObjectMeta } from '@keelson/kube';
import { ignoreTimeChanges } from '@keelson/kube/apply';
import { nameSuffix, rfc3339, uuid } from '@keelson/std';
import { alreadyExists, badRequest, conflict, internalError, invalidObject, modifiedMessage, notFound, StatusError } from '../http/api-status.ts';
import type { CommitResult, StoredValue, StoreWrite } from '../store/store.ts';
import type { Draft } from '../kinds/strategy.ts';
import { encodeObject } from './encode.ts';
import { trackWrite } from './field-ownership.ts';
import { checkNewMeta, checkUpdatedMeta } from './metadata-rules.ts';
import { readObject, toStored } from './read.ts';
import { sanitize } from './sanitize.ts';
import type { Machine, WriteRequest } from './request-context.ts';
import { hasSubresource, objectKey } from './resource.ts';
import { validateObject } from './validate-object.ts';

/** How often a write that lost a race is done again on what won. */
const maxTries = 30;
/** The longest base of a generated name. */
const generateNameBase = 58;
const generateNameTries = 8;

/**
 * Stores a new object; answers it in the request's version. `source` is not changed.
 * `ownershipDone`: its managedFields are right as they are (server-side apply).
 */
export async function createObject(machine: Machine, request: WriteRequest, source: KubeObject, ownershipDone = false): Promise<KubeObject> {
  const { metadata } = source;
  if (metadata.resourceVersion) throw badRequest('resourceVersion should not be set on objects to be created');
  const generated = !metadata.name && Boolean(metadata.generateName);
  for (let attempt = 0; ; attempt++) {
    const draft: Draft = structuredClone(source);
    if (generated) draft.metadata.name = `${metadata.generateName!.slice(0, generateNameBase)}${nameSuffix(machine.env.random)}`;
    try {
      return await createOnce(machine, request, draft, ownershipDone);
    } catch (error) {
      if (!generated || !(error instanceof StatusError) || error.status.reason !== 'AlreadyExists' || attempt >= generateNameTries) throw error;
    }
  }
}

async function createOnce(machine: Machine, request: WriteRequest, draft: Draft, ownershipDone: boolean): Promise<KubeObject> {
  const { served, namespace } = request;
  const { resource } = served;
  const { strategy } = resource;
  const now = rfc3339(machine.env.clock.now());
  resetNewMeta(draft.metadata, namespace, resource.namespaced);
  draft.metadata.uid = uuid(machine.env.random);
  draft.metadata.creationTimestamp = now;
  if (strategy.hasGeneration) draft.metadata.generation = 1;
  if (hasSubresource(served.version, 'status') && !strategy.keepsStatusOnCreate) delete draft['status'];
  let clean = sanitize(request, draft);
  strategy.prepareCreate?.(clean, { env: machine.env, user: request.user, dryRun: request.dryRun });
  const name = clean.metadata.name ?? '';
  const check = resource.namespaced ? machine.namespaces.admitCreate(resource, namespace ?? '', name) : undefined;
  const admitted = machine.admit(request, { operation: 'CREATE', name, object: clean });
  if (admitted) clean = (await admitted) ?? clean;
  const owned = ownershipDone ? clean : trackWrite({ request, live: undefined, next: clean, now });
  refuseInvalid(request, owned, [...checkNewMeta(resource, owned), ...validateObject(served, owned, undefined)]);
  const checked = machine.check(request, { operation: 'CREATE', name, object: owned });
  if (checked) await checked;
  const key = objectKey(resource, namespace, name);
  const existing = machine.store.get(key);
  if (existing) throw duplicateOf(request, existing, name);
  const stored = toStored(served, owned);
  const put: StoreWrite = { type: 'put', key, expect: 0, encode: (revision) => encodeObject(stored, String(revision)) };
  const result = await reserved(request, owned, undefined, () => machine.store.commit(check ? [check, put] : [put]));
  if (!result) return owned;
  if (result.ok) {
    owned.metadata.resourceVersion = String(result.revisions.at(-1));
    return owned;
  }
  // Another create won, or the namespace changed meanwhile and has to be looked at again.
  if (result.key === key) throw duplicateOf(request, machine.store.get(key), name);
  return createOnce(machine, request, draft, ownershipDone);
}

/**
 * Commits under the kind's reservation (an address, a port): it is given back when the commit did not happen.
 * Answers undefined on a dry run, which ends here.
 */
async function reserved(
  request: WriteRequest,
  object: Draft,
  old: KubeObject | undefined,
  commit: () => Promise<CommitResult>,
): Promise<CommitResult | undefined> {
  const reservation = request.served.resource.strategy.reserve?.(object, old);
  let kept = false;
  try {
    if (reservation) refuseInvalid(request, object, reservation.errors);
    if (request.dryRun) return undefined;
    const result = await commit();
    kept = result.ok;
    return result;
  } finally {
    if (!kept) reservation?.release();
  }
}

function duplicateOf(request: WriteRequest, existing: StoredValue | undefined, name: string): StatusError {
  const { resource } = request.served;
  const dying = existing && readObject(request.served, existing).metadata.deletionTimestamp;
  return alreadyExists({ group: resource.group, name: resource.plural }, name, dying ? 'object is being deleted: ' : '');
}

function resetNewMeta(metadata: ObjectMeta, namespace: string | undefined, namespaced: boolean): void {
  delete metadata.uid;
  delete metadata.creationTimestamp;
  delete metadata.deletionTimestamp;
  delete metadata.deletionGracePeriodSeconds;
  delete metadata.selfLink;
  delete metadata.generation;
  if (namespaced && namespace) metadata.namespace = namespace;
  else delete metadata.namespace;
}

export interface UpdateOptions {
  /** Makes the object when there is none (PUT of some kinds, server-side apply). */
  readonly create?: () => Promise<KubeObject>;
  /** True for server-side apply: ownership is already in the object that `transform` answers. */
  readonly ownershipDone?: boolean;
}

export interface Updated {
  readonly object: KubeObject;
  readonly created: boolean;
}

/**
 * Changes an object. `transform` gets the live object (in the request's version, a copy) and answers the wanted one; it runs again when
 * another write came first, unless the wanted object names a resourceVersion, which is then a conflict.
 */
export async function updateObject(
  machine: Machine,
  request: WriteRequest,
  name: string,
  transform: (live: KubeObject) => KubeObject,
  options: UpdateOptions = {},
): Promise<Updated> {
  const { served, namespace } = request;
  const { resource } = served;
  const key = objectKey(resource, namespace, name);
  for (let attempt = 0; attempt < maxTries; attempt++) {
    const stored = machine.store.get(key);
    if (!stored) {
      if (options.create) return { object: await options.create(), created: true };
      throw notFound({ group: resource.group, name: resource.plural }, name);
    }
    const live = readObject(served, stored);
    const wanted = transform(structuredClone(live));
    checkPreconditions(request, name, live, wanted);
    const done = await updateOnce(machine, request, { key, name, stored, live, wanted, ownershipDone: options.ownershipDone === true });
    if (done) return { object: done, created: false };
  }
  throw internalError(`${resource.plural} "${name}" changed ${maxTries} times while it was being written`);
}

interface Step {
  readonly key: string;
  readonly name: string;
  readonly stored: StoredValue;
  readonly live: KubeObject;
  readonly wanted: KubeObject;
  readonly ownershipDone: boolean;
}

function checkPreconditions(request: WriteRequest, name: string, live: KubeObject, wanted: KubeObject): void {
  const { resource } = request.served;
  const qualified = { group: resource.group, name: resource.plural };
  const { uid, resourceVersion } = wanted.metadata;
  if (uid && uid !== live.metadata.uid) {
    throw conflict(qualified, name, `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${live.metadata.uid ?? ''}`);
  }
  if (resourceVersion && resourceVersion !== '0' && resourceVersion !== live.metadata.resourceVersion) throw conflict(qualified, name, modifiedMessage);
}

/** Undefined when another write came between reading and writing. */
async function updateOnce(machine: Machine, request: WriteRequest, step: Step): Promise<KubeObject | undefined> {
  const { served, subresource } = request;
  const { resource } = served;
  const { strategy } = resource;
  const { live } = step;
  let draft = sanitize(request, keepWhatIsNotTheirs(request, live, step.wanted));
  const facts = { env: machine.env, user: request.user, dryRun: request.dryRun };
  if (subresource === undefined) strategy.prepareUpdate?.(draft, live, facts);
  countGeneration(request, live, draft);
  const admitted = machine.admit(request, { operation: 'UPDATE', name: step.name, object: draft, old: live });
  if (admitted) {
    draft = (await admitted) ?? draft;
    countGeneration(request, live, draft);
  }
  const tracked = step.ownershipDone ? draft : trackWrite({ request, live, next: draft, now: rfc3339(machine.env.clock.now()) });
  const next = ignoreTimeChanges(live, tracked);
  // Binding is the one write that may set a pod's node.
  const unfit = subresource === 'binding' ? [] : validateObject(served, next, live);
  refuseInvalid(request, next, [...checkUpdatedMeta(next, live), ...unfit]);
  const checked = machine.check(request, { operation: 'UPDATE', name: step.name, object: next, old: live });
  if (checked) await checked;
  const removes = isReleased(next);
  const revision = live.metadata.resourceVersion ?? String(step.stored.revision);
  const same = encodeObject(toStored(served, next), revision);
  if (!removes && !step.stored.stale && isCurrentBytes(same, step.stored)) return withVersion(next, revision);
  const stored = toStored(served, next);
  const write: StoreWrite = removes
    ? { type: 'delete', key: step.key, expect: step.stored.revision }
    : { type: 'put', key: step.key, expect: step.stored.revision, encode: (made) => encodeObject(stored, String(made)) };
  const result = await reserved(request, next, live, () => machine.store.commit([write]));
  if (!result) return withVersion(next, revision);
  if (!result.ok) return undefined;
  if (removes) strategy.released?.(next);
  return withVersion(next, String(result.revisions[0]));
}

function isCurrentBytes(bytes: Uint8Array, stored: StoredValue): boolean {
  return Buffer.compare(bytes, stored.value) === 0;
}

function withVersion(object: KubeObject, resourceVersion: string): KubeObject {
  object.metadata.resourceVersion = resourceVersion;
  return object;
}

/** Being deleted, and nothing holds it any more. */
function isReleased(object: KubeObject): boolean {
  const { deletionTimestamp, finalizers, deletionGracePeriodSeconds } = object.metadata;
  const specFinalizers = object.kind === 'Namespace' && object.apiVersion === 'v1' ? namespaceFinalizers(object) : [];
  return deletionTimestamp !== undefined && (finalizers?.length ?? 0) === 0 && !deletionGracePeriodSeconds && specFinalizers.length === 0;
}

/** A namespace has finalizers of its own in its spec. */
export function namespaceFinalizers(object: KubeObject): readonly string[] {
  const spec = object['spec'] as { finalizers?: string[] } | undefined;
  return spec?.finalizers ?? [];
}

/**
 * The wanted object with what this endpoint does not take restored from the live one: system metadata always, status on the main
 * endpoint, all but status on /status.
 */
function keepWhatIsNotTheirs(request: WriteRequest, live: KubeObject, wanted: KubeObject): Draft {
  const { resource, version } = request.served;
  const { strategy } = resource;
  const { subresource } = request;
  let draft: Draft;
  if (subresource === 'status') {
    draft = { ...structuredClone(live), status: wanted['status'] };
    if (wanted['status'] === undefined) delete draft['status'];
    if (strategy.statusTakesMetadata) draft.metadata = { ...wanted.metadata };
    if (wanted.metadata.managedFields) draft.metadata.managedFields = wanted.metadata.managedFields;
  } else if (subresource !== undefined && strategy.subresources?.[subresource]) {
    draft = strategy.subresources[subresource](wanted, live);
  } else {
    draft = { ...wanted, metadata: { ...wanted.metadata } };
    if (hasSubresource(version, 'status') && subresource === undefined) {
      if (live['status'] === undefined) delete draft['status'];
      else draft['status'] = live['status'];
    }
  }
  restoreSystemMeta(draft.metadata, live.metadata);
  return draft;
}

function restoreSystemMeta(metadata: ObjectMeta, live: ObjectMeta): void {
  metadata.name = live.name;
  for (const field of ['namespace', 'uid', 'creationTimestamp', 'deletionTimestamp', 'generation', 'generateName', 'selfLink', 'resourceVersion'] as const) {
    if (live[field] === undefined) delete metadata[field];
    else Object.assign(metadata, { [field]: live[field] });
  }
  if (metadata.deletionGracePeriodSeconds === undefined && live.deletionGracePeriodSeconds !== undefined) {
    metadata.deletionGracePeriodSeconds = live.deletionGracePeriodSeconds;
  }
}

/** Counts a change of the object, whoever made it. */
function countGeneration({ served }: WriteRequest, live: KubeObject, next: Draft): void {
  if (!served.resource.strategy.hasGeneration || !changesGeneration(hasSubresource(served.version, 'status'), live, next)) return;
  next.metadata.generation = (live.metadata.generation ?? 0) + 1;
}

/** True when something beside metadata (and status, where that has its own endpoint) differs. */
function changesGeneration(hasStatus: boolean, live: KubeObject, next: KubeObject): boolean {
  const body = ({ metadata: _metadata, status, ...rest }: KubeObject): KubeObject => ({
    ...rest,
    metadata: { name: '' },
    ...(!hasStatus && status !== undefined && { status }),
  });
  return Buffer.compare(encodeObject(body(live), undefined), encodeObject(body(next), undefined)) !== 0;
}

function refuseInvalid(request: WriteRequest, object: KubeObject, errors: Parameters<typeof invalidObject>[2]): void {
  const { resource } = request.served;
  if (errors.length > 0) throw invalidObject({ group: resource.group, name: resource.kind }, object.metadata.name, errors);
}
