export * from './machine-config.ts';
export * from './render.ts';
export { parseMachineConfig, serializeMachineConfig } from './yaml.ts';
