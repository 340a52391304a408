/** Faults that can be set on a lab machine while it runs. Each has a name, a sentence, and one place in the lab that reads it. */
export const faults = {
  'bmc-401': 'The BMC refuses every account and drops its sessions.',
  'bmc-unreachable': 'Nothing listens at the BMC address.',
  'bmc-slow': 'Each answer of the BMC takes 20 seconds.',
  'bmc-busy': 'The BMC answers 503 to everything but the service root, as it does while it restarts.',
  'bmc-session-limit': 'The BMC has no free session; basic authentication still works.',
  'power-stuck': 'The BMC accepts power commands and the power state stays as it was.',
  'media-insert-fails': 'The BMC cannot attach any image.',
  'boot-override-ignored': 'The firmware boots by its own order, whatever the one-shot override says.',
  'boot-hangs': 'The machine stops in the boot loader and never reaches an operating system.',
  'disk-unreadable': 'The system disk does not boot, though its content is still there.',
  'install-fails': 'The installer exits with an error before it has written the disk.',
  'reset-fails': 'A Talos reset is accepted and then fails before it wipes anything.',
  'time-not-synced': 'The node has no time source.',
  'etcd-unhealthy': 'etcd on this node does not answer.',
  'talos-unreachable': 'The Talos API port refuses connections; the node itself goes on.',
  'node-lost': 'The machine is powered and off the network: neither Talos nor kubelet answer.',
} as const satisfies Record<string, string>;

export type FaultName = keyof typeof faults;

export const faultNames: readonly FaultName[] = Object.keys(faults) as FaultName[]; // keys of a const table are its names

export function isFaultName(text: string): text is FaultName {
  return Object.hasOwn(faults, text);
}

/** How long `bmc-slow` holds back an answer. */
export const slowBmcMs = 20_000;
