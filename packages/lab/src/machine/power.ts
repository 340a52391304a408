/** Power commands of a BMC (Redfish ResetType, DSP0268) on a machine. */
import { beginPost, beginPowerOn, powerGoes } from './firmware.ts';
import type { Machine } from './machine.ts';

/** `already`: the machine is in that state. `wrong-state`: the command makes no sense now. `busy`: a change is under way. */
export type PowerResult = 'done' | 'already' | 'wrong-state' | 'busy';

/** Carries out a ResetType; the effect comes after the profile's delay, the answer at once. */
export function commandPower(machine: Machine, type: string, by: string): PowerResult {
  const { power } = machine.state;
  if (power === 'powering-off' || power === 'powering-on') return type === 'ForceOff' && power === 'powering-on' ? forceOff(machine, type, by) : 'busy';
  const on = power === 'on';
  const verdict = judge(type, on);
  if (verdict !== 'done') return verdict;
  machine.state.lastCommand = { type, by, atMs: machine.env.clock.now() };
  if (machine.hasFault('power-stuck')) {
    machine.record('reset', by, `${type}: accepted, nothing happened`, { type });
    return 'done';
  }
  machine.record('reset', by, type, { type });
  switch (type) {
    case 'On':
    case 'ForceOn':
      beginPowerOn(machine);
      return 'done';
    case 'ForceOff':
      return forceOff(machine, type, by);
    case 'PowerCycle':
      machine.state.power = 'powering-off';
      machine.arm('hw:power-off', machine.latency.powerMs);
      return 'done';
    case 'ForceRestart':
      beginPost(machine);
      return 'done';
    case 'GracefulShutdown':
      machine.os?.powerButton('halt', by); // where nothing listens, nothing happens, as on hardware
      return 'done';
    case 'GracefulRestart':
      machine.os?.powerButton('reboot', by);
      return 'done';
    case 'PushPowerButton':
      if (on) machine.os?.powerButton('halt', by);
      else beginPowerOn(machine);
      return 'done';
    default:
      return 'done'; // Nmi: the kernel ignores it
  }
}

function judge(type: string, on: boolean): PowerResult {
  switch (type) {
    case 'On':
    case 'ForceOn':
      return on ? 'already' : 'done';
    case 'ForceOff':
    case 'GracefulShutdown':
      return on ? 'done' : 'already';
    case 'PushPowerButton':
      return 'done';
    default:
      return on ? 'done' : 'wrong-state';
  }
}

function forceOff(machine: Machine, type: string, by: string): PowerResult {
  machine.state.lastCommand = { type, by, atMs: machine.env.clock.now() };
  machine.disarm('hw:power-on');
  machine.state.power = 'powering-off';
  machine.arm('hw:power-off', machine.latency.powerMs);
  return 'done';
}

/** The operating system has shut down and switches the machine off. */
export function powerOffFromOs(machine: Machine, by: string): void {
  machine.state.lastCommand = { type: 'shutdown', by, atMs: machine.env.clock.now() };
  powerGoes(machine, by);
}
