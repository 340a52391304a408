// Continue tokens: apiserver pkg/storage/continue.go.
import { badRequest } from './api-status.ts';

interface Token {
  readonly v?: unknown;
  readonly rv?: unknown;
  readonly start?: unknown;
}

const tokenVersion = 'meta.k8s.io/v1';

/** The token with which a list goes on after a key (relative to the collection) at a revision; -1 for the newest. */
export function encodeContinue(revision: number, lastKey: string): string {
  return Buffer.from(JSON.stringify({ v: tokenVersion, rv: revision, start: `${lastKey}\u0000` })).toString('base64url');
}

/** What encodeContinue wrote; 400 for anything else. */
export function decodeContinue(token: string): { revision: number; start: string } {
  let read: Token;
  try {
    read = JSON.parse(Buffer.from(token, 'base64url').toString('utf8')) as Token;
  } catch {
    throw badRequest('continue key is not valid: it could not be decoded');
  }
  if (typeof read !== 'object' || read === null || read.v !== tokenVersion) throw badRequest('continue key is not valid: server does not recognize this encoded version');
  const { rv, start } = read;
  if (typeof rv !== 'number' || !Number.isInteger(rv) || rv === 0) throw badRequest('continue key is not valid: incorrect encoded start resourceVersion (version meta.k8s.io/v1)');
  if (typeof start !== 'string' || start === '') throw badRequest('continue key is not valid: encoded start key empty (version meta.k8s.io/v1)');
  if (start.startsWith('/') || start.split('/').some((part) => part === '..' || part === '.')) throw badRequest(`continue key is not valid: encoded start key ${JSON.stringify(start)} is not a key`);
  return { revision: rv, start: start.replace(/\u0000$/, '') };
}
