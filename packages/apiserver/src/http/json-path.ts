// The JSON paths of printer columns, scale and selectable fields: dots, quoted names, indices, `*` and equality filters.

type PathStep =
  | { readonly type: 'name'; readonly name: string }
  | { readonly type: 'index'; readonly index: number }
  | { readonly type: 'all' }
  | { readonly type: 'filter'; readonly path: readonly PathStep[]; readonly equal: boolean; readonly value: unknown };

const compiled = new Map<string, readonly PathStep[] | undefined>();
/** Paths come from CRDs that users write, so what is kept of them has a limit. */
const compiledLimit = 10_000;

/** What a path such as `.status.conditions[?(@.type=="Ready")].status` finds; empty when there is nothing or the path cannot be read. */
export function readPath(value: unknown, path: string): unknown[] {
  const steps = compile(path);
  return steps ? walk([value], steps) : [];
}

/** True when the path can be read. */
export function isPath(path: string): boolean {
  return compile(path) !== undefined;
}

function compile(path: string): readonly PathStep[] | undefined {
  if (compiled.has(path)) return compiled.get(path);
  if (compiled.size >= compiledLimit) compiled.clear();
  const steps = parseSteps(path.replace(/^\{|\}$/g, '').replace(/^\$/, ''));
  compiled.set(path, steps);
  return steps;
}

const token = /^(?:\.?\[\?\((.+?)\)\]|\.?\[(-?\d+)\]|\.?\[(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")\]|\.?\[\*\]|\.\*|\.?((?:[^.[\]\\]|\\.)+))/;

function parseSteps(text: string): PathStep[] | undefined {
  const steps: PathStep[] = [];
  let rest = text;
  while (rest !== '' && rest !== '.') {
    const match = token.exec(rest);
    if (!match) return undefined;
    const [whole, filter, index, single, double, name] = match;
    rest = rest.slice(whole.length);
    if (filter !== undefined) {
      const step = parseFilter(filter);
      if (!step) return undefined;
      steps.push(step);
    } else if (index !== undefined) steps.push({ type: 'index', index: Number(index) });
    else if (single !== undefined || double !== undefined) steps.push({ type: 'name', name: unescape(single ?? double ?? '') });
    else if (name !== undefined) steps.push({ type: 'name', name: unescape(name) });
    else steps.push({ type: 'all' });
  }
  return steps;
}

function parseFilter(text: string): PathStep | undefined {
  const match = /^\s*@(.*?)\s*(==|!=)\s*(?:'([^']*)'|"([^"]*)"|(true|false)|(-?\d+(?:\.\d+)?))\s*$/.exec(text);
  if (!match) return undefined;
  const path = parseSteps(match[1] ?? '');
  if (!path) return undefined;
  const value = match[3] ?? match[4] ?? (match[5] !== undefined ? match[5] === 'true' : Number(match[6]));
  return { type: 'filter', path, equal: match[2] === '==', value };
}

function unescape(text: string): string {
  return text.replace(/\\(.)/g, '$1');
}

function walk(values: readonly unknown[], steps: readonly PathStep[]): unknown[] {
  let current: unknown[] = [...values];
  for (const step of steps) current = current.flatMap((value) => stepInto(value, step));
  return current.filter((value) => value !== undefined);
}

function stepInto(value: unknown, step: PathStep): unknown[] {
  if (typeof value !== 'object' || value === null) return [];
  switch (step.type) {
    case 'name':
      return !Array.isArray(value) && Object.hasOwn(value, step.name) ? [(value as Record<string, unknown>)[step.name]] : [];
    case 'index':
      return Array.isArray(value) ? [value.at(step.index)] : [];
    case 'all':
      return Object.values(value);
    case 'filter':
      return Array.isArray(value) ? value.filter((item) => walk([item], step.path).some((found) => found === step.value) === step.equal) : [];
  }
}
