/** How long the hardware and the operating system of a lab machine take for each thing; milliseconds throughout. */
export interface LatencyProfile {
  readonly name: LatencyName;
  /** From a Redfish power command to the power state it asked for. */
  readonly powerMs: number;
  /** Firmware self test, up to the choice of a boot device. */
  readonly postMs: number;
  /** From the boot loader on a disk to the first service. */
  readonly diskBootMs: number;
  /** The same from a virtual medium, which is read over the network. */
  readonly mediaBootMs: number;
  /** Virtual media insert and eject, where the BMC does it as a task. */
  readonly mediaTaskMs: number;
  /** Installer: pull, partition, write. */
  readonly installMs: number;
  /** Services after boot: apid, trustd, kubelet. */
  readonly servicesMs: number;
  /** etcd from Preparing to a healthy member. */
  readonly etcdMs: number;
  /** Orderly stop of services and file systems before a reboot or power-off. */
  readonly shutdownMs: number;
  /** Wiping the system disk. */
  readonly wipeMs: number;
  /** Pulling one container image. */
  readonly imagePullMs: number;
}

export type LatencyName = 'zero' | 'quick' | 'realistic';

const seconds = (value: number) => value * 1000;

/**
 * `zero` measures our own code, `quick` lets a person see the states, `realistic` has the times of a server.
 * Published anchors for the last: POST 2 to 10 minutes, provisioning 2 to 6 minutes, wipe with its reboot 3 to 8 minutes.
 */
export const latencyProfiles: Readonly<Record<LatencyName, LatencyProfile>> = {
  zero: {
    name: 'zero', powerMs: 0, postMs: 0, diskBootMs: 0, mediaBootMs: 0, mediaTaskMs: 0, installMs: 0, servicesMs: 0, etcdMs: 0,
    shutdownMs: 0, wipeMs: 0, imagePullMs: 0,
  },
  quick: {
    name: 'quick', powerMs: 300, postMs: 1500, diskBootMs: 1500, mediaBootMs: 2000, mediaTaskMs: 500, installMs: 2500, servicesMs: 1000,
    etcdMs: 1000, shutdownMs: 700, wipeMs: 800, imagePullMs: 500,
  },
  realistic: {
    name: 'realistic', powerMs: seconds(4), postMs: seconds(150), diskBootMs: seconds(30), mediaBootMs: seconds(75),
    mediaTaskMs: seconds(6), installMs: seconds(60), servicesMs: seconds(15), etcdMs: seconds(12), shutdownMs: seconds(20),
    wipeMs: seconds(20), imagePullMs: seconds(12),
  },
};

export function isLatencyName(text: string): text is LatencyName {
  return Object.hasOwn(latencyProfiles, text);
}
