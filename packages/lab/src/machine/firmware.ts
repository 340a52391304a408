/** Firmware: self test, choice of a boot device, start of a kernel. */
import { describeError, readBody, uuid } from '@keelson/std';
import { decodeImage, headerLimit } from '../image-server/image.ts';
import { bootAttempts, diskImage, spentOverride, type BootAttempt } from './boot.ts';
import type { Machine } from './machine.ts';
import type { BootImage } from './state.ts';

const mediumTimeoutMs = 15_000;

/** Connects a machine's hardware timers to power and firmware. */
export function attachFirmware(machine: Machine): void {
  machine.onHardwareTimer = (name) => {
    switch (name) {
      case 'hw:power-on':
        return powerArrives(machine);
      case 'hw:power-off':
        return powerGoes(machine, commandBy(machine));
      case 'hw:cycle':
        return beginPowerOn(machine);
      case 'hw:post':
        return void chooseDevice(machine).catch((error: unknown) => {
          machine.env.log.error('lab firmware failed', { machine: machine.name, error: describeError(error) });
        });
      case 'hw:load':
        return startKernel(machine);
      default:
        throw new Error(`machine ${machine.name} has no hardware timer ${name}`);
    }
  };
}

export function commandBy(machine: Machine): string {
  return machine.state.lastCommand?.by ?? 'lab';
}

export function beginPowerOn(machine: Machine): void {
  machine.state.power = 'powering-on';
  machine.arm('hw:power-on', machine.latency.powerMs);
}

function powerArrives(machine: Machine): void {
  machine.state.power = 'on';
  machine.record('power-on', commandBy(machine), machine.state.lastCommand?.type ?? 'On');
  beginPost(machine);
}

/** Cuts power now: what runs is lost, media and override stay. */
export function powerGoes(machine: Machine, by: string): void {
  interrupt(machine);
  machine.state.power = 'off';
  machine.setActivity({ kind: 'off' });
  machine.record('power-off', by, machine.state.lastCommand?.type ?? 'ForceOff');
  if (machine.state.lastCommand?.type === 'PowerCycle') machine.arm('hw:cycle', machine.latency.powerMs);
}

/** Starts the self test, as after power-on and reset. */
export function beginPost(machine: Machine): void {
  interrupt(machine);
  machine.setActivity({ kind: 'post' });
  machine.arm('hw:post', machine.latency.postMs);
}

function interrupt(machine: Machine): void {
  machine.epoch += 1;
  const ran = machine.state.activity.kind === 'os';
  machine.disarmAll('os:');
  machine.disarm('hw:post', 'hw:load', 'hw:power-on', 'hw:power-off', 'hw:cycle');
  machine.state.node = undefined;
  if (ran) machine.os?.cut();
}

async function chooseDevice(machine: Machine): Promise<void> {
  const { epoch } = machine;
  const override = machine.state.boot;
  const attempts = bootAttempts(override, machine.spec.bootOrder, machine.hasFault('boot-override-ignored'));
  machine.state.boot = spentOverride(override);
  machine.changed();
  for (const attempt of attempts) {
    if (attempt.device === 'setup') {
      machine.record('boot-from', 'firmware', `${override.target} (${attempt.why})`);
      machine.setActivity({ kind: 'hung', where: 'firmware setup' });
      return;
    }
    const found = await imageOf(machine, attempt);
    if (machine.epoch !== epoch) return; // power was cut or the machine was reset meanwhile
    if (typeof found !== 'string') return loadImage(machine, found, attempt.why);
    machine.record('boot-failed', 'firmware', `${attempt.device} (${attempt.why}): ${found}`);
  }
  machine.setActivity({ kind: 'no-bootable-device' });
}

/** What a device would start, or why it starts nothing. */
async function imageOf(machine: Machine, attempt: BootAttempt): Promise<BootImage | string> {
  switch (attempt.device) {
    case 'disk': {
      if (machine.hasFault('disk-unreadable')) return 'the disk does not answer';
      return diskImage(machine.state.disks) ?? 'no disk carries a system';
    }
    case 'cd':
      return cdImage(machine);
    case 'network':
      return 'no answer to DHCP';
    case 'setup':
      return 'not a device';
  }
}

async function cdImage(machine: Machine): Promise<BootImage | string> {
  const media = Object.values(machine.state.media);
  if (media.length === 0) return 'no medium is inserted';
  let why = '';
  for (const medium of media) {
    const read = await readMedium(machine, medium.image);
    if (typeof read !== 'string') return read;
    why = `${medium.image}: ${read}`;
  }
  return why;
}

async function readMedium(machine: Machine, url: string): Promise<BootImage | string> {
  try {
    const response = await machine.env.net.request(
      { method: 'GET', url, headers: { range: `bytes=0-${headerLimit - 1}` } },
      { timeoutMs: mediumTimeoutMs, tls: { insecureSkipVerify: true } }, // a BMC rarely has the image server's authority
    );
    const body = await readBody(response.body);
    if (response.status !== 200 && response.status !== 206) return `the image server answered ${response.status}`;
    return decodeImage(body, url) ?? 'not a bootable image';
  } catch (error) {
    return describeError(error);
  }
}

/** Hands over to a boot loader. Also the end of a kexec, which skips POST. */
export function loadImage(machine: Machine, image: BootImage, why: string): void {
  machine.record('boot-from', 'firmware', `${image.from} ${image.source} (${why})`, { device: image.from, source: image.source, version: image.version });
  if (machine.hasFault('boot-hangs')) {
    machine.setActivity({ kind: 'hung', where: 'boot loader' });
    return;
  }
  machine.setActivity({ kind: 'loading', image });
  machine.arm('hw:load', image.from === 'cd' ? machine.latency.mediaBootMs : machine.latency.diskBootMs);
}

function startKernel(machine: Machine): void {
  const { activity } = machine.state;
  if (activity.kind !== 'loading') return;
  machine.state.bootId = uuid(machine.env.random);
  machine.state.bootedAtMs = machine.env.clock.now();
  machine.setActivity({ kind: 'os' });
  machine.os?.start(activity.image);
}

/** The operating system restarts the machine by itself: straight into the kernel on disk, or through POST. */
export function rebootFromOs(machine: Machine, how: 'kexec' | 'reset', by: string): void {
  const image = how === 'kexec' && machine.spec.kexec ? diskImage(machine.state.disks) : undefined;
  machine.record('kernel-reboot', by, image ? 'kexec' : 'reset');
  if (!image) return beginPost(machine);
  interrupt(machine);
  loadImage(machine, image, 'kexec');
}
