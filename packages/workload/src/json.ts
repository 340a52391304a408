import { sameJson } from '@keelson/controller';

/** JSON with sorted field names, without undefined fields: equal values have equal text. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const fields = Object.entries(value)
    .filter(([, part]) => part !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([name, part]) => `${JSON.stringify(name)}:${canonicalJson(part)}`).join(',')}}`;
}

const hashAlphabet = 'bcdfghjklmnpqrstvwxz2456789';

/** A short hash of a value for names and labels: FNV-1a in 32 bits, written in the alphabet of generated names. */
export function shortHash(value: unknown, salt = 0): string {
  let hash = 0x811c9dc5;
  const text = salt === 0 ? canonicalJson(value) : `${canonicalJson(value)}#${salt}`;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return [...String(hash)].map((digit) => hashAlphabet[digit.charCodeAt(0) % hashAlphabet.length]).join('');
}

/** The fields of a patch that makes `before` into `after`: absent fields become null, as a JSON merge patch wants it. */
export function mergeDifference(before: Readonly<Record<string, unknown>>, after: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const patch: Record<string, unknown> = {};
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    if (sameJson(before[name], after[name])) continue;
    patch[name] = after[name] === undefined ? null : after[name];
  }
  return patch;
}
