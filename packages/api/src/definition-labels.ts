/**
 * Labels of the CustomResourceDefinitions of borrowed kinds, by which other programs find their way:
 * Cluster API follows a reference to the version named under its contract, and `clusterctl move` takes the labelled kinds along
 * (Cluster API book: provider contracts, clusterctl provider contract). Metal3's own definitions ship without; its pivot adds them.
 */
type Labels = Readonly<Record<string, string>>;

const inventory: Labels = { 'clusterctl.cluster.x-k8s.io': '' };
const moved: Labels = { ...inventory, 'clusterctl.cluster.x-k8s.io/move': '' };
const movedWithOwned: Labels = { ...moved, 'clusterctl.cluster.x-k8s.io/move-hierarchy': '' };

const contract = (v1beta1: string, v1beta2?: string): Labels => ({
  'cluster.x-k8s.io/v1beta1': v1beta1,
  ...(v1beta2 ? { 'cluster.x-k8s.io/v1beta2': v1beta2 } : {}),
});

const byGroup: Readonly<Record<string, Labels>> = {
  'cluster.x-k8s.io': { ...inventory, ...contract('v1beta1', 'v1beta2') },
  'infrastructure.cluster.x-k8s.io': { ...inventory, ...contract('v1beta1', 'v1beta2') },
  'controlplane.cluster.x-k8s.io': { ...inventory, ...contract('v1beta1', 'v1beta2') },
  'bootstrap.cluster.x-k8s.io': { ...inventory, ...contract('v1beta1', 'v1beta2') },
};

const byKind: Readonly<Record<string, Labels>> = {
  'TalosControlPlane.controlplane.cluster.x-k8s.io': { ...inventory, ...contract('v1alpha3') },
  'TalosConfig.bootstrap.cluster.x-k8s.io': { ...inventory, ...contract('v1beta1') },
  'TalosConfigTemplate.bootstrap.cluster.x-k8s.io': { ...inventory, ...contract('v1beta1') },
  'BareMetalHost.metal3.io': movedWithOwned,
  'HardwareData.metal3.io': moved,
};

/** The labels the definition of a kind carries; undefined when it needs none. */
export function definitionLabels(kind: { readonly group: string; readonly kind: string }): Labels | undefined {
  return byKind[`${kind.kind}.${kind.group}`] ?? byGroup[kind.group];
}
