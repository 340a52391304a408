export * from './virtual-clock.ts';
export * from './memory-net.ts';
export * from './process.ts';
export * from './virtual-env.ts';
