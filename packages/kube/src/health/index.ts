export * from './health.ts';
export type { Health, HealthStatus } from './result.ts';
