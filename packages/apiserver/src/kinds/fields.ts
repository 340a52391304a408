/** Reading and filling in loosely typed objects: what is not of the expected shape counts as absent, the schema complains about it. */
export type Fields = Record<string, unknown>;

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The object under a name; undefined when there is none. */
export function fieldsAt(of: Fields | undefined, ...path: readonly string[]): Fields | undefined {
  let current: Fields | undefined = of;
  for (const name of path) {
    const next: unknown = current?.[name];
    if (!isFields(next)) return undefined;
    current = next;
  }
  return current;
}

/** The objects of a list under a name; empty when there is none. */
export function listAt(of: Fields | undefined, name: string): Fields[] {
  const value = of?.[name];
  return Array.isArray(value) ? value.filter(isFields) : [];
}

export function textAt(of: Fields | undefined, name: string): string | undefined {
  const value = of?.[name];
  return typeof value === 'string' ? value : undefined;
}

export function numberAt(of: Fields | undefined, name: string): number | undefined {
  const value = of?.[name];
  return typeof value === 'number' ? value : undefined;
}

/** Texts of a list under a name. */
export function textsAt(of: Fields | undefined, name: string): string[] {
  const value = of?.[name];
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

/** A map of texts under a name. */
export function textMapAt(of: Fields | undefined, name: string): Record<string, string> {
  const value = of?.[name];
  return isFields(value) ? Object.fromEntries(Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string')) : {};
}

/** Sets what is absent. */
export function preset(of: Fields | undefined, values: Fields): void {
  if (!of) return;
  for (const [name, value] of Object.entries(values)) if (of[name] === undefined || of[name] === null) of[name] = value;
}

/** Sets texts that are absent or empty: in Go those are the same. */
export function presetText(of: Fields | undefined, values: Readonly<Record<string, string>>): void {
  if (!of) return;
  for (const [name, value] of Object.entries(values)) if (of[name] === undefined || of[name] === null || of[name] === '') of[name] = value;
}

/** The object under a name, made when it is not there. */
export function ensureFields(of: Fields, name: string): Fields {
  const known = of[name];
  if (isFields(known)) return known;
  const made: Fields = {};
  of[name] = made;
  return made;
}

/** True when two JSON values are the same. */
export function isSame(a: unknown, b: unknown): boolean {
  return canonical(a) === canonical(b);
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) =>
    isFields(item) ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1))) : item,
  ) ?? '';
}
