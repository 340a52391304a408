export * from './test-api-server.ts';
export * from './raw-request.ts';
