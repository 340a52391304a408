/**
 * Where private keys come from. RSA-4096 takes seconds: in a process that serves others it must not run on the event
 * loop, in virtual time it must not leave it.
 */
import { generateKeyPair } from 'node:crypto';
import { generateKey, type KeyAlgorithm, type KeyPair } from '@keelson/std/x509';

export interface KeySource {
  generate(algorithm: KeyAlgorithm): KeyPair | Promise<KeyPair>;
}

/** Generates on the caller's thread, without leaving it. */
export const synchronousKeys: KeySource = { generate: generateKey };

/** Generates RSA keys on the thread pool of libuv, the others at once. For processes on the real clock. */
export const offThreadKeys: KeySource = {
  generate(algorithm) {
    if (algorithm !== 'rsa2048' && algorithm !== 'rsa4096') return generateKey(algorithm);
    return new Promise((resolve, reject) => {
      generateKeyPair(
        'rsa',
        { modulusLength: algorithm === 'rsa4096' ? 4096 : 2048, publicKeyEncoding: { format: 'pem', type: 'spki' }, privateKeyEncoding: { format: 'pem', type: 'pkcs8' } },
        (error, publicKeyPem, privateKeyPem) => (error ? reject(error) : resolve({ privateKeyPem, publicKeyPem })),
      );
    });
  },
};
