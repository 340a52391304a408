/** Reboot, shutdown, reset, rollback and upgrade (facts: lifecycle). */
import { talosMethods } from '@keelson/talos/wire';
import { systemDisk, updateDisk } from '../../machine/disk.ts';
import { upgradeDisk } from '../sequences.ts';
import type { SequenceName, SequenceOptions } from '../state.ts';
import { fail, streamRoute, unaryRoute, type ApiCall, type Route } from './route.ts';

const machineService = talosMethods['machine.MachineService'];
const lifecycle = talosMethods['machine.LifecycleService'];
const images = talosMethods['machine.ImageService'];

const partitionLabels = ['EFI', 'BIOS', 'BOOT', 'META', 'STATE', 'EPHEMERAL'];

/** Starts a sequence and answers its actor once the intent is on disk. */
async function start(call: ApiCall, name: SequenceName, options: SequenceOptions): Promise<{ messages: readonly { actorId: string }[] }> {
  if (!call.node.state) throw fail.unavailable('the node is going down');
  const actorId = call.node.begin(name, options, call.by);
  await call.node.machine.saved();
  return { messages: [{ actorId }] };
}

function diskNames(call: ApiCall, paths: readonly string[]): readonly string[] {
  return paths.map((path) => {
    const name = path.replace(/^\/dev\//, '');
    const known = call.node.machine.state.disks[name];
    if (!known) throw fail.notFound(`disk ${path} not found`);
    if (known.kind === 'talos') throw fail.invalid(`${path} is the system disk`);
    return name;
  });
}

/** An image reference that could be pulled: with a tag or digest, and a Talos version as its tag where it is an installer. */
function requireImage(reference: string): void {
  if (reference === '') throw fail.invalid('installer image name is required');
  if (!/[:@]/.test(reference.slice(reference.lastIndexOf('/') + 1))) throw fail.invalid(`image reference ${reference} has no tag`);
}

async function* upgradeInPlace(call: ApiCall, image: string): AsyncGenerator<{ progress: { message?: string; exitCode?: number } }> {
  const { node } = call;
  requireImage(image);
  if (!systemDisk(node.machine)) throw fail.precondition('machine is not installed');
  if (node.state?.sequence) throw fail.precondition('another installation/upgrade is already in progress');
  yield { progress: { message: `running Talos installer ${image}` } };
  await node.machine.env.clock.sleep(node.machine.latency.installMs, call.signal);
  if (node.machine.hasFault('install-fails')) {
    yield { progress: { message: 'failed to write the boot loader' } };
    yield { progress: { exitCode: 1 } };
    return;
  }
  upgradeDisk(node, image);
  await node.machine.saved();
  yield { progress: { message: 'installation complete' } };
  yield { progress: { exitCode: 0 } };
}

export const lifecycleRoutes: readonly Route[] = [
  unaryRoute(machineService.Reboot, 'AO', (request, call) => start(call, 'reboot', { powerCycle: request.mode === 'POWERCYCLE' })),
  unaryRoute(machineService.Shutdown, 'AO', (_request, call) => start(call, 'shutdown', { then: 'halt' })),
  unaryRoute(machineService.Reset, 'A', (request, call) => {
    const partitions = request.systemPartitionsToWipe.filter((spec) => spec.wipe || spec.label).map((spec) => spec.label);
    const unknown = partitions.find((label) => !partitionLabels.includes(label));
    if (unknown !== undefined) throw fail.invalid(`unknown partition label ${unknown}`);
    const userDisks = diskNames(call, request.userDisksToWipe);
    return start(call, 'reset', {
      then: request.reboot ? 'reboot' : 'halt', graceful: request.graceful, wipeSystemDisk: request.mode !== 'USER_DISKS',
      ...(partitions.length > 0 ? { partitions } : {}), userDisks: request.mode === 'SYSTEM_DISK' ? [] : userDisks,
    });
  }),
  unaryRoute(machineService.Rollback, 'A', async (_request, call) => {
    const disk = systemDisk(call.node.machine);
    if (!disk?.content.previousVersion) throw fail.precondition('system disk not found');
    updateDisk(call.node.machine, disk.name, { version: disk.content.previousVersion, previousVersion: disk.content.version });
    await start(call, 'reboot', {});
    return { messages: [{}] };
  }),
  unaryRoute(machineService.Upgrade, 'A', async (request, call) => {
    requireImage(request.image);
    if (!systemDisk(call.node.machine)) throw fail.precondition('Talos is not installed');
    const started = await start(call, 'upgrade', { installImage: request.image, powerCycle: request.rebootMode === 'POWERCYCLE' });
    return { messages: started.messages.map((message) => ({ ...message, ack: 'Upgrade request received' })) };
  }),
  streamRoute(lifecycle.Upgrade, 'A', (request, call) => upgradeInPlace(call, request.source?.imageName ?? '')),
  streamRoute(images.Pull, 'AO', async function* (request, call) {
    requireImage(request.imageRef);
    await call.node.machine.env.clock.sleep(call.node.machine.latency.imagePullMs, call.signal);
    yield { name: request.imageRef };
  }),
];
