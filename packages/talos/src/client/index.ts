export type * from './talos-client.ts';
