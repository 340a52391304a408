import { createHash } from 'node:crypto';
import { ProblemError, problem } from '@keelson/std';
import type { GitAuth, GitClient, GitFile, GitRemote, GitRevision, GitSnapshot } from '../client.ts';
import { gitProblems } from '../problems.ts';
import { chooseReference, selectRevision } from '../reference.ts';
import { redactUrl } from '../url.ts';

/** A remote that lives in memory: every commit is a whole set of files. */
export interface MemoryRepository {
  /** Commits all files of `files` (text or bytes by path) as the branch's new state and returns the hash. */
  commit(files: Readonly<Record<string, string | Uint8Array>>, options?: { branch?: string; subject?: string; author?: string }): string;
  /** The branch's files with some changed (`undefined` removes one), as a new commit. */
  change(changes: Readonly<Record<string, string | Uint8Array | undefined>>, options?: { branch?: string; subject?: string; author?: string }): string;
  tag(name: string, commit: string): void;
  /** The hash a branch is at. */
  head(branch?: string): string | undefined;
  /** Demands these credentials from now on; nothing admits everybody. */
  requireAuth(auth: GitAuth | undefined): void;
  /** Lets every operation fail as unreachable, with this reason, until it is set to undefined. */
  setUnreachable(reason: string | undefined): void;
  readonly fetches: number;
  readonly resolves: number;
}

export interface MemoryGit extends GitClient {
  /** Makes the repository at a URL, or returns the one that is there. */
  repository(url: string): MemoryRepository;
}

interface Stored {
  readonly references: Map<string, string>;
  readonly commits: Map<string, GitSnapshot>;
  auth?: GitAuth;
  unreachable?: string;
  fetches: number;
  resolves: number;
}

/** A GitClient without processes, files or sockets: for tests and for virtual time. Hashes follow from contents and history. */
export function memoryGit(): MemoryGit {
  const repositories = new Map<string, Stored>();
  const admit = (remote: GitRemote): Stored => {
    const url = redactUrl(remote.url);
    const stored = repositories.get(remote.url);
    if (stored?.unreachable !== undefined) throw new ProblemError(problem(gitProblems.unreachable, { url }, { why: stored.unreachable }));
    if (!stored) throw new ProblemError(problem(gitProblems.notFound, { url }, { why: 'repository not found' }));
    if (stored.auth && JSON.stringify(stored.auth) !== JSON.stringify(remote.auth)) {
      throw new ProblemError(problem(gitProblems.authFailed, { url }, { why: 'the server answered 401' }));
    }
    return stored;
  };
  return {
    async resolve(remote, reference) {
      const choice = chooseReference(remote.url, reference);
      const stored = admit(remote);
      stored.resolves++;
      return selectRevision(remote.url, choice, stored.references);
    },
    async fetch(remote, revision) {
      const stored = admit(remote);
      stored.fetches++;
      const commit = revision.pinned || revision.ref === undefined ? revision.commit : stored.references.get(revision.ref);
      const snapshot = commit && stored.commits.get(commit);
      if (!snapshot) {
        throw new ProblemError(problem(gitProblems.referenceNotFound, { url: redactUrl(remote.url), reference: `commit ${revision.commit}` }, { why: 'no such object' }));
      }
      return { ...snapshot, revision: { ...revision, commit: snapshot.revision.commit } };
    },
    repository(url) {
      const stored = repositories.get(url) ?? { references: new Map(), commits: new Map(), fetches: 0, resolves: 0 };
      repositories.set(url, stored);
      return memoryRepository(stored);
    },
  };
}

function memoryRepository(stored: Stored): MemoryRepository {
  const commit: MemoryRepository['commit'] = (files, { branch = 'main', subject = 'change', author = 'Test <test@example.com>' } = {}) => {
    const ref = `refs/heads/${branch}`;
    const list = Object.entries(files)
      .map(([path, content]): GitFile => ({ path, mode: 'file', bytes: typeof content === 'string' ? new TextEncoder().encode(content) : content }))
      .sort((a, b) => (a.path < b.path ? -1 : 1));
    const hash = createHash('sha1').update(`${stored.references.get(ref) ?? ''}\0${subject}\0`);
    for (const file of list) hash.update(`${file.path}\0${file.bytes.length}\0`).update(file.bytes);
    const id = hash.digest('hex');
    const revision: GitRevision = { commit: id, ref, pinned: false };
    stored.commits.set(id, { revision, subject, author, committedAt: stored.commits.size, files: list });
    stored.references.set(ref, id);
    return id;
  };
  return {
    commit,
    change(changes, options = {}) {
      const now = stored.commits.get(stored.references.get(`refs/heads/${options.branch ?? 'main'}`) ?? '');
      const files: Record<string, string | Uint8Array> = Object.fromEntries(now?.files.map((file) => [file.path, file.bytes]) ?? []);
      for (const [path, content] of Object.entries(changes)) {
        if (content === undefined) delete files[path];
        else files[path] = content;
      }
      return commit(files, options);
    },
    tag: (name, id) => void stored.references.set(`refs/tags/${name}`, id),
    head: (branch = 'main') => stored.references.get(`refs/heads/${branch}`),
    requireAuth: (auth) => void (stored.auth = auth),
    setUnreachable: (reason) => void (stored.unreachable = reason),
    get fetches() {
      return stored.fetches;
    },
    get resolves() {
      return stored.resolves;
    },
  };
}
