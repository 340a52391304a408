export * from './journal-checks.ts';
export * from './virtual-lab.ts';
