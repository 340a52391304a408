export * from './problems.ts';
export * from './version-contract.ts';
