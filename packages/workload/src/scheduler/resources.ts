/** What pods ask for and nodes have, as plain numbers by resource name. */
import type { Container, Node, PodSpec } from '@keelson/api';
import { parseQuantity } from '../quantity.ts';

export type Amounts = Readonly<Record<string, number>>;

/**
 * The requests of a pod: its containers and sidecars together, or its largest init container where that is more,
 * and overhead on top.
 */
export function podRequests(spec: PodSpec): Amounts {
  const init = spec.initContainers ?? [];
  let running = sum(spec.containers.map(requestsOf));
  let starting: Amounts = {};
  let sidecars: Amounts = {};
  for (const container of init) {
    const own = requestsOf(container);
    if (container.restartPolicy === 'Always') sidecars = sum([sidecars, own]);
    starting = larger(starting, container.restartPolicy === 'Always' ? sidecars : sum([sidecars, own]));
  }
  running = sum([running, sidecars]);
  return sum([larger(running, starting), amounts(spec.overhead)]);
}

export function allocatable(node: Node): Amounts {
  return amounts(node.status?.allocatable ?? node.status?.capacity);
}

export function sum(all: readonly Amounts[]): Amounts {
  return combine(all, (a, b) => a + b);
}

function larger(a: Amounts, b: Amounts): Amounts {
  return combine([a, b], Math.max);
}

function combine(all: readonly Amounts[], of: (a: number, b: number) => number): Amounts {
  const out: Record<string, number> = {};
  for (const one of all) for (const [name, value] of Object.entries(one)) out[name] = of(out[name] ?? 0, value);
  return out;
}

function requestsOf(container: Container): Amounts {
  // A limit without a request is the request.
  return { ...amounts(container.resources?.limits), ...amounts(container.resources?.requests) };
}

function amounts(list: Readonly<Record<string, number | string>> | undefined): Amounts {
  return Object.fromEntries(Object.entries(list ?? {}).map(([name, value]) => [name, parseQuantity(value) ?? 0]));
}
