// Tokens of service accounts: kubernetes/pkg/serviceaccount (claims.go, jwt.go).
import { createHash } from 'node:crypto';
import type { KubeObject } from '@keelson/kube';
import type { Env, HttpRequest } from '@keelson/std';
import { parseTime, uuid } from '@keelson/std';
import type { Fields } from '../kinds/fields.ts';
import { fieldsAt, numberAt, textAt } from '../kinds/fields.ts';
import { decodeObject } from '../registry/encode.ts';
import type { Store } from '../store/store.ts';
import { bearerToken } from './authenticator.ts';
import type { Claims } from './json-web-token.ts';
import { tokenKey } from './json-web-token.ts';
import type { User } from './user.ts';
import { authenticatedGroup } from './user.ts';

export interface ServiceAccountTokenOptions {
  /** PKCS#8 PEM of the key that signs: P-256 or RSA. Whoever has it can be any service account. */
  readonly privateKeyPem: string;
  /** The `iss` of tokens; `https://kubernetes.default.svc.cluster.local` when absent. */
  readonly issuer?: string;
  /** Audiences this server answers to, and those of a token that asks for none; the issuer when absent. */
  readonly audiences?: readonly string[];
}

/** An object whose end is the token's end. */
export interface BoundObject {
  readonly kind: 'Pod' | 'Secret' | 'Node';
  readonly name: string;
  readonly uid: string;
}

export interface TokenOrder {
  readonly account: KubeObject;
  readonly audiences: readonly string[];
  readonly lifeSeconds: number;
  readonly bound?: BoundObject;
  /** The node of the pod that the token is bound to. */
  readonly node?: { readonly name: string; readonly uid: string };
}

export interface ServiceAccountTokens {
  /** Audiences of this server. */
  readonly audiences: readonly string[];
  issue(order: TokenOrder): { readonly token: string; readonly expiresAtMs: number };
  /** Who a token stands for, and for which of the wanted audiences; undefined when it is none of ours, is over, or what it is bound to is gone. */
  review(token: string, wanted?: readonly string[]): { readonly user: User; readonly audiences: readonly string[] } | undefined;
  /** Bearer tokens of requests, as an Authenticator. */
  authenticate(request: HttpRequest): User | undefined | 'refused';
  /** `/.well-known/openid-configuration` and `/openid/v1/jwks`; undefined for other paths. */
  discovery(path: string): object | undefined;
}

const defaultIssuer = 'https://kubernetes.default.svc.cluster.local';
const privateClaims = 'kubernetes.io';
const boundPrefixes: Readonly<Record<BoundObject['kind'], string>> = { Pod: 'core/pods/', Secret: 'core/secrets/', Node: 'core/nodes/' };
/** Tokens whose signature was found good, so that it is checked once and not with every request. */
const knownLimit = 1000;

export function serviceAccountName(namespace: string, name: string): string {
  return `system:serviceaccount:${namespace}:${name}`;
}

export function serviceAccountGroups(namespace: string): string[] {
  return ['system:serviceaccounts', `system:serviceaccounts:${namespace}`];
}

/** Issues and reads tokens for the service accounts in a store. */
export function createServiceAccountTokens(env: Env, store: Store, options: ServiceAccountTokenOptions): ServiceAccountTokens {
  const key = tokenKey(options.privateKeyPem);
  const issuer = options.issuer ?? defaultIssuer;
  const audiences = options.audiences ?? [issuer];
  const known = new Map<string, Claims>();
  const read = (token: string): Claims | undefined => {
    const digest = createHash('sha256').update(token).digest('base64');
    const found = known.get(digest) ?? key.read(token);
    if (!found) return undefined;
    if (known.size >= knownLimit) known.clear();
    known.set(digest, found);
    return found;
  };
  const review: ServiceAccountTokens['review'] = (token, wanted = audiences) => {
    const claims = read(token);
    if (!claims || claims['iss'] !== issuer || !isInTime(claims, env.clock.now())) return undefined;
    const granted = textsOf(claims['aud']).filter((audience) => wanted.includes(audience));
    const user = granted.length > 0 ? userOf(store, claims, env.clock.now()) : undefined;
    return user && { user, audiences: granted };
  };
  return {
    audiences,
    issue(order) {
      const now = Math.floor(env.clock.now() / 1000);
      const expires = now + order.lifeSeconds;
      return { token: key.sign(claimsOf(order, { iss: issuer, iat: now, nbf: now, exp: expires, jti: uuid(env.random) })), expiresAtMs: expires * 1000 };
    },
    review,
    authenticate(request) {
      const token = bearerToken(request);
      return token === undefined ? undefined : (review(token)?.user ?? 'refused');
    },
    discovery(path) {
      if (path === '/openid/v1/jwks') return { keys: [key.publicJwk()] };
      if (path !== '/.well-known/openid-configuration') return undefined;
      const base = issuer.replace(/\/+$/, '');
      return { issuer, jwks_uri: `${base}/openid/v1/jwks`, response_types_supported: ['id_token'], subject_types_supported: ['public'], id_token_signing_alg_values_supported: [key.algorithm] };
    },
  };
}

function claimsOf({ account, audiences, bound, node }: TokenOrder, standard: Claims): Claims {
  const { namespace = '', name, uid } = account.metadata;
  const kubernetes = {
    namespace,
    serviceaccount: { name, uid },
    ...(bound && { [bound.kind.toLowerCase()]: { name: bound.name, uid: bound.uid } }),
    ...(node && { node }),
  };
  return { ...standard, aud: audiences, sub: serviceAccountName(namespace, name), [privateClaims]: kubernetes };
}

function isInTime(claims: Claims, nowMs: number): boolean {
  const [from, until] = [numberAt(claims, 'nbf'), numberAt(claims, 'exp')];
  return from !== undefined && until !== undefined && from * 1000 <= nowMs && nowMs < until * 1000;
}

/** The account as a user, when it and what the token is bound to are still the same objects. */
function userOf(store: Store, claims: Claims, nowMs: number): User | undefined {
  const kubernetes = fieldsAt(claims, privateClaims);
  const namespace = textAt(kubernetes, 'namespace') ?? '';
  const account = fieldsAt(kubernetes, 'serviceaccount');
  const name = textAt(account, 'name') ?? '';
  const uid = textAt(account, 'uid');
  if (uid === undefined || !isAlive(store, `core/serviceaccounts/${namespace}/${name}`, uid, nowMs)) return undefined;
  const extra: Record<string, string[]> = { 'authentication.kubernetes.io/credential-id': [`JTI=${textAt(claims, 'jti') ?? ''}`] };
  for (const kind of ['Pod', 'Secret', 'Node'] as const) {
    const bound = fieldsAt(kubernetes, kind.toLowerCase());
    if (!bound) continue;
    const boundName = textAt(bound, 'name') ?? '';
    const boundUid = textAt(bound, 'uid') ?? '';
    // The node of a pod is said for information; the pod's end is the token's.
    const isInformation = kind === 'Node' && fieldsAt(kubernetes, 'pod') !== undefined;
    if (!isInformation && !isAlive(store, `${boundPrefixes[kind]}${kind === 'Node' ? '' : `${namespace}/`}${boundName}`, boundUid, nowMs)) return undefined;
    if (kind === 'Secret') continue;
    extra[`authentication.kubernetes.io/${kind.toLowerCase()}-name`] = [boundName];
    extra[`authentication.kubernetes.io/${kind.toLowerCase()}-uid`] = [boundUid];
  }
  return { name: serviceAccountName(namespace, name), uid, groups: [...serviceAccountGroups(namespace), authenticatedGroup], extra };
}

/** A minute after its deletion an object that still waits for something counts as gone (upstream's leeway). */
const deletionLeewayMs = 60_000;

function isAlive(store: Store, key: string, uid: string, nowMs: number): boolean {
  const stored = store.get(key);
  if (!stored) return false;
  const { metadata } = decodeObject(stored.value);
  if (metadata.uid !== uid) return false;
  return metadata.deletionTimestamp === undefined || parseTime(metadata.deletionTimestamp) > nowMs - deletionLeewayMs;
}

function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];
}

/** The user info of reviews. */
export function userInfo(user: User): Fields {
  return { username: user.name, ...(user.uid !== undefined && { uid: user.uid }), groups: user.groups, ...(user.extra && { extra: user.extra }) };
}
