export * from './types.ts';
export { compile, perCallLimit } from './compile.ts';
export type { Compiled, Outcome, Program } from './compile.ts';
export { escapeName, readerOf } from './schema.ts';
export type { Reader, StructuralSchema } from './schema.ts';
export { formatIssues } from './syntax/ast.ts';
export type { Issue } from './syntax/ast.ts';
export { noneValue } from './values/value.ts';
export type { OptionalValue, Value } from './values/value.ts';
