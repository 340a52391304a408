export * from './codec.ts';
export * from './method.ts';
export * from './methods.gen.ts';
export * from './time.ts';
export type * from './types.gen.ts';
