/**
 * Connections to BMCs, kept between reconciles: a BMC has few sessions and a login is slow. One per host; it is closed
 * when its credentials or address change, when it was idle for long, when it failed, and when we stop.
 */
import type { Env, Timer } from '@keelson/std';
import type { Bmc, BmcDriver, BmcTarget } from '@keelson/bmc';

interface Kept {
  readonly version: string;
  readonly bmc: Promise<Bmc>;
  idle: Timer | undefined;
}

export interface BmcConnections {
  /** The host's connection, opened when there is none for this `version` of address and credentials. */
  use<T>(env: Env, hostUid: string, version: string, target: BmcTarget, work: (bmc: Bmc) => Promise<T>): Promise<T>;
  /** Closes a host's connection, if there is one. */
  drop(hostUid: string): Promise<void>;
  /** Closes every connection; those opened by work that still runs are closed behind it. */
  closeAll(): Promise<void>;
  readonly size: number;
}

const idleMs = 5 * 60_000;
const connectionLimit = 4096;

export function bmcConnections(driver: BmcDriver): BmcConnections {
  const kept = new Map<string, Kept>();
  let closed = false;

  const drop = async (hostUid: string, only?: Kept): Promise<void> => {
    const entry = kept.get(hostUid);
    if (!entry || (only && entry !== only)) return;
    kept.delete(hostUid);
    entry.idle?.cancel();
    await entry.bmc.then((bmc) => bmc.close(), () => {});
  };

  return {
    get size() {
      return kept.size;
    },
    drop,
    async closeAll() {
      closed = true;
      await Promise.all([...kept.keys()].map((uid) => drop(uid)));
    },
    async use(env, hostUid, version, target, work) {
      let entry = kept.get(hostUid);
      if (entry && entry.version !== version) {
        await drop(hostUid, entry);
        entry = kept.get(hostUid);
      }
      if (!entry) {
        const oldest = kept.size >= connectionLimit ? kept.keys().next().value : undefined;
        if (oldest !== undefined) await drop(oldest);
        entry = { version, bmc: driver.connect(env, target), idle: undefined };
        kept.set(hostUid, entry);
      }
      const mine = entry;
      mine.idle?.cancel();
      mine.idle = undefined;
      try {
        return await work(await mine.bmc);
      } catch (error) {
        await drop(hostUid, mine);
        throw error;
      } finally {
        if (closed) await drop(hostUid, mine);
        else if (kept.get(hostUid) === mine) mine.idle = env.clock.after(idleMs, () => void drop(hostUid, mine));
      }
    },
  };
}
