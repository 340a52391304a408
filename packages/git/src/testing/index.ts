export * from './memory-git.ts';
