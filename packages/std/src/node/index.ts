export * from './node-env.ts';
export * from './node-net.ts';
export * from './node-files.ts';
