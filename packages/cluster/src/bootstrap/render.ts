/** Bootstrap data of a Talos machine from its TalosConfig. Follows CABPT v0.7. */
import type { Cluster, Machine, TalosConfig } from '@keelson/api';
import { keyOf } from '@keelson/kube';
import { ProblemError, problem } from '@keelson/std';
import type { MachineConfig, MachineRole } from '@keelson/talos/config';
import { formatFinding, parseMachineConfig, patchMachineConfig, renderMachineConfig, serializeMachineConfig, validateMachineConfig } from '@keelson/talos/config';
import type { SecretsBundle } from '@keelson/talos/pki';
import { currentContract, parseContract } from '@keelson/talos/pki';
import { problems } from '../problems.ts';

/** The schematic without extensions, whose installer and ISO the Image Factory serves for every Talos version. */
const plainSchematic = '376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba';
/** The newest Talos release this program was written against; installed where talosVersion names no patch release. */
export const newestTalosVersion = 'v1.14.1';
/** Upstream's default disk; a host's rootDeviceHints go before it. */
const defaultDisk = '/dev/sda';

export interface RenderInput {
  readonly config: TalosConfig;
  readonly cluster: Cluster;
  readonly machine: Machine;
  readonly bundle: SecretsBundle;
}

/** The machine config in YAML. Throws ProblemError (CLUSTER.INVALID_MACHINE_CONFIG, CLUSTER.INIT_REFUSED) with what is wrong. */
export function renderBootstrapData(input: RenderInput): string {
  const { config, machine } = input;
  const name = keyOf(machine);
  const spec = config.spec;
  const fail = (why: string) => new ProblemError(problem(problems.invalidConfig, { machine: name }, { why, where: `TalosConfig ${keyOf(config)}` }));
  if (!spec) throw fail('it has no spec');
  switch (spec.generateType) {
    case 'init':
      throw new ProblemError(problem(problems.initRefused, { machine: name }, { why: 'a machine of type init bootstraps etcd by itself at every first boot, which nobody can see or stop', where: `TalosConfig ${keyOf(config)}` }));
    case 'none': {
      if (!spec.data) throw fail('generateType none needs spec.data');
      return finish(parseMachineConfig(spec.data, `spec.data of TalosConfig ${keyOf(config)}`), input, fail);
    }
    case 'controlplane':
    case 'worker':
      return finish(generate(spec.generateType, input, fail), input, fail);
    default:
      throw fail(`generateType ${JSON.stringify(spec.generateType)} is none of controlplane, worker, none`);
  }
}

function generate(role: MachineRole, { config, cluster, machine, bundle }: RenderInput, fail: (why: string) => ProblemError): MachineConfig {
  const { host, port } = cluster.spec.controlPlaneEndpoint ?? {};
  if (!host || !port) throw fail(`cluster ${cluster.metadata.name} has no controlPlaneEndpoint`);
  if (!machine.spec.version) throw fail(`Machine ${keyOf(machine)} has no spec.version`);
  const talosVersion = config.spec?.talosVersion;
  const contract = talosVersion ? parseContract(talosVersion) : currentContract;
  if (!contract) throw fail(`talosVersion ${JSON.stringify(talosVersion)} is not a version like v1.14.1`);
  const network = cluster.spec.clusterNetwork;
  return renderMachineConfig({
    role,
    clusterName: cluster.metadata.name,
    endpoint: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    kubernetesVersion: machine.spec.version,
    contract,
    bundle,
    install: { disk: defaultDisk, image: installerImage(talosVersion) },
    certSans: [host],
    ...(hostname({ config, machine }) ? { hostname: hostname({ config, machine }) } : {}),
    ...(network?.pods ? { podSubnets: network.pods.cidrBlocks } : {}),
    ...(network?.services ? { serviceSubnets: network.services.cidrBlocks } : {}),
    ...(network?.serviceDomain ? { dnsDomain: network.serviceDomain } : {}),
  });
}

/** The installer of the version, or of the newest release where only a minor version is named. */
export function installerImage(talosVersion: string | undefined): string {
  const exact = talosVersion && /^v?\d+\.\d+\.\d+/.test(talosVersion) ? (talosVersion.startsWith('v') ? talosVersion : `v${talosVersion}`) : newestTalosVersion;
  return `factory.talos.dev/metal-installer/${plainSchematic}:${exact}`;
}

/** CABPT's hostname.source; without one a machine takes a stable name of its own. */
function hostname({ config, machine }: Pick<RenderInput, 'config' | 'machine'>): string | undefined {
  switch (config.spec?.hostname?.source) {
    case 'MachineName': return machine.metadata.name;
    case 'InfrastructureName': return machine.spec.infrastructureRef.name;
    default: return undefined;
  }
}

function finish(config: MachineConfig, input: RenderInput, fail: (why: string) => ProblemError): string {
  const { configPatches = [], strategicPatches = [] } = input.config.spec ?? {};
  let patched = config;
  if (configPatches.length > 0) patched = patchMachineConfig(patched, [JSON.stringify(configPatches)], ['configPatches']);
  if (strategicPatches.length > 0) patched = patchMachineConfig(patched, strategicPatches, strategicPatches.map((_, index) => `strategicPatches[${index}]`));
  const { errors } = validateMachineConfig(patched);
  if (errors.length > 0) throw fail(errors.slice(0, 5).map(formatFinding).join('; '));
  return serializeMachineConfig(patched);
}

