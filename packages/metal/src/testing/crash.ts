/** Crashes by number: the n-th effect outside (a write to the API, a change on the BMC, a wipe) is the last thing a process does, or what it does not do any more. */
import type { Bmc, BmcDriver } from '@keelson/bmc';
import type { KubeClient } from '@keelson/kube/client';
import type { NodeWiper } from '../node-wiper.ts';

export interface Crash {
  /** Effects seen so far. */
  readonly effects: number;
  /** The process is dead: no effect of it reaches the world any more. */
  readonly dead: boolean;
  /** What the process was doing. */
  readonly at: string;
  /** A new process, which does not crash. */
  revive(): void;
  client(client: KubeClient): KubeClient;
  driver(driver: BmcDriver): BmcDriver;
  nodes(nodes: NodeWiper): NodeWiper;
}

/** Crashes before (`when` before) or just after effect number `index`. Never with index -1. */
export function crashAt(index: number, when: 'before' | 'after'): Crash {
  let effects = 0;
  let life = 0;
  let dead = false;
  let at = '';
  const effect = async <T>(mine: number, name: string, work: () => Promise<T>): Promise<T> => {
    if (dead || mine !== life) throw new Error('the process is dead');
    const number = effects++;
    const hit = number === index;
    if (hit) at = `${when} ${name}`;
    if (hit && when === 'before') {
      dead = true;
      throw new Error('crash');
    }
    const result = await work();
    if (hit) {
      dead = true;
      throw new Error('crash');
    }
    return result;
  };
  return {
    get effects() {
      return effects;
    },
    get dead() {
      return dead;
    },
    get at() {
      return at;
    },
    revive() {
      dead = false;
      life++;
    },
    client(client) {
      const mine = life;
      return {
        ...client,
        create: (kind, object, options) => (kind.kind === 'Event' ? client.create(kind, object, options) : effect(mine, `create ${kind.kind}`, () => client.create(kind, object, options))),
        patch: (kind, key, type, patch, options) => (kind.kind === 'Event' ? client.patch(kind, key, type, patch, options) : effect(mine, `patch ${kind.kind}`, () => client.patch(kind, key, type, patch, options))),
        apply: (kind, object, options) => effect(mine, `apply ${kind.kind} ${options.subresource ?? ''}`, () => client.apply(kind, object, options)),
        delete: (kind, key, options) => effect(mine, `delete ${kind.kind}`, () => client.delete(kind, key, options)),
      };
    },
    driver(driver) {
      const mine = life;
      const wrap = (bmc: Bmc): Bmc => ({
        ...bmc,
        changePower: (change) => effect(mine, change, () => bmc.changePower(change)),
        setBootOnce: (device, mode) => effect(mine, `boot ${device}`, () => bmc.setBootOnce(device, mode)),
        clearBoot: () => effect(mine, 'clear boot', () => bmc.clearBoot()),
        insertMedia: (url) => effect(mine, 'insert', () => bmc.insertMedia(url)),
        ejectMedia: () => effect(mine, 'eject', () => bmc.ejectMedia()),
      });
      return { name: driver.name, connect: async (env, target, signal) => wrap(await driver.connect(env, target, signal)) };
    },
    nodes(nodes) {
      const mine = life;
      return { observe: nodes.observe, wipe: (env, request) => effect(mine, 'wipe', () => nodes.wipe(env, request)) };
    },
  };
}
