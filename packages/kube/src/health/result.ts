export type HealthStatus = 'Current' | 'InProgress' | 'Failed' | 'Terminating' | 'NotFound' | 'Unknown';

/** How an object is doing, why in one word, and why in kstatus's words. */
export interface Health {
  readonly status: HealthStatus;
  /** CamelCase; empty for what is simply there. */
  readonly reason: string;
  readonly message: string;
}

export const current = (message: string): Health => ({ status: 'Current', reason: '', message });
export const inProgress = (reason: string, message: string): Health => ({ status: 'InProgress', reason, message });
export const failed = (reason: string, message: string): Health => ({ status: 'Failed', reason, message });
