import type { Env } from '../env.ts';
import type { GrpcChannel } from '../grpc.ts';
import type { Listener, Net } from '../net.ts';

/** One effect on the world that a process is about to have, or has just had. */
export interface Effect {
  readonly when: 'before' | 'after';
  readonly kind: 'request' | 'grpc' | 'append' | 'write' | 'remove' | 'rename' | 'store';
  readonly what: string;
}

/** A process that can be killed at an effect boundary: after `kill` nothing it started goes on, as after kill -9. */
export interface VirtualProcess {
  readonly env: Env;
  readonly killed: boolean;
  kill(): void;
  /** Wraps an effect that is not reached through Env, such as a commit to the store. */
  effect<T>(kind: Effect['kind'], what: string, run: () => Promise<T>): Promise<T>;
}

const never = <T>(): Promise<T> => new Promise<T>(() => {});

/**
 * An Env for one process of a virtual world. Its timers, listeners and pending answers die with it.
 * `onEffect` sees each boundary and may call `kill`; the effect then does not happen (before) or its answer is lost (after).
 */
export function virtualProcess(world: Env, onEffect: (effect: Effect, process: VirtualProcess) => void = () => {}): VirtualProcess {
  let killed = false;
  const listeners = new Set<Listener>();
  // The other side sees a dead process as a closed connection: its requests abort, its streams are returned.
  const connections = new AbortController();
  const streams = new Set<AsyncIterator<unknown>>();
  const self: VirtualProcess = {
    get killed() {
      return killed;
    },
    kill() {
      killed = true;
      for (const listener of listeners) void listener.close();
      listeners.clear();
      connections.abort(new Error('the process was killed'));
      for (const stream of streams) void stream.return?.(undefined)?.catch(() => {});
      streams.clear();
    },
    async effect(kind, what, run) {
      if (killed) return never();
      onEffect({ when: 'before', kind, what }, self);
      if (killed) return never();
      const settled = await run().then((value) => ({ value }), (error: unknown) => ({ error }));
      if (killed) return never();
      onEffect({ when: 'after', kind, what }, self);
      if (killed) return never();
      if ('error' in settled) throw settled.error;
      return settled.value;
    },
    env: undefined as never as Env, // set below, it needs `self`
  };
  const after: Env['clock']['after'] = (delayMs, run) => world.clock.after(delayMs, () => {
    if (!killed) run();
  });
  const own = (listener: Listener): Listener => {
    listeners.add(listener);
    return listener;
  };
  const net: Net = {
    request: (request, options) => self.effect('request', `${request.method} ${request.url}`, () =>
      world.net.request({ ...request, signal: request.signal ? AbortSignal.any([request.signal, connections.signal]) : connections.signal }, options)),
    grpc: (address, tls) => channelOf(self, world.net.grpc(address, tls), `${address.host}:${address.port}`, streams),
    listenHttp: async (address, options) => (killed ? never() : own(await world.net.listenHttp(address, options))),
    listenGrpc: async (address, options) => (killed ? never() : own(await world.net.listenGrpc(address, options))),
  };
  const env: Env = {
    clock: { now: () => world.clock.now(), after, sleep: (ms, signal) => sleepUnlessKilled(world, () => killed, ms, signal) },
    random: world.random,
    log: world.log,
    net,
    files: {
      read: (path) => (killed ? never() : world.files.read(path)),
      list: (path) => (killed ? never() : world.files.list(path)),
      write: (path, content, options) => self.effect('write', path, () => world.files.write(path, content, options)),
      append: (path, content, options) => self.effect('append', path, () => world.files.append(path, content, options)),
      remove: (path) => self.effect('remove', path, () => world.files.remove(path)),
      rename: (from, to) => self.effect('rename', `${from} ${to}`, () => world.files.rename(from, to)),
    },
  };
  return Object.defineProperty(self, 'env', { value: env });
}

async function sleepUnlessKilled(world: Env, killed: () => boolean, ms: number, signal?: AbortSignal): Promise<void> {
  await world.clock.sleep(ms, signal);
  if (killed()) await never();
}

function channelOf(process: VirtualProcess, channel: GrpcChannel, name: string, streams: Set<AsyncIterator<unknown>>): GrpcChannel {
  return {
    async *call(method, messages, options) {
      const iterator = await process.effect('grpc', `${name}${method.path}`, async () => {
        const answers = channel.call(method, messages, options)[Symbol.asyncIterator]();
        streams.add(answers);
        return { answers, first: await answers.next() };
      });
      try {
        for (let next = iterator.first; !next.done; next = await iterator.answers.next()) {
          if (process.killed) await never();
          yield next.value;
        }
        if (process.killed) await never();
      } finally {
        streams.delete(iterator.answers);
        void iterator.answers.return?.(undefined)?.catch(() => {});
      }
    },
    close: () => channel.close(),
  };
}
