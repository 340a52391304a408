import { formatAge } from '@keelson/std';
import { stateOf, type Snapshot } from '@keelson/trace';
import { keyOf, type KubeObject } from '@keelson/kube';
import type { Style } from './style.ts';
import { fitTo } from './table.ts';

export interface Progress {
  /** Shows what changed (a line each), or redraws a line per object on a terminal. */
  show(snapshot: Snapshot, nowMs: number): void;
  /** Takes the redrawn lines away. */
  clear(): void;
}

const shownKinds = ['GitRepository', 'Kustomization', 'Cluster', 'Machine', 'BareMetalHost'];
const messageWidth = 100;
const linesAtMost = 24;

export interface ProgressOptions {
  readonly write: (text: string) => void;
  readonly isTerminal: boolean;
  readonly style: Style;
  readonly startedMs: number;
  /** Columns of the terminal now; it may be resized. stderr's when absent. */
  readonly columns?: () => number | undefined;
}

/** Progress on a terminal (redrawn) or for a log (a line per change). */
export function createProgress(options: ProgressOptions): Progress {
  return options.isTerminal ? redrawn(options) : lineByLine(options);
}

function rows(snapshot: Snapshot): KubeObject[] {
  return shownKinds.flatMap((kind) => [...snapshot.of(kind)].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1)));
}

function describe(object: KubeObject, snapshot: Snapshot, style: Style): { line: string; change: string } {
  const state = stateOf(object, snapshot.nowMs);
  const name = `${object.kind}/${keyOf(object)}`;
  const message = state.message.length > messageWidth ? `${state.message.slice(0, messageWidth)}…` : state.message;
  return { change: `${name} ${state.state} ${state.phase} ${message}`, line: `${name}  ${style.state(state.state)}  ${state.phase}${message ? `  ${style.dim(message)}` : ''}` };
}

/** One line per change, with the time since the start. */
function lineByLine({ write, style, startedMs }: ProgressOptions): Progress {
  const known = new Map<string, string>();
  return {
    show(snapshot, nowMs) {
      for (const object of rows(snapshot)) {
        const key = `${object.kind}/${keyOf(object)}`;
        const { line, change } = describe(object, snapshot, style);
        if (known.get(key) === change) continue;
        known.set(key, change);
        write(`${`+${((nowMs - startedMs) / 1000).toFixed(1)}s`.padStart(8)}  ${line}\n`);
      }
      const there = new Set(rows(snapshot).map((object) => `${object.kind}/${keyOf(object)}`));
      for (const key of known.keys()) {
        if (there.has(key)) continue;
        known.delete(key);
        write(`${`+${((nowMs - startedMs) / 1000).toFixed(1)}s`.padStart(8)}  ${key}  gone\n`);
      }
    },
    clear() {},
  };
}

/** One line per object that is not ready, redrawn; ready ones are counted. */
function redrawn({ write, style, startedMs, columns = () => process.stderr.columns }: ProgressOptions): Progress {
  let drawn = 0;
  let last = '';
  const clear = () => {
    if (drawn > 0) write(`\u001b[${drawn}A\u001b[J`);
    drawn = 0;
    last = '';
  };
  return {
    show(snapshot, nowMs) {
      const all = rows(snapshot).filter((object) => stateOf(object, nowMs).state !== 'off');
      const open = all.filter((object) => stateOf(object, nowMs).state !== 'ready');
      const rest = open.length > linesAtMost ? [`         and ${open.length - linesAtMost} more`] : [];
      // A line that wraps would not be taken away again.
      const lines = [`${formatAge(nowMs - startedMs).padStart(7)}  ${all.length - open.length} of ${all.length} ready`, ...open.slice(0, linesAtMost).map((object) => `         ${describe(object, snapshot, style).line}`), ...rest].map((line) => fitTo(line, columns()));
      const text = lines.join('\n');
      if (text === last) return;
      clear();
      write(`${text}\n`);
      drawn = lines.length;
      last = text;
    },
    clear,
  };
}
