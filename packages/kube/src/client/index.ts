export * from './client.ts';
export * from './create-client.ts';
export * from './kubeconfig.ts';
