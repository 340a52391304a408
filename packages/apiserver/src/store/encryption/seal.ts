// AES-256-GCM (NIST SP 800-38D) with random 96-bit nonces; one key seals at most 2^32 values, which at 100 writes a second takes 16 months
// of nothing but Secrets. Sealed: mark, key id (8 bytes), nonce (12), ciphertext, tag (16).
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { Bytes } from '@keelson/std';
import { keyIdBytes, type EncryptionKey, type EncryptionKeys } from './keys.ts';

const algorithm = 'aes-256-gcm';
/** A plain value is JSON and never begins with a zero byte. The last byte is the form. */
const mark = Buffer.from('\0kse\x01', 'latin1');
const nonceBytes = 12;
const tagBytes = 16;
const headBytes = mark.length + keyIdBytes + nonceBytes;

/** Where a value stands. A sealed value opens nowhere else: not under another key of the store, and not as a later state of its own. */
export interface ValuePlace {
  readonly key: string;
  readonly revision: number;
}

/** A sealed value cannot be opened. */
export class SealError extends Error {
  override readonly name = 'SealError';
  /** The id of the key that is missing; undefined when the key is there and the value is not what it sealed. */
  readonly missingKeyId: string | undefined;
  constructor(place: ValuePlace, missingKeyId?: string) {
    super(missingKeyId === undefined ? `the value of ${place.key} at revision ${place.revision} is damaged or belongs elsewhere` : `the value of ${place.key} was sealed with key ${missingKeyId}`);
    this.missingKeyId = missingKeyId;
  }
}

function additionalData({ key, revision }: ValuePlace): Buffer {
  return Buffer.from(`${revision} ${key}`, 'utf8');
}

/** Seals a value for one place. */
export function sealValue(key: EncryptionKey, place: ValuePlace, value: Bytes): Bytes {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv(algorithm, key.secret, nonce, { authTagLength: tagBytes });
  cipher.setAAD(additionalData(place));
  return Buffer.concat([mark, Buffer.from(key.id, 'hex'), nonce, cipher.update(value), cipher.final(), cipher.getAuthTag()]);
}

/** The id of the key that sealed a value; undefined when the value is plain. */
export function sealedWith(value: Bytes): string | undefined {
  if (value.length < mark.length || Buffer.compare(value.subarray(0, mark.length), mark) !== 0) return undefined;
  return Buffer.from(value.subarray(mark.length, mark.length + keyIdBytes)).toString('hex');
}

/** What sealValue sealed; a plain value as it is. Throws SealError. */
export function openValue(keys: EncryptionKeys, place: ValuePlace, value: Bytes): Bytes {
  const id = sealedWith(value);
  if (id === undefined) return value;
  const key = keys.all.get(id);
  if (!key) throw new SealError(place, id);
  if (value.length < headBytes + tagBytes) throw new SealError(place);
  const decipher = createDecipheriv(algorithm, key.secret, value.subarray(headBytes - nonceBytes, headBytes), { authTagLength: tagBytes });
  decipher.setAAD(additionalData(place));
  decipher.setAuthTag(value.subarray(value.length - tagBytes));
  try {
    return Buffer.concat([decipher.update(value.subarray(headBytes, value.length - tagBytes)), decipher.final()]);
  } catch {
    throw new SealError(place);
  }
}
