import { join } from 'node:path';
import { openEncryptedStore, openLmdbStore, type Store } from '@keelson/apiserver/store';
import type { Files } from '@keelson/std';

/** Where a data directory keeps its store. */
export function storeDirectory(dataDir: string): string {
  return join(dataDir, 'store');
}

/** Where a data directory keeps the keys of its Secrets. */
export function encryptionKeyFile(dataDir: string): string {
  return join(dataDir, 'pki', 'encryption.key');
}

/**
 * Opens the store of a data directory and takes it for this process; Secrets in it are sealed: see sealKeelsonStore.
 * Throws the problem STORE.LOCKED, which names the process that has it, when another one runs on the directory.
 */
export function openKeelsonStore(dataDir: string): Store {
  return openLmdbStore({ directory: storeDirectory(dataDir) });
}

/**
 * The open store of a data directory, with Secrets sealed on their way in and opened on their way out; makes the key when there is none.
 * Throws the problems STORE.KEY_MISSING and STORE.KEY_WRONG; nothing is written then, and the store stays open.
 */
export function sealKeelsonStore(files: Files, dataDir: string, store: Store): Promise<Store> {
  return openEncryptedStore({ store, files, keyFile: encryptionKeyFile(dataDir), name: storeDirectory(dataDir) });
}
