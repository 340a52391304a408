export * from './bring-up.ts';
export * from './journal-checks.ts';
export * from './machine-config.ts';
export * from './virtual-lab.ts';
