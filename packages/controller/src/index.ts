export * from './cache.ts';
export * from './controller.ts';
export * from './events.ts';
export * from './plan.ts';
export * from './run.ts';
export * from './status.ts';
