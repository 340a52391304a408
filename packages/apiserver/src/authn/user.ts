/** Who makes a request. */
export interface User {
  readonly name: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/** The group that may do everything. */
export const mastersGroup = 'system:masters';
export const authenticatedGroup = 'system:authenticated';

/** The process itself: its controllers and its garbage collector. */
export const serverUser: User = { name: 'system:apiserver', groups: [mastersGroup, authenticatedGroup] };

export const anonymousUser: User = { name: 'system:anonymous', groups: ['system:unauthenticated'] };
