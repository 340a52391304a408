/**
 * PEM as Talos reads and writes it: Ed25519 keys are PKCS#8 under the label `ED25519 PRIVATE KEY`, which Node's crypto
 * refuses; EC keys are SEC1, RSA keys PKCS#1, each under its own label.
 */
import { createPrivateKey } from 'node:crypto';

const talosLabel = 'ED25519 PRIVATE KEY';

/** The key under the label that Node, OpenSSL and gRPC read. Other keys are left as they are. */
export function toNodeKey(pem: string): string {
  return pem.replaceAll(`-----BEGIN ${talosLabel}-----`, '-----BEGIN PRIVATE KEY-----').replaceAll(`-----END ${talosLabel}-----`, '-----END PRIVATE KEY-----');
}

/** A private key in the form and under the label that Talos writes for its algorithm. Throws when it is no Ed25519, EC or RSA key. */
export function toTalosKey(pem: string): string {
  const key = createPrivateKey(toNodeKey(pem));
  switch (key.asymmetricKeyType) {
    case 'ed25519':
      return key.export({ format: 'pem', type: 'pkcs8' }).toString().replaceAll('PRIVATE KEY-----', `${talosLabel}-----`);
    case 'ec':
      return key.export({ format: 'pem', type: 'sec1' }).toString();
    case 'rsa':
      return key.export({ format: 'pem', type: 'pkcs1' }).toString();
    default:
      throw new Error(`Talos has no use for a ${key.asymmetricKeyType} key`);
  }
}

/** Text as Talos embeds PEM in YAML: base64 of the UTF-8 bytes. */
export function toBase64(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64');
}

/** The text in standard base64. Throws when it is not base64. */
export function fromBase64(text: string): string {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) throw new Error('not base64');
  return Buffer.from(text, 'base64').toString('utf8');
}
