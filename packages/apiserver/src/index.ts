export * from './server.ts';
export type { AuditEntry, AuditSink } from './http/audit.ts';
export type { RequestLimitOptions } from './http/request-limits.ts';
export type { ServiceResolver } from './admission/webhook-call.ts';
export * from './authn/authenticator.ts';
export type { ServiceAccountTokenOptions } from './authn/service-accounts.ts';
export * from './authn/user.ts';
export * from './authz/authorizer.ts';
