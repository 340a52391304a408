/**
 * The resource types of a lab node, by COSI type: where they live, how tools print them, what they say
 * (facts: COSI State API; field numbers come with the wire tables).
 */
import { capacityBytes } from '../../bmc/resources.ts';
import { kubernetesVersion } from '../attachment.ts';
import { diskFacts, prettySize } from '../hardware.ts';
import type { TalosNode } from '../node.ts';
import { isUp } from '../services.ts';
import { machineStatus } from '../status.ts';
import { systemDisk } from '../../machine/disk.ts';

/** One resource: the typed form and the form tools print. */
export interface Item {
  readonly id: string;
  /** Fields of the proto message; lower camel case. */
  readonly proto: Readonly<Record<string, unknown>>;
  /** The YAML form: an object, or a text for scalar specs. */
  readonly yaml: unknown;
  /** The YAML form as it is, where it is a text of several documents. */
  readonly yamlText?: string;
}

export interface CosiType {
  readonly type: string;
  readonly namespace: string;
  readonly message: string;
  readonly sensitive?: boolean;
  readonly columns?: readonly (readonly [name: string, jsonPath: string])[];
  items(node: TalosNode): readonly Item[];
}

const item = (id: string, proto: Readonly<Record<string, unknown>>, yaml: unknown = proto): Item => ({ id, proto, yaml });

/** 4 or 16 bytes of an address. */
export function ipBytes(address: string): Uint8Array {
  if (!address.includes(':')) return Uint8Array.from(address.split('.').map(Number));
  const [head = '', tail = ''] = address.split('::');
  const words = (text: string) => (text === '' ? [] : text.split(':').map((word) => Number.parseInt(word, 16)));
  const [left, right] = [words(head), words(tail)];
  const all = [...left, ...Array.from({ length: 8 - left.length - right.length }, () => 0), ...right];
  return Uint8Array.from(all.flatMap((word) => [word >> 8, word & 255]));
}

const defs = 'talos.resource.definitions';
const typeEnum = { controlplane: 2, worker: 3 } as const;
const stageEnum: Readonly<Record<string, number>> = {
  booting: 1, installing: 2, maintenance: 3, running: 4, rebooting: 5, 'shutting down': 6, resetting: 7, upgrading: 8,
};

function macBytes(mac: string): Uint8Array {
  return Uint8Array.from(mac.split(':').map((part) => Number.parseInt(part, 16)));
}

/** Node identity as discovery shows it: stable per installation. */
function nodeId(node: TalosNode): string {
  return Buffer.from(`${node.machine.spec.uuid}`).toString('base64url');
}

function osName(node: TalosNode): string {
  return `Talos (${node.state?.image.version ?? ''})`;
}

const runtimeTypes: readonly CosiType[] = [
  {
    type: 'MachineStatuses.runtime.talos.dev', namespace: 'runtime', message: `${defs}.runtime.MachineStatusSpec`,
    columns: [['Stage', '{.stage}'], ['Ready', '{.status.ready}']],
    items(node) {
      const { stage, ready, unmet } = machineStatus(node);
      return [item('machine', { stage: stageEnum[stage], status: { ready, unmetConditions: unmet } }, { stage, status: { ready, unmetConditions: unmet } })];
    },
  },
  {
    type: 'Services.v1alpha1.talos.dev', namespace: 'runtime', message: `${defs}.v1alpha1.ServiceSpec`,
    columns: [['Running', '{.running}'], ['Healthy', '{.healthy}'], ['Health Unknown', '{.unknown}']],
    items: (node) => Object.entries(node.state?.services ?? {})
      .filter(([, record]) => record.state === 'Running')
      .map(([id, record]) => item(id, { running: true, healthy: isUp(record) && record.healthy !== undefined, unknown: record.healthy === undefined })),
  },
  {
    type: 'Versions.runtime.talos.dev', namespace: 'runtime', message: `${defs}.runtime.VersionSpec`, columns: [['Version', '{.version}']],
    items: (node) => [item('version', { version: node.state?.image.version ?? '', name: 'Talos' })],
  },
  {
    type: 'BootIDs.runtime.talos.dev', namespace: 'runtime', message: `${defs}.runtime.BootIDSpec`,
    items: (node) => [item('boot-id', { bootId: node.machine.state.bootId })],
  },
  {
    type: 'KernelCmdlines.runtime.talos.dev', namespace: 'runtime', message: `${defs}.runtime.KernelCmdlineSpec`,
    items: (node) => [item('cmdline', { cmdline: (node.state?.image.kernelArgs ?? []).join(' ') })],
  },
  {
    type: 'PlatformMetadatas.talos.dev', namespace: 'runtime', message: `${defs}.runtime.PlatformMetadataSpec`, columns: [['Platform', '{.platform}']],
    items: (node) => [item('platformmetadata', { platform: 'metal', hostname: '', instanceId: node.machine.spec.uuid }, { platform: 'metal', instanceId: node.machine.spec.uuid })],
  },
  {
    type: 'SecurityStates.talos.dev', namespace: 'runtime', message: `${defs}.runtime.SecurityStateSpec`, columns: [['SecureBoot', '{.secureBoot}']],
    items: () => [item('securitystate', { secureBoot: false, bootedWithUki: true }, { secureBoot: false, bootedWithUKI: true })],
  },
  {
    type: 'ExtensionStatuses.runtime.talos.dev', namespace: 'runtime', message: `${defs}.extensions.Layer`,
    columns: [['Name', '{.metadata.name}'], ['Version', '{.metadata.version}']],
    items(node) {
      const schematic = node.state?.image.schematic;
      if (!schematic) return [];
      return [item('0', { image: '0.sqsh', metadata: { name: 'schematic', version: schematic, author: 'Image Factory', description: 'Virtual extension which specifies the schematic' } })];
    },
  },
  {
    type: 'UnattendedInstallStatuses.runtime.talos.dev', namespace: 'runtime', message: `${defs}.runtime.UnattendedInstallStatusSpec`, columns: [['Phase', '{.phase}']],
    items(node) {
      const image = node.config?.install?.image;
      if (image === undefined) return [];
      const phase = node.state?.stage === 'installing' ? 'installing' : systemDisk(node.machine) ? 'installed' : 'pending';
      return [item('unattended-install', { image, phase: { pending: 0, installing: 1, installed: 2 }[phase] }, { image, phase })];
    },
  },
  {
    type: 'Diagnostics.runtime.talos.dev', namespace: 'runtime', message: `${defs}.runtime.DiagnosticSpec`, columns: [['Message', '{.message}']],
    items: (node) => (node.machine.hasFault('time-not-synced') ? [item('time-sync', { message: 'time is not synchronized', details: [] })] : []),
  },
  {
    type: 'TimeStatuses.v1alpha1.talos.dev', namespace: 'runtime', message: `${defs}.time.StatusSpec`, columns: [['Synced', '{.synced}']],
    items: (node) => [item('node', { synced: !node.machine.hasFault('time-not-synced'), epoch: 1n, syncDisabled: false }, { synced: !node.machine.hasFault('time-not-synced'), epoch: 1, syncDisabled: false })],
  },
];

const configTypes: readonly CosiType[] = [
  {
    type: 'MachineTypes.config.talos.dev', namespace: 'config', message: 'resource.config.MachineTypeSpec', columns: [['Type', '{}']],
    items: (node) => (node.config?.type ? [item('machine-type', { machineType: typeEnum[node.config.type] }, node.config.type)] : []),
  },
  {
    type: 'MachineConfigs.config.talos.dev', namespace: 'config', message: 'resource.config.MachineConfigSpec', sensitive: true,
    items(node) {
      const stored = systemDisk(node.machine)?.content.config;
      const one = (id: string, text: string) => ({ ...item(id, { yamlMarshalled: new TextEncoder().encode(text) }), yamlText: text });
      return [...(node.state?.config === undefined ? [] : [one('v1alpha1', node.state.config)]), ...(stored === undefined ? [] : [one('persistent', stored)])];
    },
  },
];

const clusterTypes: readonly CosiType[] = [
  {
    type: 'Members.cluster.talos.dev', namespace: 'cluster', message: `${defs}.cluster.MemberSpec`,
    columns: [['Hostname', '{.hostname}'], ['Machine Type', '{.machineType}'], ['OS', '{.operatingSystem}'], ['Addresses', '{.addresses}']],
    items(node) {
      const { config } = node;
      if (!config) return [];
      return node.world.members(config.clusterId).map((member) => {
        const isControlPlane = member.isControlPlane;
        const address = member.machine.nodeAddress;
        return item(
          member.hostname,
          {
            nodeId: nodeId(member), addresses: [{ ip: ipBytes(address) }], hostname: member.hostname, machineType: isControlPlane ? 2 : 3, operatingSystem: osName(member),
            ...(isControlPlane ? { controlPlane: { apiServerPort: 6443n } } : {}),
          },
          {
            nodeId: nodeId(member), addresses: [address], hostname: member.hostname, machineType: isControlPlane ? 'controlplane' : 'worker', operatingSystem: osName(member),
            ...(isControlPlane ? { controlPlane: { port: 6443 } } : {}),
          },
        );
      });
    },
  },
  {
    type: 'Infos.cluster.talos.dev', namespace: 'cluster', message: `${defs}.cluster.InfoSpec`, columns: [['Cluster ID', '{.clusterId}'], ['Cluster Name', '{.clusterName}']],
    items: ({ config }) => (config ? [item('current', { clusterId: config.clusterId, clusterName: config.clusterName })] : []),
  },
  {
    type: 'Identities.cluster.talos.dev', namespace: 'cluster', message: `${defs}.cluster.IdentitySpec`, columns: [['ID', '{.nodeId}']],
    items: (node) => (node.config ? [item('local', { nodeId: nodeId(node) })] : []),
  },
  {
    type: 'EtcdMembers.etcd.talos.dev', namespace: 'etcd', message: `${defs}.etcd.MemberSpec`, columns: [['Member ID', '{.memberID}']],
    items(node) {
      const data = systemDisk(node.machine)?.content.etcd;
      return data && node.world.etcd.isRunning(data.memberId) ? [item('local', { memberId: data.memberId }, { memberID: data.memberId })] : [];
    },
  },
  {
    type: 'Nodenames.kubernetes.talos.dev', namespace: 'k8s', message: `${defs}.k8s.NodenameSpec`, columns: [['Nodename', '{.nodename}']],
    items: (node) => (node.config ? [item('nodename', { nodename: node.hostname, hostnameVersion: '1', skipNodeRegistration: false })] : []),
  },
  {
    type: 'NodeStatuses.kubernetes.talos.dev', namespace: 'k8s', message: `${defs}.k8s.NodeStatusSpec`, columns: [['Ready', '{.nodeReady}'], ['Unschedulable', '{.unschedulable}']],
    items(node) {
      const { config } = node;
      const state = config && node.world.clusters?.nodeState(config.clusterId, node.machine.name);
      if (!state?.registered) return [];
      return [item(node.hostname, { nodename: node.hostname, nodeReady: state.ready, unschedulable: false })];
    },
  },
  {
    type: 'KubeletSpecs.kubernetes.talos.dev', namespace: 'k8s', message: `${defs}.k8s.KubeletSpecSpec`, sensitive: true,
    items(node) {
      const { config } = node;
      if (!config) return [];
      const spec = {
        image: config.kubelet.image || `ghcr.io/siderolabs/kubelet:${kubernetesVersion(config)}`, expectedNodename: node.hostname,
        args: Object.entries(config.kubelet.extraArgs).map(([name, value]) => `--${name}=${value}`),
      };
      return [item('kubelet', spec)];
    },
  },
];

const hardwareTypes: readonly CosiType[] = [
  {
    type: 'Disks.block.talos.dev', namespace: 'runtime', message: `${defs}.block.DiskSpec`,
    columns: [['Size', '{.pretty_size}'], ['Read Only', '{.readonly}'], ['Transport', '{.transport}'], ['Rotational', '{.rotational}'], ['WWID', '{.wwid}'], ['Model', '{.model}'], ['Serial', '{.serial}']],
    items: (node) => node.machine.spec.disks.map((disk) => {
      const facts = diskFacts(node.machine, disk);
      const size = capacityBytes(disk);
      return item(
        disk.name,
        {
          size: BigInt(size), ioSize: 512n, sectorSize: 512n, readonly: false, model: facts.model, serial: facts.serial, wwid: facts.wwid, busPath: facts.bus_path,
          subSystem: '/sys/class/block', transport: facts.transport, rotational: facts.rotational, cdrom: false, devPath: facts.dev_path, prettySize: prettySize(size), symlinks: facts.symlinks,
        },
        {
          dev_path: facts.dev_path, size, pretty_size: prettySize(size), io_size: 512, sector_size: 512, readonly: false, cdrom: false, model: facts.model, serial: facts.serial,
          wwid: facts.wwid, bus_path: facts.bus_path, sub_system: '/sys/class/block', transport: facts.transport, rotational: facts.rotational, symlinks: facts.symlinks,
        },
      );
    }),
  },
  {
    type: 'SystemDisks.block.talos.dev', namespace: 'runtime', message: `${defs}.block.SystemDiskSpec`, columns: [['Disk', '{.diskID}']],
    items(node) {
      const disk = systemDisk(node.machine);
      return disk ? [item('system-disk', { diskId: disk.name, devPath: `/dev/${disk.name}` }, { diskID: disk.name, devPath: `/dev/${disk.name}` })] : [];
    },
  },
  {
    type: 'VolumeStatuses.block.talos.dev', namespace: 'runtime', message: `${defs}.block.VolumeStatusSpec`,
    columns: [['Type', '{.type}'], ['Phase', '{.phase}'], ['Location', '{.location}'], ['Size', '{.prettySize}']],
    items(node) {
      const disk = systemDisk(node.machine);
      const spec = disk && node.machine.spec.disks.find((one) => one.name === disk.name);
      if (!disk || !spec) return [];
      const mib = 1024 ** 2;
      const ephemeral = capacityBytes(spec) - 2205 * mib;
      const part = disk.name.startsWith('nvme') ? `${disk.name}p` : disk.name;
      const volumes = [['META', 2, mib], ['STATE', 3, 100 * mib], ['EPHEMERAL', 4, ephemeral]] as const;
      return volumes.map(([id, index, size]) => item(
        id,
        { phase: 6, type: 0, location: `/dev/${part}${index}`, parentLocation: `/dev/${disk.name}`, partitionIndex: BigInt(index), size: BigInt(size), prettySize: prettySize(size), filesystem: id === 'META' ? 0 : 1 },
        { phase: 'ready', type: 'partition', location: `/dev/${part}${index}`, parentLocation: `/dev/${disk.name}`, partitionIndex: index, size, prettySize: prettySize(size), filesystem: id === 'META' ? 'none' : 'xfs' },
      ));
    },
  },
  {
    type: 'SystemInformations.hardware.talos.dev', namespace: 'hardware', message: `${defs}.hardware.SystemInformationSpec`,
    columns: [['Manufacturer', '{.manufacturer}'], ['Model', '{.productName}'], ['Serial', '{.serialnumber}'], ['UUID', '{.uuid}']],
    items({ machine: { spec } }) {
      const common = { manufacturer: spec.manufacturer, productName: spec.model, uuid: spec.uuid, wakeUpType: 'Power Switch' };
      return [item('systeminformation', { ...common, serialNumber: spec.serial }, { ...common, serialnumber: spec.serial })];
    },
  },
  {
    type: 'Processors.hardware.talos.dev', namespace: 'hardware', message: `${defs}.hardware.ProcessorSpec`, columns: [['Model', '{.productName}'], ['Cores', '{.coreCount}'], ['Threads', '{.threadCount}']],
    items: ({ machine: { spec: { cpu } } }) => Array.from({ length: cpu.sockets }, (_none, i) => item(`CPU-${i}`, {
      socket: `CPU-${i}`, productName: cpu.model, maxSpeed: cpu.mhz, bootSpeed: cpu.mhz, status: 65, coreCount: cpu.cores, coreEnabled: cpu.cores, threadCount: cpu.threads,
    })),
  },
  {
    type: 'MemoryModules.hardware.talos.dev', namespace: 'hardware', message: `${defs}.hardware.MemoryModuleSpec`, columns: [['Size', '{.sizeMiB}']],
    items: ({ machine: { spec } }) => [item('DIMM-0', { size: spec.memoryGiB * 1024, deviceLocator: 'DIMM 0' }, { sizeMiB: spec.memoryGiB * 1024, deviceLocator: 'DIMM 0' })],
  },
];

const networkTypes: readonly CosiType[] = [
  {
    type: 'NodeAddresses.net.talos.dev', namespace: 'network', message: `${defs}.network.NodeAddressSpec`, columns: [['Addresses', '{.addresses}']],
    items: ({ machine: { nodeAddress } }) => ['accumulative', 'current', 'default', 'routed'].map((id) => {
      const bits = id === 'default' ? 32 : 16;
      return item(id, { addresses: [{ ip: ipBytes(nodeAddress), prefixLength: bits }], sortAlgorithm: 0 }, { addresses: [`${nodeAddress}/${bits}`], sortAlgorithm: 'v1' });
    }),
  },
  {
    type: 'HostnameStatuses.net.talos.dev', namespace: 'network', message: `${defs}.network.HostnameStatusSpec`, columns: [['Hostname', '{.hostname}'], ['Domainname', '{.domainname}']],
    items: (node) => [item('hostname', { hostname: node.hostname, domainname: '' })],
  },
  {
    type: 'NetworkStatuses.net.talos.dev', namespace: 'network', message: `${defs}.network.StatusSpec`,
    items: () => [item('status', { addressReady: true, connectivityReady: true, hostnameReady: true, etcFilesReady: true })],
  },
  {
    type: 'AddressStatuses.net.talos.dev', namespace: 'network', message: `${defs}.network.AddressStatusSpec`, columns: [['Address', '{.address}'], ['Link', '{.linkName}']],
    items: ({ machine: { nodeAddress, spec } }) => {
      const link = spec.nics[0]!.name; // the lab file demands one
      return [item(
        `${link}/${nodeAddress}/16`,
        { address: { ip: ipBytes(nodeAddress), prefixLength: 16 }, local: { ip: ipBytes(nodeAddress) }, linkIndex: 2, linkName: link, family: 2, scope: 0 },
        { address: `${nodeAddress}/16`, local: nodeAddress, linkIndex: 2, linkName: link, family: 'inet4', scope: 'global', flags: 'permanent' },
      )];
    },
  },
  {
    type: 'LinkStatuses.net.talos.dev', namespace: 'network', message: `${defs}.network.LinkStatusSpec`,
    columns: [['Link State', '{.linkState}'], ['Hardware Addr', '{.hardwareAddr}']],
    items: ({ machine: { spec } }) => spec.nics.map((nic, i) => item(
      nic.name,
      { index: i + 2, type: 1, hardwareAddr: macBytes(nic.mac), permanentAddr: macBytes(nic.mac), mtu: 1500, linkState: i === 0, speedMegabits: BigInt(nic.speedMbps), driver: 'lab' },
      { index: i + 2, type: 'ether', hardwareAddr: nic.mac, permanentAddr: nic.mac, mtu: 1500, linkState: i === 0, speedMbit: nic.speedMbps, operationalState: i === 0 ? 'up' : 'down', driver: 'lab' },
    )),
  },
];

export const cosiTypes: readonly CosiType[] = [...runtimeTypes, ...configTypes, ...clusterTypes, ...hardwareTypes, ...networkTypes];

/** Namespaces a node knows; others are refused. */
export const cosiNamespaces: readonly string[] = [
  'config', 'runtime', 'network', 'network-config', 'k8s', 'controlplane', 'etcd', 'secrets', 'files', 'storage', 'cri', 'perf', 'hardware', 'cluster',
  'cluster-raw', 'kubespan', 'security', 'containers', 'meta',
];

