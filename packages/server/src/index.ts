export * from './first-repository.ts';
export * from './keelson.ts';
export * from './progress.ts';
export * from './store.ts';
