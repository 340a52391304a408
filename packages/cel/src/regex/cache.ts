import { CelError } from '../values/value.ts';
import type { Regex } from './match.ts';
import { makeRegex } from './match.ts';
import { RegexError } from './parse.ts';

const cache = new Map<string, Regex>();
const cacheLimit = 1_000;

/** The compiled expression, kept for the next call; throws CelError when it cannot be read. */
export function compileRegex(pattern: string): Regex {
  const known = cache.get(pattern);
  if (known) return known;
  try {
    const made = makeRegex(pattern);
    if (cache.size >= cacheLimit) cache.clear();
    cache.set(pattern, made);
    return made;
  } catch (error) {
    if (error instanceof RegexError) throw new CelError(error.message);
    throw error;
  }
}
