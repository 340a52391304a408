export * from './certificate.ts';
export * from './key.ts';
