import type { HttpRequest } from '@keelson/std';
import { parseCertificate } from '@keelson/std/x509';
import type { User } from './user.ts';
import { authenticatedGroup } from './user.ts';

/** Who a request comes from: undefined when it carries no credentials, `refused` when they are wrong. */
export type Authenticator = (request: HttpRequest) => User | undefined | 'refused';

/** The subject of the client certificate that the listener has verified: common name is the user, organisations are the groups. */
export const certificateAuthenticator: Authenticator = (request) => {
  const pem = request.peer?.certificate;
  if (!pem) return undefined;
  const known = certificateUsers.get(pem);
  if (known) return known;
  const { commonName, organizations } = parseCertificate(pem);
  const user = commonName ? { name: commonName, groups: [...organizations, authenticatedGroup] } : 'refused';
  if (certificateUsers.size >= certificateUsersLimit) certificateUsers.clear();
  certificateUsers.set(pem, user);
  return user;
};

/** Whom certificates stand for, so that a connection's certificate is read once and not with every request. */
const certificateUsers = new Map<string, User | 'refused'>();
const certificateUsersLimit = 1000;

/** The token of `Authorization: Bearer`; undefined when there is none. */
export function bearerToken(request: HttpRequest): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(request.headers['authorization'] ?? '')?.[1];
}

/** `Authorization: Bearer` tokens of a table. A token that is not in it is refused. */
export function tokenAuthenticator(tokens: ReadonlyMap<string, User>): Authenticator {
  return (request) => {
    if (request.headers['authorization'] === undefined) return undefined;
    const token = bearerToken(request);
    const user = token === undefined ? undefined : tokens.get(token);
    if (!user) return 'refused';
    return user.groups.includes(authenticatedGroup) ? user : { ...user, groups: [...user.groups, authenticatedGroup] };
  };
}

/** The first authenticator that knows the request; refused when one refuses and no other knows it. */
export function firstOf(...authenticators: readonly Authenticator[]): Authenticator {
  return (request) => {
    let refused = false;
    for (const authenticate of authenticators) {
      const user = authenticate(request);
      if (user === 'refused') refused = true;
      else if (user) return user;
    }
    return refused ? 'refused' : undefined;
  };
}
