/** The provider kinds this domain can work with. A reference names only group and kind (v1beta2 contract); the version is ours. */
import { Metal3Cluster, Metal3Machine, Metal3MachineTemplate, TalosConfig, TalosConfigTemplate, TalosControlPlane } from '@keelson/api';
import type { KindRef } from '@keelson/kube';
import { parseApiVersion } from '@keelson/kube';

const known: readonly KindRef[] = [Metal3Cluster, Metal3Machine, Metal3MachineTemplate, TalosConfig, TalosConfigTemplate, TalosControlPlane];

export interface ContractReference {
  readonly apiGroup: string;
  readonly kind: string;
  readonly name: string;
}

/** The kind a reference points to; undefined when we have no such provider. */
export function providerKind(reference: Pick<ContractReference, 'apiGroup' | 'kind'>): KindRef | undefined {
  return known.find((kind) => kind.group === reference.apiGroup && kind.kind === reference.kind);
}

/** The kind that is cloned from a template: `Metal3MachineTemplate` makes a `Metal3Machine`. */
export function clonedKind(template: KindRef): KindRef | undefined {
  return template.kind.endsWith('Template') ? known.find((kind) => kind.group === template.group && kind.kind === template.kind.slice(0, -'Template'.length)) : undefined;
}

/** An ObjectReference of the v1beta1 contract (TalosControlPlane) as one of v1beta2. */
export function toContractReference(reference: { readonly apiVersion?: string; readonly kind?: string; readonly name?: string }): ContractReference {
  return { apiGroup: parseApiVersion(reference.apiVersion ?? '').group, kind: reference.kind ?? '', name: reference.name ?? '' };
}

/** Names of the kinds for a message. */
export function knownProviderKinds(suffix: 'Cluster' | 'Machine' | 'Template' | 'ControlPlane' | 'Config'): string {
  return known.filter((kind) => kind.kind.endsWith(suffix)).map((kind) => `${kind.kind}.${kind.group}`).join(', ');
}
