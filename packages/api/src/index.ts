export * from './gen/kinds.gen.ts';
export * from './annotations.ts';
export * from './definition-labels.ts';
export * from './kind-lookup.ts';
export * from './printer-cells.ts';
export * from './support.ts';
