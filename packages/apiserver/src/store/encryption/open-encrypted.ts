import { problem, ProblemError, type Files } from '@keelson/std';
import { apiServerProblems } from '../../problems.ts';
import type { Store } from '../store.ts';
import { encryptedStore, prefixOfResource, sealedResources, type StoreNames } from './encrypted-store.ts';
import { formatKeyFile, newKeyLine, parseKeyFile, type EncryptionKeys } from './keys.ts';
import { sealedWith } from './seal.ts';

export interface OpenEncryptedOptions {
  /** Opened by the caller, who closes it when this throws. */
  readonly store: Store;
  readonly files: Files;
  /** Path of the key file; made (0600) when the store has sealed nothing yet. */
  readonly keyFile: string;
  /** What the store is called in problems, its folder for one. */
  readonly name: string;
  readonly resources?: readonly string[];
}

/**
 * Puts encryption in front of a store. Throws the problem STORE.KEY_MISSING when something is sealed and there is no key file, STORE.KEY_WRONG
 * when the file cannot be read or lacks a key that sealed something; nothing is written then.
 */
export async function openEncryptedStore({ store, files, keyFile, name, resources = sealedResources }: OpenEncryptedOptions): Promise<Store> {
  const used = sealingKeys(store, resources);
  const names = { store: name, keyFile };
  const content = await files.read(keyFile);
  if (!content) {
    const [id] = used.keys();
    if (id !== undefined) throw new ProblemError(problem(apiServerProblems.storeKeyMissing, { ...names }, { why: `${keyFile} is not there, and ${used.get(id)} is sealed with key ${id}`, where: keyFile }));
    const text = formatKeyFile([newKeyLine()]);
    // On disk before anything is sealed with it.
    await files.write(keyFile, text, { mode: 0o600 });
    return encryptedStore(store, { keys: parseKeyFile(text), resources, names });
  }
  const keys = readKeys(content, names);
  for (const [id, key] of used) {
    if (!keys.all.has(id)) throw new ProblemError(problem(apiServerProblems.storeKeyWrong, { ...names }, { why: `${key} is sealed with key ${id}, the file has ${[...keys.all.keys()].join(', ')}`, where: keyFile }));
  }
  return encryptedStore(store, { keys, resources, names });
}

/** The keys in the content of a key file. Throws the problem STORE.KEY_WRONG when it is none. */
export function readKeys(content: Uint8Array, names: StoreNames): EncryptionKeys {
  try {
    return parseKeyFile(content);
  } catch (error) {
    throw new ProblemError(problem(apiServerProblems.storeKeyWrong, { ...names }, { why: error instanceof Error ? error.message : String(error), where: names.keyFile }), { cause: error });
  }
}

const pageSize = 500;

/** Ids of the keys that sealed what the store holds now, each with a store key that shows it. */
export function sealingKeys(store: Store, resources: readonly string[]): Map<string, string> {
  const used = new Map<string, string>();
  for (const prefix of resources.map(prefixOfResource)) {
    for (let after: string | undefined; ; ) {
      const page = store.list({ prefix, limit: pageSize, ...(after !== undefined && { after }) });
      for (const { key, value } of page.entries) {
        const id = sealedWith(value);
        if (id !== undefined && !used.has(id)) used.set(id, key);
      }
      after = page.entries.at(-1)?.key;
      if (!page.more) break;
    }
  }
  return used;
}
