export * from './address.ts';
export * from './driver.ts';
export * from './problems.ts';
export * from './probe.ts';
