/**
 * A Machine and what it refers to. The Machine is created first and its infrastructure and bootstrap objects after it, under the
 * Machine's own name and owned by it: after a crash in between, the missing ones are made, and nothing is left without an owner.
 * Follows Cluster API v1.14 in labels, annotations and names of clones.
 */
import { Machine } from '@keelson/api';
import type { KindRef, KubeObject, OwnerReference } from '@keelson/kube';
import { keyOf, ownerReference } from '@keelson/kube';
import { isAlreadyExists } from '@keelson/kube/client';
import type { Cache } from '@keelson/controller';
import { ProblemError, nameSuffix, problem } from '@keelson/std';
import { typeMeta } from './belongs.ts';
import { annotations, finalizers, labels } from './names.ts';
import { problems } from './problems.ts';
import type { ContractReference } from './provider-kinds.ts';
import { clonedKind, knownProviderKinds, providerKind } from './provider-kinds.ts';
import type { Writer } from './write.ts';
import { refuseUnheededGuards } from './unsupported.ts';
import { createObject, isRecord } from './write.ts';

/** Where the spec of a clone comes from: a template object, or a spec that the owner carries itself. */
export type CloneSource =
  | { readonly kind: 'template'; readonly reference: ContractReference }
  | { readonly kind: 'spec'; readonly of: KindRef; readonly spec: object };

export interface MachineTemplate {
  readonly owner: KubeObject;
  readonly clusterName: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** Fields of the Machine's spec besides clusterName and the two references. */
  readonly spec: Readonly<Record<string, unknown>>;
  readonly infrastructure: CloneSource;
  /** Absent where the template names a Secret with ready bootstrap data. */
  readonly bootstrap?: CloneSource;
  readonly dataSecretName?: string;
}

interface ResolvedSource {
  readonly of: KindRef;
  readonly spec: object;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** What a clone is made from. Throws ProblemError when the template or its kind is not there. */
export function resolveSource(source: CloneSource, owner: KubeObject, cache: Cache): ResolvedSource {
  if (source.kind === 'spec') return { of: source.of, spec: source.spec, labels: {}, annotations: {} };
  const { reference } = source;
  const templateKind = providerKind(reference);
  const of = templateKind && clonedKind(templateKind);
  if (!templateKind || !of) {
    const kind = `${reference.kind}.${reference.apiGroup}`;
    throw new ProblemError(problem(problems.unknownProviderKind, { kind, known: knownProviderKinds('Template') }, { why: `${owner.kind} ${keyOf(owner)} refers to ${kind} ${reference.name}` }));
  }
  const template = cache.get(templateKind, { namespace: owner.metadata.namespace, name: reference.name });
  const inner = isRecord(template?.spec) && isRecord(template.spec.template) ? template.spec.template : undefined;
  if (!template || !inner || !isRecord(inner.spec)) {
    const name = `${reference.kind} ${owner.metadata.namespace}/${reference.name}`;
    throw new ProblemError(problem(problems.templateMissing, { template: name, owner: `${owner.kind} ${keyOf(owner)}` }, { why: template ? 'it has no spec.template.spec' : `${owner.kind} ${keyOf(owner)} refers to it` }));
  }
  refuseUnheededGuards(templateKind, template);
  const metadata = isRecord(inner.metadata) ? inner.metadata : {};
  return {
    of,
    spec: inner.spec,
    labels: textMap(metadata.labels),
    annotations: { ...textMap(metadata.annotations), [annotations.clonedFromName]: reference.name, [annotations.clonedFromGroupKind]: `${reference.kind}.${reference.apiGroup}` },
  };
}

/** Creates a Machine; its clones follow in `ensureClones`. Throws ProblemError when a template is missing, before anything is made. */
export async function createMachine(writer: Writer, template: MachineTemplate): Promise<Machine> {
  const { cache, env } = writer.context;
  const infrastructure = resolveSource(template.infrastructure, template.owner, cache);
  const bootstrap = template.bootstrap && resolveSource(template.bootstrap, template.owner, cache);
  const reference = (of: KindRef, name: string): ContractReference => ({ apiGroup: of.group, kind: of.kind, name });
  const owner = ownerReference(template.owner);
  for (let attempt = 0; ; attempt++) {
    const name = `${template.owner.metadata.name}-${nameSuffix(env.random)}`;
    try {
      return await createObject<Machine>(writer, Machine, {
        ...typeMeta(Machine),
        metadata: {
          name,
          namespace: template.owner.metadata.namespace,
          labels: { ...template.labels, [labels.cluster]: template.clusterName },
          annotations: { ...template.annotations },
          ownerReferences: [owner],
          // From the first moment: a Machine that is deleted at once must still let go of what it has.
          finalizers: [finalizers.machine],
        },
        spec: {
          ...template.spec,
          clusterName: template.clusterName,
          infrastructureRef: reference(infrastructure.of, name),
          bootstrap: bootstrap ? { configRef: reference(bootstrap.of, name) } : { dataSecretName: template.dataSecretName },
        },
      });
    } catch (error) {
      if (!isAlreadyExists(error) || attempt >= 4) throw error;
    }
  }
}

/**
 * Makes the infrastructure and bootstrap objects a Machine refers to where they are missing.
 * A Machine that had them once is left alone: someone removed them, and an empty one in their place would take a new host.
 */
export async function ensureClones(writer: Writer, machine: Machine, template: Pick<MachineTemplate, 'owner' | 'infrastructure' | 'bootstrap' | 'clusterName'>): Promise<void> {
  if (machine.metadata.deletionTimestamp) return;
  const { initialization } = machine.status ?? {};
  if (!initialization?.infrastructureProvisioned) await ensureClone(writer, machine, machine.spec.infrastructureRef, template.infrastructure, template);
  if (machine.spec.bootstrap.configRef && template.bootstrap && !initialization?.bootstrapDataSecretCreated) {
    await ensureClone(writer, machine, machine.spec.bootstrap.configRef, template.bootstrap, template);
  }
}

async function ensureClone(writer: Writer, machine: Machine, reference: ContractReference, source: CloneSource, template: Pick<MachineTemplate, 'owner' | 'clusterName'>): Promise<void> {
  const kind = providerKind(reference);
  const key = { namespace: machine.metadata.namespace, name: reference.name };
  if (!kind || writer.context.cache.get(kind, key)) return;
  const resolved = resolveSource(source, template.owner, writer.context.cache);
  const owner: OwnerReference = ownerReference(machine);
  try {
    await createObject(writer, kind, {
      ...typeMeta(kind),
      metadata: {
        ...key,
        labels: { ...resolved.labels, ...machineLabels(machine), [labels.cluster]: template.clusterName },
        annotations: resolved.annotations,
        ownerReferences: [owner],
      },
      spec: structuredClone(resolved.spec),
    });
  } catch (error) {
    // The cache had not seen it yet.
    if (!isAlreadyExists(error)) throw error;
  }
}

/** Labels that a Machine hands on to its clones. */
function machineLabels(machine: Machine): Record<string, string> {
  const kept: readonly string[] = [labels.controlPlane, labels.deployment, labels.set];
  return Object.fromEntries(Object.entries(machine.metadata.labels ?? {}).filter(([key]) => kept.includes(key)));
}

function textMap(value: unknown): Record<string, string> {
  if (!isRecord(value)) return {};
  return Object.fromEntries(Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}
