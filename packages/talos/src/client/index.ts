export { grpcCodeOf, isTalosProblem } from './call.ts';
export * from './create-client.ts';
export * from './endpoint.ts';
export { stateTypes } from './state.ts';
export type * from './talos-client.ts';
export { talosProblems } from '../problems.ts';
