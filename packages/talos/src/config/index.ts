export * from './machine-config.ts';
