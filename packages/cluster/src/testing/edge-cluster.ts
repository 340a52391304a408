/** The objects of a cluster for tests, as a user would write them. */
import type { KubeObject } from '@keelson/kube';

export const namespace = 'datacenter';

export interface EdgeOptions {
  readonly controlPlanes?: number;
  readonly workers?: number;
  readonly version?: string;
}

const image = { url: 'http://127.77.0.10:8080/metal-amd64.iso', diskFormat: 'live-iso' };

const object = (apiVersion: string, kind: string, name: string, spec: Record<string, unknown>): KubeObject => ({ apiVersion, kind, metadata: { name, namespace }, spec });

export function edgeCluster(options: EdgeOptions = {}): KubeObject[] {
  const { controlPlanes = 3, workers = 2, version = 'v1.36.2' } = options;
  return [
    object('cluster.x-k8s.io/v1beta2', 'Cluster', 'edge', {
      clusterNetwork: { pods: { cidrBlocks: ['10.244.0.0/16'] }, services: { cidrBlocks: ['10.96.0.0/12'] } },
      infrastructureRef: { apiGroup: 'infrastructure.cluster.x-k8s.io', kind: 'Metal3Cluster', name: 'edge' },
      controlPlaneRef: { apiGroup: 'controlplane.cluster.x-k8s.io', kind: 'TalosControlPlane', name: 'edge' },
    }),
    object('infrastructure.cluster.x-k8s.io/v1beta2', 'Metal3Cluster', 'edge', { controlPlaneEndpoint: { host: '127.77.3.10', port: 6443 } }),
    object('controlplane.cluster.x-k8s.io/v1alpha3', 'TalosControlPlane', 'edge', {
      replicas: controlPlanes,
      version,
      infrastructureTemplate: { apiVersion: 'infrastructure.cluster.x-k8s.io/v1beta2', kind: 'Metal3MachineTemplate', name: 'edge-control-plane', namespace },
      controlPlaneConfig: { controlplane: { generateType: 'controlplane', talosVersion: 'v1.14.1' } },
    }),
    object('infrastructure.cluster.x-k8s.io/v1beta2', 'Metal3MachineTemplate', 'edge-control-plane', { template: { spec: { image } } }),
    object('infrastructure.cluster.x-k8s.io/v1beta2', 'Metal3MachineTemplate', 'edge-workers', { template: { spec: { image } } }),
    object('bootstrap.cluster.x-k8s.io/v1beta1', 'TalosConfigTemplate', 'edge-workers', { template: { spec: { generateType: 'worker', talosVersion: 'v1.14.1' } } }),
    object('cluster.x-k8s.io/v1beta2', 'MachineDeployment', 'edge-workers', {
      clusterName: 'edge',
      replicas: workers,
      selector: { matchLabels: { 'cluster.x-k8s.io/cluster-name': 'edge' } },
      template: {
        spec: {
          clusterName: 'edge',
          version,
          bootstrap: { configRef: { apiGroup: 'bootstrap.cluster.x-k8s.io', kind: 'TalosConfigTemplate', name: 'edge-workers' } },
          infrastructureRef: { apiGroup: 'infrastructure.cluster.x-k8s.io', kind: 'Metal3MachineTemplate', name: 'edge-workers' },
        },
      },
    }),
  ];
}

export function rackHosts(count: number): KubeObject[] {
  return Array.from({ length: count }, (_, index) => object('metal3.io/v1alpha1', 'BareMetalHost', `host-${index}`, { online: true, bmc: { address: `redfish-virtualmedia://127.77.1.${10 + index}:8443/redfish/v1/Systems/1`, credentialsName: `host-${index}-bmc` } }));
}
