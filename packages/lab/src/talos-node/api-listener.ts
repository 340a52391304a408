/** The Talos API port of one node: opened, closed and reopened in order, whatever happens in between. */
import { describeError, type GrpcCall, type GrpcServerOptions, type Listener, type TlsServerOptions } from '@keelson/std';
import { talosPort } from '../addresses.ts';
import type { Machine } from '../machine/machine.ts';

const rebindTries = 40;
const rebindMs = 50;
/** An answer needs a moment to reach its client before the port may close. */
const flushMs = 20;
const graceTries = 100;

export class ApiListener {
  readonly #machine: Machine;
  readonly #server: GrpcServerOptions;
  #wanted: TlsServerOptions | undefined;
  #open: { readonly listener: Listener; readonly tls: TlsServerOptions } | undefined;
  #turn: Promise<void> = Promise.resolve();
  #answering = 0;
  #answeredMs = Number.NEGATIVE_INFINITY;
  #hurry = false;

  constructor(machine: Machine, server: GrpcServerOptions) {
    this.#machine = machine;
    const isStream = new Map(server.methods.map((method) => [method.path, method.responseStream]));
    const counted = (call: GrpcCall) => (isStream.get(call.path) ? server.handler(call) : this.#counted(server.handler(call)));
    this.#server = { methods: server.methods, handler: counted };
  }

  get isOpen(): boolean {
    return this.#open !== undefined;
  }

  /** A unary call is being answered, or its answer is on its way. */
  get isAnswering(): boolean {
    return this.#answering > 0 || this.#machine.env.clock.now() - this.#answeredMs < flushMs;
  }

  /** Listens with this identity; undefined closes. Answers under way are finished first. Resolves when it is so, or something newer was asked for. */
  serve(tls: TlsServerOptions | undefined): Promise<void> {
    this.#wanted = tls;
    this.#turn = this.#turn.then(() => this.#follow()).catch((error: unknown) => {
      this.#machine.env.log.error('lab node cannot listen', { machine: this.#machine.name, error: describeError(error) });
    });
    return this.#turn;
  }

  /** Resolves when the port is as it was last asked for. */
  settled(): Promise<void> {
    return this.#turn;
  }

  /** Closes at once, as a power cut does. */
  cut(): Promise<void> {
    this.#hurry = true;
    return this.serve(undefined);
  }

  async *#counted(answers: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    this.#answering += 1;
    try {
      yield* answers;
    } finally {
      this.#answering -= 1;
      this.#answeredMs = this.#machine.env.clock.now();
    }
  }

  async #follow(): Promise<void> {
    if (this.#open?.tls === this.#wanted) return;
    for (let i = 0; this.#open && this.isAnswering && !this.#hurry && i < graceTries; i++) await this.#machine.env.clock.sleep(flushMs);
    const old = this.#open;
    this.#open = undefined;
    await old?.listener.close();
    this.#hurry = false;
    const tls = this.#wanted;
    if (!tls) return;
    this.#open = { listener: await this.#listen(tls), tls };
  }

  /** A port that was just closed may still be bound for a moment. */
  async #listen(tls: TlsServerOptions): Promise<Listener> {
    const { env, nodeAddress } = this.#machine;
    for (let tries = 1; ; tries++) {
      try {
        return await env.net.listenGrpc({ host: nodeAddress, port: talosPort }, { ...this.#server, tls });
      } catch (error) {
        if (tries >= rebindTries) throw error;
        await env.clock.sleep(rebindMs);
      }
    }
  }
}

/** How long to wait before asking again whether an answer is out. */
export const answerPauseMs = flushMs;
