export * from './test-world.ts';
