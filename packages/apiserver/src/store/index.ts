export * from './store.ts';
export * from './memory/memory-store.ts';
export * from './lmdb/lmdb-store.ts';
