import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';

export type KeyAlgorithm = 'ed25519' | 'p256' | 'rsa2048' | 'rsa4096';

export interface KeyPair {
  /** PKCS#8 in PEM. */
  readonly privateKeyPem: string;
  /** SubjectPublicKeyInfo in PEM. */
  readonly publicKeyPem: string;
}

/** Generates a key pair, synchronously. RSA takes from a tenth of a second (2048) to seconds (4096). */
export function generateKey(algorithm: KeyAlgorithm): KeyPair {
  return exportPair(newPair(algorithm));
}

function newPair(algorithm: KeyAlgorithm): { privateKey: KeyObject; publicKey: KeyObject } {
  switch (algorithm) {
    case 'ed25519':
      return generateKeyPairSync('ed25519');
    case 'p256':
      return generateKeyPairSync('ec', { namedCurve: 'P-256' });
    case 'rsa2048':
      return generateKeyPairSync('rsa', { modulusLength: 2048 });
    case 'rsa4096':
      return generateKeyPairSync('rsa', { modulusLength: 4096 });
  }
}

function exportPair(pair: { privateKey: KeyObject; publicKey: KeyObject }): KeyPair {
  return {
    privateKeyPem: pair.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
    publicKeyPem: pair.publicKey.export({ format: 'pem', type: 'spki' }).toString(),
  };
}

/** The public half of a private key in PEM. */
export function publicKeyOf(privateKeyPem: string): string {
  return createPublicKey(createPrivateKey(privateKeyPem)).export({ format: 'pem', type: 'spki' }).toString();
}
