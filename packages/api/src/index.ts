export * from './gen/kinds.gen.ts';
export * from './annotations.ts';
export * from './kind-lookup.ts';
export * from './support.ts';
