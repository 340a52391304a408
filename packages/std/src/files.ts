/** Files as an argument: the few operations we need, with absolute paths. A `write` is atomic (temp file and rename). */
export interface Files {
  /** Undefined when there is no such file. */
  read(path: string): Promise<Uint8Array | undefined>;
  /** Creates parent folders. `mode` defaults to 0o644; secrets use 0o600. */
  write(path: string, content: Uint8Array | string, options?: { mode?: number }): Promise<void>;
  /** Adds to the end of a file, which is made when it is not there; neither atomic nor synced, for logs. Creates parent folders. */
  append(path: string, content: string, options?: { mode?: number }): Promise<void>;
  /** Names in a folder, sorted; a folder's name ends with a slash. Empty when there is no such folder. */
  list(path: string): Promise<readonly string[]>;
  /** Removes a file or a folder with all below it; nothing happens when it is not there. */
  remove(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
}

/** Files that live in memory; for tests and virtual time. */
export function memoryFiles(): Files {
  const all = new Map<string, Uint8Array>();
  const below = (path: string) => [...all.keys()].filter((key) => key === path || key.startsWith(path.replace(/\/?$/, '/')));
  return {
    read: async (path) => all.get(path),
    write: async (path, content) => void all.set(path, typeof content === 'string' ? new TextEncoder().encode(content) : content),
    append: async (path, content) => void all.set(path, Buffer.concat([all.get(path) ?? new Uint8Array(), Buffer.from(content)])),
    list: async (path) => {
      const prefix = path.replace(/\/?$/, '/');
      const names = new Set<string>();
      for (const key of all.keys()) {
        if (!key.startsWith(prefix)) continue;
        const [first, ...rest] = key.slice(prefix.length).split('/');
        names.add(rest.length > 0 ? `${first}/` : first!);
      }
      return [...names].sort();
    },
    remove: async (path) => below(path).forEach((key) => all.delete(key)),
    rename: async (from, to) => {
      for (const key of below(from)) {
        all.set(to + key.slice(from.length), all.get(key)!);
        all.delete(key);
      }
    },
  };
}
