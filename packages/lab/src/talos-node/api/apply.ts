/** ApplyConfiguration and Bootstrap (facts: applying, bootstrap). */
import { durationToMs, talosMethods } from '@keelson/talos/wire';
import { systemDisk, updateDisk } from '../../machine/disk.ts';
import { requireValid } from '../config-check.ts';
import { ConfigError, readConfig, type NodeConfig } from '../config.ts';
import { isUp } from '../services.ts';
import { fail, requireControlPlane, unaryRoute, type ApiCall, type Route } from './route.ts';

const { ApplyConfiguration, Bootstrap } = talosMethods['machine.MachineService'];
const defaultTrialMs = 60_000;

type Mode = 'REBOOT' | 'AUTO' | 'NO_REBOOT' | 'STAGED' | 'TRY';

/** 1.14 made AUTO the same as NO_REBOOT and gave REBOOT up. */
function hasReboot(version: string): boolean {
  const [, minor] = /^v1\.(\d+)\./.exec(version) ?? [];
  return Number(minor ?? 99) < 14;
}

async function apply(call: ApiCall, data: Uint8Array, mode: Mode | number, dryRun: boolean, trialMs: number): Promise<{ mode: Mode; details: string }> {
  const { node } = call;
  const { machine, state } = node;
  if (!state) throw fail.unavailable('the node is going down');
  if (!call.maintenance && !call.roles.has('A')) throw fail.denied('not authorized');
  if (typeof mode === 'number') throw fail.invalid(`unknown mode ${mode}`);
  const installed = systemDisk(machine) !== undefined;
  const config = parse(new TextDecoder().decode(data), installed);
  const old = state.config;
  const effective: Mode = mode === 'AUTO' ? 'NO_REBOOT' : mode;
  if (mode === 'REBOOT' && !call.maintenance && !hasReboot(state.image.version)) {
    throw fail.unimplemented('mode REBOOT is no longer supported: apply the configuration and reboot the machine');
  }
  if (!config.root && !call.maintenance) throw fail.invalid('the applied configuration must contain the v1alpha1 document');
  if (dryRun) return { mode: effective, details: `Dry run summary:\n${describeChange(old, config.text)}` };
  if (state.sequence) throw fail.precondition(`cannot apply a configuration while the ${state.sequence.name} sequence runs`);
  machine.record('config-apply', call.by, `${config.type ?? 'partial'} configuration of ${config.clusterName || 'no cluster'}, mode ${effective}`, {
    cluster: config.clusterId, type: config.type ?? '', mode: effective,
  });
  if (call.maintenance) {
    leaveMaintenance(call, config, installed);
    return { mode: 'NO_REBOOT', details: config.root ? 'Applied configuration without a reboot' : 'Applied a partial configuration' };
  }
  return activate(call, config, effective, trialMs);
}

function parse(text: string, installed: boolean): NodeConfig {
  try {
    const config = readConfig(text);
    requireValid(config, { installed });
    return config;
  } catch (error) {
    if (error instanceof ConfigError) throw fail.invalid(error.message);
    throw fail.invalid(`failed to parse configuration: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** A complete configuration ends maintenance: by an installation, or by a boot where Talos is on a disk already. */
function leaveMaintenance({ node, by }: ApiCall, config: NodeConfig, installed: boolean): void {
  const { machine, state } = node;
  if (!config.root || !state) return;
  node.log.say('[talos] machine configuration loaded successfully');
  const disk = systemDisk(machine);
  if (installed && disk) {
    updateDisk(machine, disk.name, { config: config.text });
    node.bootConfigured(config.text);
    return;
  }
  state.config = config.text;
  node.begin('install', {}, by);
}

function activate({ node, by }: ApiCall, config: NodeConfig, mode: Mode, trialMs: number): { mode: Mode; details: string } {
  const disk = systemDisk(node.machine);
  const { state } = node;
  if (!state || !disk) throw fail.precondition('Talos is not installed');
  switch (mode) {
    case 'STAGED':
      updateDisk(node.machine, disk.name, { stagedConfig: config.text });
      return { mode, details: 'Staged configuration to be applied after the next reboot' };
    case 'TRY':
      node.try(config.text, trialMs);
      return { mode, details: `The config is applied in 'try' mode and will be automatically reverted back in ${trialMs / 1000}s` };
    case 'REBOOT':
      node.settleTrial();
      updateDisk(node.machine, disk.name, { config: config.text, stagedConfig: undefined });
      node.begin('reboot', {}, by);
      return { mode, details: 'Applied configuration with a reboot' };
    case 'AUTO':
    case 'NO_REBOOT':
      node.settleTrial();
      updateDisk(node.machine, disk.name, { config: config.text, stagedConfig: undefined });
      state.config = config.text;
      node.reconfigured();
      return { mode: 'NO_REBOOT', details: 'Applied configuration without a reboot' };
  }
}

/** Which lines a configuration changes. */
function describeChange(before: string | undefined, after: string): string {
  if (before === after) return 'No changes.';
  const old = new Set((before ?? '').split('\n'));
  const fresh = new Set(after.split('\n'));
  const lines = [
    ...[...old].filter((line) => line !== '' && !fresh.has(line)).map((line) => `-${line}`),
    ...[...fresh].filter((line) => line !== '' && !old.has(line)).map((line) => `+${line}`),
  ];
  return `Config diff:\n${lines.join('\n')}`;
}

async function bootstrap(call: ApiCall): Promise<void> {
  const { node } = call;
  const config = requireControlPlane(call, 'bootstrap');
  const { machine, state } = node;
  const disk = systemDisk(machine);
  if (!state || !disk || state.sequence || !isUp(state.services['cri'])) throw fail.precondition('bootstrap is not available yet');
  if (!config.etcdCa.cert) throw fail.invalid('etcd is not configured, bootstrap is not possible');
  if (machine.hasFault('time-not-synced')) throw fail.precondition('time is not in sync yet');
  if (disk.content.etcd) throw fail.exists('etcd data directory is not empty');
  if (state.services['etcd']?.state !== 'Preparing') throw fail.precondition('bootstrap is not available yet');
  const data = node.world.etcd.bootstrap(node.etcdIdentity(config));
  updateDisk(machine, disk.name, { etcd: data });
  machine.record('etcd-bootstrap', call.by, `etcd of ${config.clusterName}`, { cluster: config.clusterId, etcd: data.clusterId, member: data.memberId });
  node.log.say('[talos] bootstrap request received');
  node.etcdBegins();
  await node.world.etcd.saved();
}

export const applyRoutes: readonly Route[] = [
  unaryRoute(ApplyConfiguration, 'AR', async (request, call) => {
    const applied = await apply(call, request.data, request.mode, request.dryRun, durationToMs(request.tryModeTimeout) || defaultTrialMs);
    await call.node.machine.saved();
    return { messages: [{ mode: applied.mode, modeDetails: applied.details, warnings: [] }] };
  }),
  unaryRoute(Bootstrap, 'A', async (request, call) => {
    if (request.recoverEtcd) throw fail.unimplemented('recovery from a snapshot is not part of the lab\'s Talos');
    await bootstrap(call);
    await call.node.machine.saved();
    return { messages: [{}] };
  }),
];
