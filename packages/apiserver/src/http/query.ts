import { badRequest } from './api-status.ts';

/** A query boolean as Go's strconv.ParseBool reads it; a parameter without a value is true. */
export function queryFlag(query: URLSearchParams, name: string): boolean {
  const text = query.get(name);
  if (text === null) return false;
  return text === '' || ['1', 't', 'T', 'true', 'TRUE', 'True'].includes(text);
}

/** A whole number from the query; undefined when absent. Throws 400 for anything else. */
export function queryInteger(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  if (!/^-?\d{1,15}$/.test(text)) throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax (${name})`);
  return Number(text);
}

/** A query text; undefined when absent or empty. */
export function queryText(query: URLSearchParams, name: string): string | undefined {
  return query.get(name) || undefined;
}
