import type { Node } from 'yaml';
import { isMap, isScalar, isSeq } from 'yaml';

/**
 * The line of a field path in a document, or of the nearest field above it that is there. Paths are as validation writes them:
 * `spec.containers[0].image`, `metadata.labels[a.b/c]`, `spec.list[name="x"]`; keys with dots are found too.
 */
export function lineOfPath(contents: Node, path: string, lineAt: (offset: number) => number): number | undefined {
  let found: number | undefined;
  let node: unknown = contents;
  let rest = path.replace(/^\./, '');
  while (rest !== '') {
    const step = stepInto(node, rest);
    if (!step) break;
    if (step.offset !== undefined) found = lineAt(step.offset);
    node = step.node;
    rest = step.rest;
  }
  return found ?? (contents.range ? lineAt(contents.range[0]) : undefined);
}

interface Step {
  readonly node: unknown;
  readonly offset: number | undefined;
  readonly rest: string;
}

function stepInto(node: unknown, rest: string): Step | undefined {
  const bracket = /^\[([^\]]*)\]\.?/.exec(rest);
  if (bracket) {
    const inner = bracket[1] ?? '';
    const after = rest.slice(bracket[0].length);
    if (isSeq(node)) return itemStep(node.items, inner, after);
    return isMap(node) ? keyStep(node.items, inner, '', after) : undefined;
  }
  return isMap(node) ? keyStep(node.items, rest, undefined, '') : undefined;
}

interface Entry {
  readonly key: unknown;
  readonly value: unknown;
}

/** The entry whose key is the longest beginning of the path; `exact` when the whole text is one key. */
function keyStep(items: readonly Entry[], text: string, exact: '' | undefined, after: string): Step | undefined {
  let best: { entry: Entry; name: string } | undefined;
  for (const entry of items) {
    const name = isScalar(entry.key) ? String(entry.key.value ?? '') : '';
    const next = text.charAt(name.length);
    if (!text.startsWith(name) || name === '' || (next !== '' && (exact === '' || (next !== '.' && next !== '[')))) continue;
    if (!best || name.length > best.name.length) best = { entry, name };
  }
  if (!best) return undefined;
  const rest = exact === '' ? after : text.slice(best.name.length).replace(/^\./, '');
  return { node: best.entry.value, offset: offsetOf(best.entry.key), rest };
}

function itemStep(items: readonly unknown[], inner: string, rest: string): Step | undefined {
  const index = /^\d+$/.test(inner) ? Number(inner) : items.findIndex((item) => hasKeys(item, inner));
  const node = items[index];
  return node === undefined ? undefined : { node, offset: offsetOf(node), rest };
}

/** True for a map item with the fields that a path names: `name="x",port=80`. */
function hasKeys(item: unknown, inner: string): boolean {
  if (!isMap(item)) return false;
  const wanted = [...inner.matchAll(/([^=,]+)=("(?:[^"\\]|\\.)*"|[^,]*)/g)];
  return (
    wanted.length > 0 &&
    wanted.every(([, name, value]) => {
      const have = item.get(name);
      return String(have) === (value?.startsWith('"') ? value.slice(1, -1) : value);
    })
  );
}

function offsetOf(node: unknown): number | undefined {
  const range = (node as { range?: readonly [number, number, number] | null } | null)?.range;
  return range?.[0];
}
