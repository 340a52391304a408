/** The file system a build sees: read-only, in memory, with paths relative to its root. Nothing outside can be named. */
export interface VirtualFiles {
  /** Undefined when there is no such file. `path` is normalised and has no leading slash. */
  read(path: string): Uint8Array | undefined;
  /** Names in a folder, sorted; a folder's name ends with a slash. Undefined when there is no such folder. The root is ''. */
  list(path: string): readonly string[] | undefined;
}

/** Files given by path, as text or bytes. */
export function virtualFiles(files: Readonly<Record<string, string | Uint8Array>> | Iterable<{ readonly path: string; readonly bytes: Uint8Array }>): VirtualFiles {
  const byPath = new Map<string, Uint8Array>();
  const folders = new Map<string, Set<string>>([['', new Set()]]);
  const encoder = new TextEncoder();
  const entries = Symbol.iterator in files ? [...files].map((file) => [file.path, file.bytes] as const) : Object.entries(files);
  for (const [path, content] of entries) {
    byPath.set(path, typeof content === 'string' ? encoder.encode(content) : content);
    const parts = path.split('/');
    for (let depth = 0; depth < parts.length; depth++) {
      const folder = parts.slice(0, depth).join('/');
      const names = folders.get(folder) ?? new Set();
      names.add(depth === parts.length - 1 ? parts[depth]! : `${parts[depth]}/`);
      folders.set(folder, names);
    }
  }
  return {
    read: (path) => byPath.get(path),
    list: (path) => {
      const names = folders.get(path);
      return names && [...names].sort();
    },
  };
}

/** `base` and `relative` joined and normalised; undefined when the result leaves the root or `relative` is absolute. */
export function joinPath(base: string, relative: string): string | undefined {
  if (relative.startsWith('/')) return undefined;
  const out: string[] = [];
  for (const part of `${base}/${relative}`.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') out.push(part);
    else if (out.pop() === undefined) return undefined;
  }
  return out.join('/');
}

/** The folder a file is in; '' for the root. */
export function folderOf(path: string): string {
  return path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '';
}
