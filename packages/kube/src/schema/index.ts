export * from './schema.ts';
export * from './field-error.ts';
export * from './validate.ts';
export * from './default.ts';
export * from './prune.ts';
export * from './rules.ts';
export * from './object-meta.ts';
export { formatCheck } from './format.ts';
export { compilePattern } from './pattern.ts';
