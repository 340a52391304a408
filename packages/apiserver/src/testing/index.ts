export * from './test-api-server.ts';
