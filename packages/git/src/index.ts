export * from './archive.ts';
export * from './binary/git-binary.ts';
export * from './client.ts';
export * from './problems.ts';
export { parseGitUrl, redactUrl } from './url.ts';
export type { GitUrl } from './url.ts';
