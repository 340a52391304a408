/** The Kubernetes half of a lab with a store per cluster. */
import { createHash } from 'node:crypto';
import { createMemoryStore, openLmdbStore, type Store } from '@keelson/apiserver/store';
import { createLabClusters } from './cluster/index.ts';
import type { LabOptions } from './lab.ts';

/** Opens the store of one cluster in a folder of its own. */
export type OpenLabStore = (directory: string) => Store | Promise<Store>;

/** A store on disk. */
export const openLabStore: OpenLabStore = (directory) => openLmdbStore({ directory });

/** Stores in memory that outlive the lab that opened them, as disks do: for virtual time. */
export function memoryLabStores(): OpenLabStore {
  const stores = new Map<string, Store>();
  return (directory) => {
    const known = stores.get(directory);
    if (known) return known;
    const store = createMemoryStore();
    const kept = undying(store);
    stores.set(directory, kept);
    return kept;
  };
}

/** A memory store forgets when it is closed; the lab that closes it is not the end of the disk it plays. */
function undying(store: Store): Store {
  return {
    get revision() {
      return store.revision;
    },
    get oldestRevision() {
      return store.oldestRevision;
    },
    get: (key) => store.get(key),
    list: (options) => store.list(options),
    count: (prefix, after) => store.count(prefix, after),
    commit: (writes) => store.commit(writes),
    watch: (options) => store.watch(options),
    compact: (revision) => store.compact(revision),
    close: async () => {},
  };
}

/** For `LabOptions.clusters`: workload clusters whose objects lie below the lab's folder. */
export function labClusters(openStore: OpenLabStore = openLabStore): NonNullable<LabOptions['clusters']> {
  return async ({ env, latency, folder }) => {
    const directory = (clusterId: string) => `${folder}/${createHash('sha256').update(clusterId).digest('hex').slice(0, 16)}`;
    return createLabClusters({ env, latency, openStore: (clusterId) => openStore(directory(clusterId)), removeStore: (clusterId) => env.files.remove(directory(clusterId)) });
  };
}
