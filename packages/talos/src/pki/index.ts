export * from './certificate.ts';
export * from './key-source.ts';
export * from './kubeconfig.ts';
export * from './pem.ts';
export * from './secrets-bundle.ts';
export * from './talosconfig.ts';
export * from '../version-contract.ts';
