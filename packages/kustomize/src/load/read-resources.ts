import { type JsonMap, isMap } from '../json.ts';
import type { Origin } from '../problems.ts';
import { type Resource, createResource } from '../resource.ts';
import { parseYaml } from './parse-yaml.ts';

/** The objects of a resource file: several documents, and `…List` kinds taken apart (their items come last, as upstream has it). */
export function readResources(text: string, file: string): Resource[] {
  const found: Resource[] = [];
  const lists: { items: readonly unknown[]; lineOf: (index: number) => number }[] = [];
  for (const document of parseYaml(text, file, 'resource')) {
    const items = listItems(document.value);
    if (items) lists.push({ items, lineOf: (index) => document.lineOf(['items', index]) });
    else found.push(createResource(document.value, { file, line: document.line }));
  }
  for (const { items, lineOf } of lists) items.forEach((item, index) => found.push(createResource(item, { file, line: lineOf(index) } satisfies Origin)));
  return found;
}

function listItems(value: unknown): readonly unknown[] | undefined {
  if (!isMap(value)) return undefined;
  const { kind, items } = value as JsonMap & { kind?: unknown; items?: unknown };
  return typeof kind === 'string' && kind.endsWith('List') && Array.isArray(items) ? items : undefined;
}
