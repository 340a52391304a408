import { join } from 'node:path';
import { openLmdbStore, type Store } from '@keelson/apiserver/store';

/**
 * Opens the store of a data directory and takes it for this process.
 * Throws the problem STORE.LOCKED, which names the process that has it, when another one runs on the directory.
 */
export function openKeelsonStore(dataDir: string): Store {
  return openLmdbStore({ directory: join(dataDir, 'store') });
}
