import type { Environment } from './environment.ts';

/** How large the log is, kept beside it. */
export interface LogSize {
  readonly bytes: number;
  add(revision: number, bytes: number): void;
  /** The records of these revisions, both ends included, are gone. */
  remove(from: number, to: number): void;
}

/**
 * The size of a log that nobody writes yet. LMDB tells what the whole log takes, and this is asked once, at the start: its statistics are not
 * for use while its own thread writes. A record of before counts as their mean.
 */
export function createLogSize(log: Environment['log']): LogSize {
  const { bytes: before, entries } = sizeOnDisk(log);
  const mean = entries === 0 ? 0 : before / entries;
  const sizes = new Map<number, number>();
  let bytes = before;
  return {
    get bytes() {
      return bytes;
    },
    add(revision, size) {
      sizes.set(revision, size);
      bytes += size;
    },
    remove(from, to) {
      for (let revision = from; revision <= to; revision++) {
        bytes = Math.max(0, bytes - (sizes.get(revision) ?? mean));
        sizes.delete(revision);
      }
    },
  };
}

function sizeOnDisk(log: Environment['log']): { bytes: number; entries: number } {
  // lmdb's types leave the shape of its statistics open.
  const stats = log.getStats() as Partial<Record<string, number>>;
  const pages = (stats['treeBranchPageCount'] ?? 0) + (stats['treeLeafPageCount'] ?? 0) + (stats['overflowPages'] ?? 0);
  return { bytes: pages * (stats['pageSize'] ?? 4096), entries: stats['entryCount'] ?? 0 };
}
