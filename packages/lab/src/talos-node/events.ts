/** The event log of a node: what the machine API's Events streams, and the console. */
import { asyncQueue, rfc3339Micro, type AsyncQueue } from '@keelson/std';
import type { Machine } from '../machine/machine.ts';
import { consoleLimit, eventLimit, type NodeEvent } from './state.ts';

const subscriberLimit = 4096;

export class EventLog {
  readonly #machine: Machine;
  readonly #subscribers = new Set<AsyncQueue<NodeEvent>>();
  readonly #consoleSubscribers = new Set<AsyncQueue<string>>();

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  emit(type: NodeEvent['type'], data: NodeEvent['data'], actorId = ''): void {
    const { node } = this.#machine.state;
    if (!node) return;
    const atMs = this.#machine.env.clock.now();
    const event: NodeEvent = { id: eventId(atMs, node.nextEventNumber), actorId, atMs, type, data };
    node.nextEventNumber += 1;
    node.events = [...node.events, event].slice(-eventLimit);
    for (const queue of [...this.#subscribers]) queue.push(event);
  }

  /** A line of the kernel and machined log. */
  say(text: string): void {
    const { node } = this.#machine.state;
    if (!node) return;
    const line = { atMs: this.#machine.env.clock.now(), text };
    node.console = [...node.console, line].slice(-consoleLimit);
    for (const queue of [...this.#consoleSubscribers]) queue.push(consoleText(line.atMs, this.#machine.state.bootedAtMs, text));
  }

  /** Live events from now on, until the reader stops. */
  follow(): AsyncQueue<NodeEvent> {
    return this.#follow(this.#subscribers);
  }

  followConsole(): AsyncQueue<string> {
    return this.#follow(this.#consoleSubscribers);
  }

  /** Ends every stream, as the end of the system does. */
  end(): void {
    for (const queue of [...this.#subscribers, ...this.#consoleSubscribers]) queue.end();
    this.#subscribers.clear();
    this.#consoleSubscribers.clear();
  }

  #follow<T>(into: Set<AsyncQueue<T>>): AsyncQueue<T> {
    const queue = asyncQueue<T>(subscriberLimit, () => into.delete(queue));
    into.add(queue);
    return queue;
  }
}

/** Sortable by time and number, 20 characters of base 32 as an xid has. */
function eventId(atMs: number, number: number): string {
  return Math.floor(atMs / 1000).toString(32).padStart(8, '0') + number.toString(32).padStart(12, '0');
}

/** A line as the kernel's log shows it: level, time, seconds since boot, text. */
export function consoleText(atMs: number, bootedAtMs: number, text: string): string {
  const seconds = Math.max(0, atMs - bootedAtMs) / 1000;
  return `user: warning: [${rfc3339Micro(atMs)}]: [    ${seconds.toFixed(6)}] ${text}\n`;
}
