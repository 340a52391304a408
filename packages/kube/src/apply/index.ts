export * from './patch-error.ts';
export { mergePatch } from './merge-patch.ts';
export * from './json-patch.ts';
export * from './strategic-merge-patch.ts';
export * from './server-side-apply.ts';
export { ignoreTimeChanges } from './managed-fields.ts';
export * from './field-set.ts';
