/** Inputs whose configurations are compared with recorded ones of talosctl; shared by the tests and by the recorder. Not exported. */
import type { MachineConfigInput, MachineRole } from './machine-config.ts';

export interface RenderCase {
  readonly name: string;
  readonly role: MachineRole;
  readonly input: Omit<MachineConfigInput, 'role' | 'bundle' | 'clusterName' | 'endpoint'>;
  /** Flags of `talosctl gen config` that say the same. */
  readonly flags?: readonly string[];
}

export const clusterName = 'golden';
export const endpoint = 'https://10.5.0.10:6443';
const defaultImage = 'factory.talos.dev/metal-installer/376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba:v1.14.1';
const install = { disk: '/dev/sda', image: defaultImage };

const plain = { kubernetesVersion: 'v1.37.0', install };
const options: RenderCase['input'] = {
  kubernetesVersion: '1.36.2',
  install: { disk: '/dev/nvme0n1', image: 'factory.talos.dev/metal-installer/abc:v1.14.1' },
  certSans: ['a.example', '10.9.9.9'],
  dnsDomain: 'k8s.local',
  registryMirrors: { 'docker.io': ['https://mirror.example:5000'], 'ghcr.io': ['http://m2'] },
  clusterDiscovery: false,
};
const optionFlags = [
  '--kubernetes-version=1.36.2', '--install-disk=/dev/nvme0n1', '--install-image=factory.talos.dev/metal-installer/abc:v1.14.1', '--additional-sans=a.example,10.9.9.9',
  '--dns-domain=k8s.local', '--registry-mirror=docker.io=https://mirror.example:5000,ghcr.io=http://m2', '--with-cluster-discovery=false',
];
/** What talosctl's flags cannot say: only its validation is asked. */
const everything: RenderCase['input'] = {
  kubernetesVersion: 'v1.36.2',
  hostname: 'cp-1.example',
  install: { diskSelector: 'disk.serial == "S1"', image: 'registry.example:5000/installer/abc:v1.14.1', reboot: true, wipe: true },
  allowSchedulingOnControlPlanes: true,
  podSubnets: ['10.40.0.0/16'],
  serviceSubnets: ['10.50.0.0/16'],
  kubeletExtraArgs: { 'provider-id': 'metal3://metal/host-1/cp-1', 'node-labels': ['a=b'] },
  kubeletExtraConfig: { serverTLSBootstrap: true },
  apiServerExtraArgs: { 'audit-log-maxage': '30' },
  nodeLabels: { 'example.com/rack': 'r1', plain: 'yes' },
  nodeAnnotations: { 'example.com/slot': '7' },
  nodeTaints: { dedicated: 'db:NoExecute' },
  cni: 'none',
  kubeProxy: false,
  coreDns: false,
  sysctls: { 'net.core.somaxconn': '65535', 'vm.nr_hugepages': '0x10' },
  machineCertSans: ['talos.example'],
};

export const renderCases: readonly RenderCase[] = (['controlplane', 'worker'] as const).flatMap((role) => [
  { name: `${role}-plain`, role, input: plain, flags: [] },
  { name: `${role}-options`, role, input: options, flags: optionFlags },
  { name: `${role}-kubespan`, role, input: { ...plain, kubeSpan: true }, flags: ['--with-kubespan'] },
  { name: `${role}-everything`, role, input: everything },
]);
