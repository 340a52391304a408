import type { KindRef } from '@keelson/kube';
import type { Controller, Write } from './controller.ts';
import { kindKey } from './object-cache.ts';

/** Two controllers write the same part of one kind. */
export class WriterCollisionError extends Error {
  override readonly name = 'WriterCollisionError';
}

/** One writer per field: throws when two controllers declare the same part of a kind in the same scope. */
export function checkWriters(controllers: readonly Controller[]): void {
  const writers = new Map<string, string>();
  for (const controller of controllers) {
    for (const write of controller.writes) {
      const name = writeName(write);
      const other = writers.get(name);
      if (other !== undefined && other !== controller.name) throw new WriterCollisionError(`${controller.name} and ${other} both write ${name}; give each a scope of its own, or leave it to one of them`);
      writers.set(name, controller.name);
    }
  }
}

function writeName(write: Write): string {
  return `${kindKey(write.kind)} ${write.part}${write.scope ? ` (${write.scope})` : ''}`;
}

/** Who reads and who writes which kind, as lines of `controller -> kind part` and `kind -> controller`; the declarations are the documentation. */
export function ownershipGraph(controllers: readonly Controller[]): string[] {
  const lines: string[] = [];
  for (const controller of controllers) {
    for (const kind of kindsRead(controller)) lines.push(`${kindKey(kind)} -> ${controller.name}`);
    for (const write of controller.writes) lines.push(`${controller.name} -> ${writeName(write)}`);
  }
  return lines.sort();
}

/** The kinds whose informers a controller needs, each once. */
export function kindsRead(controller: Controller): KindRef[] {
  const out = new Map<string, KindRef>();
  for (const kind of [controller.kind, ...controller.reads, ...(controller.watches ?? []).map((watch) => watch.kind)]) out.set(kindKey(kind), kind);
  return [...out.values()];
}
