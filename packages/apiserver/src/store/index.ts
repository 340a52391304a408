export * from './store.ts';
export * from './memory/memory-store.ts';
export * from './lmdb/lmdb-store.ts';
export * from './encryption/encrypted-store.ts';
export * from './encryption/keys.ts';
export * from './encryption/open-encrypted.ts';
export * from './history.ts';
export * from './lmdb/backup.ts';
export type { CheckReport, Finding } from './lmdb/check.ts';
