import { appendFile, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { randomUUID } from 'node:crypto';
import type { Files } from '../files.ts';

const isMissing = (error: unknown): boolean => ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '');

/** The name of a new file outlives a power cut only once its folder is synced. Where folders cannot be opened (Windows) the system sees to it. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r').catch(() => undefined);
  if (!folder) return;
  try {
    await folder.sync().catch(() => {});
  } finally {
    await folder.close();
  }
}

/** The machine's file system. A write is a temporary file, synced, then renamed over the target, whose folder is synced too. */
export function nodeFiles(): Files {
  return {
    async read(path) {
      try {
        return await readFile(path);
      } catch (error) {
        if (isMissing(error)) return undefined;
        throw new Error(`reading ${path}`, { cause: error });
      }
    },
    async write(path, content, options = {}) {
      const temporary = `${path}.${randomUUID().slice(0, 8)}.tmp`;
      try {
        await mkdir(dirname(path), { recursive: true });
        const file = await open(temporary, 'w', options.mode ?? 0o644);
        try {
          await file.writeFile(content);
          await file.sync();
        } finally {
          await file.close();
        }
        await rename(temporary, path);
        await syncFolder(dirname(path));
      } catch (error) {
        await rm(temporary, { force: true });
        throw new Error(`writing ${path}`, { cause: error });
      }
    },
    async append(path, content, options = {}) {
      try {
        await mkdir(dirname(path), { recursive: true });
        await appendFile(path, content, { mode: options.mode ?? 0o644 });
      } catch (error) {
        throw new Error(`appending to ${path}`, { cause: error });
      }
    },
    async list(path) {
      try {
        const entries = await readdir(path, { withFileTypes: true });
        return entries.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name)).sort();
      } catch (error) {
        if (isMissing(error)) return [];
        throw new Error(`listing ${path}`, { cause: error });
      }
    },
    remove: (path) => rm(path, { recursive: true, force: true }),
    async rename(from, to) {
      await mkdir(dirname(to), { recursive: true });
      await rename(from, to);
    },
  };
}
