/** How Talos' exclusive sequences end: install, reboot, shutdown, reset, upgrade (facts: lifecycle, install and reset). */
import { systemDisk, updateDisk, wipeDisk, writeDisk } from '../machine/disk.ts';
import { imageTag } from './config.ts';
import { diskFacts } from './hardware.ts';
import type { TalosNode } from './node.ts';
import type { Sequence, SequenceName } from './state.ts';

/** How long a sequence takes on this machine. */
export function sequenceMs({ machine: { latency } }: TalosNode, name: SequenceName): number {
  switch (name) {
    case 'install':
      return latency.installMs;
    case 'reset':
      return latency.shutdownMs + latency.wipeMs;
    case 'upgrade':
      return latency.shutdownMs + latency.imagePullMs + latency.installMs;
    case 'reboot':
    case 'shutdown':
      return latency.shutdownMs;
  }
}

/** What a sequence does once its time is over. A failure ends in a restart, as a fatal error of machined does. */
export function finishSequence(node: TalosNode): void {
  const sequence = node.state?.sequence;
  if (!sequence) return;
  try {
    const next = run(node, sequence);
    node.log.emit('SequenceEvent', { sequence: sequence.name, action: 'STOP' }, sequence.actorId);
    next();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    node.log.say(`[talos] ${sequence.name} sequence: failed: ${message}`);
    node.log.emit('SequenceEvent', { sequence: sequence.name, action: 'STOP', error: { code: 0, message } }, sequence.actorId);
    node.end('reset', sequence.by);
  }
}

/** Does the work and answers how the machine goes on. */
function run(node: TalosNode, sequence: Sequence): () => void {
  const { options, by } = sequence;
  switch (sequence.name) {
    case 'install':
      install(node, by);
      return () => node.end('kexec', by);
    case 'reboot':
      return () => node.end(options.powerCycle ? 'reset' : 'kexec', by);
    case 'shutdown':
      return () => node.end('off', by);
    case 'reset':
      reset(node, sequence);
      return () => node.end(options.then === 'reboot' ? 'reset' : 'off', by);
    case 'upgrade':
      upgradeDisk(node, options.installImage ?? '');
      return () => node.end(options.powerCycle ? 'reset' : 'kexec', by);
  }
}

/** The disk that the configuration asks for; throws when there is none. */
export function installDisk(node: TalosNode): string {
  const wanted = node.config?.install;
  if (!wanted) throw new Error('the configuration names no disk to install on');
  const found = node.machine.spec.disks.find((disk) => wanted.accepts(diskFacts(node.machine, disk)));
  if (!found) throw new Error(`no disk matches ${wanted.wants}`);
  return found.name;
}

function install(node: TalosNode, by: string): void {
  const { config, machine, state } = node;
  if (!config || !state) throw new Error('there is no configuration to install with');
  if (machine.hasFault('install-fails')) throw new Error('installer exited with code 1: failed to write the boot loader');
  const disk = installDisk(node);
  const image = config.install?.image ?? '';
  const tag = imageTag(image);
  writeDisk(machine, disk, {
    kind: 'talos', version: /^v\d/.test(tag) ? tag : state.image.version, arch: state.image.arch, schematic: schematicOf(image) ?? state.image.schematic,
    installedAtMs: machine.env.clock.now(), config: config.text, stagedConfig: undefined, etcd: undefined, previousVersion: undefined,
  }, by);
  node.log.say(`[talos] installed Talos ${tag} on /dev/${disk}`);
}

function schematicOf(image: string): string | undefined {
  return /\/([0-9a-f]{64})(?::|$)/.exec(image)?.[1];
}

function reset(node: TalosNode, { options, by }: Sequence): void {
  const { machine } = node;
  if (machine.hasFault('reset-fails')) throw new Error('failed to unmount the EPHEMERAL partition: device or resource busy');
  const disk = systemDisk(machine);
  if (options.graceful && disk?.content.etcd) leaveEtcd(node);
  for (const name of options.userDisks ?? []) wipeDisk(machine, name, by);
  if (!options.wipeSystemDisk || !disk) return;
  const cluster = disk.content.etcd?.clusterId;
  wipeDisk(machine, disk.name, by, options.partitions);
  if (cluster !== undefined) node.world.dataWiped(cluster);
}

/** Leaves etcd; the last member cannot. */
export function leaveEtcd(node: TalosNode): void {
  const disk = systemDisk(node.machine);
  const data = disk?.content.etcd;
  if (!disk || !data) throw new Error('etcd is not running here');
  const result = node.world.etcd.remove(data.clusterId, data.memberId);
  if (result === 'last') throw new Error('failed to leave etcd: the last member cannot leave its cluster');
  node.machine.record('etcd-leave', 'talos', `member ${data.memberId}`, { etcd: data.clusterId, member: data.memberId });
  updateDisk(node.machine, disk.name, { etcd: undefined });
}

/** Writes another version next to the running one; it boots next time. */
export function upgradeDisk(node: TalosNode, image: string): void {
  const disk = systemDisk(node.machine);
  if (!disk) throw new Error('Talos is not installed');
  const version = imageTag(image);
  if (!/^v\d+\.\d+\.\d+/.test(version)) throw new Error(`installer image ${image} has no Talos version as its tag`);
  updateDisk(node.machine, disk.name, { version, schematic: schematicOf(image) ?? disk.content.schematic, previousVersion: disk.content.version });
  node.log.say(`[talos] upgraded the disk to Talos ${version}`);
}
