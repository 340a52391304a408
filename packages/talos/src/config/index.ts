export * from './change.ts';
export * from './import-secrets.ts';
export * from './machine-config.ts';
export * from './patch.ts';
export * from './render.ts';
export * from './validate.ts';
export { parseMachineConfig, serializeMachineConfig } from './yaml.ts';
