import { createHash, createSecretKey, randomBytes, type KeyObject } from 'node:crypto';
import type { Bytes } from '@keelson/std';

/** One AES-256 key. */
export interface EncryptionKey {
  /** Sixteen hex digits made from the key, by which a value says what sealed it. They do not give the key away. */
  readonly id: string;
  readonly secret: KeyObject;
}

/** The keys a store is read with; what is written is sealed with the first one. */
export interface EncryptionKeys {
  readonly first: EncryptionKey;
  /** By id, the first one included. */
  readonly all: ReadonlyMap<string, EncryptionKey>;
}

export const keyIdBytes = 8;
const keyBytes = 32;
const linePrefix = 'aes-256-gcm:';
const head = `# Keelson seals Secrets in its store with the first key, and reads what any of them sealed.
# To rotate: put a line of a new key first and restart. An old key may go once "keelson store check" no longer counts it.
# Whoever has this file and the store can read all Secrets; without it nobody can, and neither can you.
`;

/** A line of the key file with a key that nobody else has. */
export function newKeyLine(): string {
  return `${linePrefix}${randomBytes(keyBytes).toString('base64')}`;
}

/** The text of a key file with these lines. */
export function formatKeyFile(lines: readonly string[]): string {
  return `${head}${lines.join('\n')}\n`;
}

/** The keys in a key file: one per line, `aes-256-gcm:` and 32 bytes in base64; `#` begins a comment. Throws an Error that names the line, never its text. */
export function parseKeyFile(content: Bytes | string): EncryptionKeys {
  const text = typeof content === 'string' ? content : new TextDecoder().decode(content);
  const all = new Map<string, EncryptionKey>();
  text.split('\n').forEach((line, index) => {
    const trimmed = line.trim();
    if (trimmed === '' || trimmed.startsWith('#')) return;
    const encoded = trimmed.startsWith(linePrefix) ? trimmed.slice(linePrefix.length) : '';
    const bytes = Buffer.from(encoded, 'base64');
    if (bytes.length !== keyBytes || bytes.toString('base64') !== encoded) throw new Error(`line ${index + 1} is not ${linePrefix} and ${keyBytes} bytes in base64`);
    const key = keyOf(bytes);
    all.set(key.id, key);
  });
  const [first] = all.values();
  if (!first) throw new Error('it has no key');
  return { first, all };
}

/** A key file that has the keys of another after its own. */
export function addKeys(own: string, other: string): string {
  const known = parseKeyFile(own).all;
  const added = other.split('\n').filter((line) => line.trim().startsWith(linePrefix) && !known.has(parseKeyFile(line).first.id));
  return added.length === 0 ? own : `${own.trimEnd()}\n${added.join('\n')}\n`;
}

function keyOf(bytes: Buffer): EncryptionKey {
  const id = createHash('sha256').update('keelson store key id\0').update(bytes).digest('hex').slice(0, 2 * keyIdBytes);
  return { id, secret: createSecretKey(bytes) };
}
