export * from './kind-table.ts';
export * from './load.ts';
export * from './linked-schema.ts';
