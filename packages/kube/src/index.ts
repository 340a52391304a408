export * from './object.ts';
export * from './selector.ts';
export * from './condition.ts';
export * from './owner.ts';
export * from './name.ts';
