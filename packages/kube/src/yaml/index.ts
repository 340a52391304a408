export * from './parse.ts';
export * from './stringify.ts';
export * from './yaml-error.ts';
