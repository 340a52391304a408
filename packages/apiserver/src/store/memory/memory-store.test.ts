import { storeConformance } from '../conformance/store-conformance.ts';
import { createMemoryStore } from './memory-store.ts';

storeConformance('memory store', async (options) => {
  const store = createMemoryStore(options);
  return { store, dispose: () => store.close() };
});
