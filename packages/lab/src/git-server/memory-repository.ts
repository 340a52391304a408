/** A repository without git: commits as trees of texts. For virtual time, where no process can run. */
import { createHash } from 'node:crypto';
import type { Clock } from '@keelson/std';

export interface MemoryCommit {
  /** 40 hex digits; depends on content, parent, author, time and message as git's does, though it is not git's hash. */
  readonly hash: string;
  readonly parent: string | undefined;
  readonly message: string;
  readonly author: string;
  readonly atMs: number;
  /** Path to text, sorted by path. */
  readonly files: ReadonlyMap<string, string>;
}

export interface MemoryChange {
  readonly message: string;
  readonly author?: string;
  /** Texts to write, or what to make of the present text. */
  readonly write?: Readonly<Record<string, string | ((text: string) => string)>>;
  /** Files or folders. */
  readonly remove?: readonly string[];
}

export interface MemoryRepository {
  readonly branch: string;
  head(): MemoryCommit;
  commits(): readonly MemoryCommit[];
  find(hash: string): MemoryCommit | undefined;
  /** Commits on the branch and pushes it. */
  commit(change: MemoryChange): MemoryCommit;
  /** Calls `run` after each commit; answers how to stop. */
  onPush(run: (commit: MemoryCommit) => void): () => void;
}

const defaultAuthor = 'lab <lab@keelson.invalid>';

export function memoryRepository(options: { readonly clock: Clock; readonly branch: string; readonly files: ReadonlyMap<string, string>; readonly message?: string }): MemoryRepository {
  const { clock, branch } = options;
  const commits: MemoryCommit[] = [];
  const listeners = new Set<(commit: MemoryCommit) => void>();
  const add = (files: ReadonlyMap<string, string>, message: string, author: string): MemoryCommit => {
    const parent = commits.at(-1)?.hash;
    const sorted = new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1)));
    const atMs = clock.now();
    const hash = createHash('sha1').update(JSON.stringify([parent, message, author, atMs, [...sorted]])).digest('hex');
    const commit: MemoryCommit = { hash, parent, message, author, atMs, files: sorted };
    commits.push(commit);
    for (const run of [...listeners]) run(commit);
    return commit;
  };
  add(options.files, options.message ?? 'Example datacenter', defaultAuthor);
  return {
    branch,
    head: () => commits.at(-1)!, // there is always the first one
    commits: () => commits,
    find: (hash) => commits.find((commit) => commit.hash === hash),
    commit({ message, author = defaultAuthor, write = {}, remove = [] }) {
      const files = new Map(commits.at(-1)!.files);
      for (const path of remove) {
        for (const name of [...files.keys()]) if (name === path || name.startsWith(`${path}/`)) files.delete(name);
      }
      for (const [path, text] of Object.entries(write)) {
        const before = files.get(path);
        if (typeof text === 'function' && before === undefined) throw new Error(`there is no ${path} in the repository to change`);
        files.set(path, typeof text === 'function' ? text(before ?? '') : text);
      }
      return add(files, message, author);
    },
    onPush(run) {
      listeners.add(run);
      return () => void listeners.delete(run);
    },
  };
}
