export * from './codec.ts';
export * from './method.ts';
export * from './methods.ts';
export * from './time.ts';
export type * from './types.ts';
