// JSON Web Tokens in compact form (RFC 7515, 7518, 7519), signed with ES256 or RS256; only what an API server issues and reads.
import { createHash, createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

export type Claims = Readonly<Record<string, unknown>>;

/** A key that signs tokens and tells its own from others. */
export interface TokenKey {
  /** Names the key in headers and in the key set: SHA-256 of the public key. */
  readonly keyId: string;
  readonly algorithm: 'ES256' | 'RS256';
  sign(claims: Claims): string;
  /** The claims of a token that this key has signed; undefined for any other text. Times and audiences are not looked at. */
  read(token: string): Claims | undefined;
  /** The public half as a JSON Web Key (RFC 7517). */
  publicJwk(): Claims;
}

/** The longest token that is looked at. */
const tokenMaxLength = 16_384;

/** A signing key from a PKCS#8 PEM: P-256 or RSA. Throws for other keys, which the verifiers of these tokens do not know. */
export function tokenKey(privateKeyPem: string): TokenKey {
  const privateKey = createPrivateKey(privateKeyPem);
  const publicKey = createPublicKey(privateKey);
  const algorithm = algorithmOf(privateKey);
  const keyId = createHash('sha256').update(publicKey.export({ type: 'spki', format: 'der' })).digest('base64url');
  const header = encode({ alg: algorithm, kid: keyId });
  // JOSE wants the two numbers of an ECDSA signature side by side, not in DER.
  const options = algorithm === 'ES256' ? ({ dsaEncoding: 'ieee-p1363' } as const) : {};
  return {
    keyId,
    algorithm,
    sign(claims) {
      const input = `${header}.${encode(claims)}`;
      return `${input}.${sign('sha256', Buffer.from(input), { key: privateKey, ...options }).toString('base64url')}`;
    },
    read(token) {
      if (token.length > tokenMaxLength) return undefined;
      const parts = token.split('.');
      const [head, body, signature] = parts;
      // Our own header is the only one there is, so no algorithm is taken from the token.
      if (parts.length !== 3 || head !== header || body === undefined || signature === undefined) return undefined;
      const isSigned = verify('sha256', Buffer.from(`${head}.${body}`), { key: publicKey, ...options }, Buffer.from(signature, 'base64url'));
      return isSigned ? decode(body) : undefined;
    },
    publicJwk: () => ({ ...publicKey.export({ format: 'jwk' }), use: 'sig', kid: keyId, alg: algorithm }),
  };
}

function algorithmOf(key: KeyObject): TokenKey['algorithm'] {
  if (key.asymmetricKeyType === 'rsa') return 'RS256';
  if (key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1') return 'ES256';
  throw new Error(`a key for service account tokens is P-256 or RSA, not ${key.asymmetricKeyType ?? 'this'}`);
}

function encode(value: Claims): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function decode(part: string): Claims | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    // Signed by us, and we sign objects only.
    return typeof value === 'object' && value !== null ? (value as Claims) : undefined;
  } catch {
    return undefined;
  }
}
