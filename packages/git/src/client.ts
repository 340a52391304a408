/** What the rest of the program knows of git: resolve a reference, fetch a revision. Nothing else of git leaks. */

/** How to prove who we are. Values are secrets; they reach git only through its environment and files of mode 0600. */
export type GitAuth =
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  | { readonly kind: 'bearer'; readonly token: string }
  | {
      readonly kind: 'ssh';
      /** Private key in PEM or OpenSSH form. */
      readonly identity: string;
      /** Lines as in ~/.ssh/known_hosts. Without them no host is trusted. */
      readonly knownHosts: string;
      /** Of the private key. */
      readonly passphrase?: string;
    };

export interface GitTls {
  /** PEM of the authorities to trust in place of the system's. */
  readonly ca?: string;
  /** Client certificate and its key, PEM. */
  readonly cert?: string;
  readonly key?: string;
}

export interface GitRemote {
  /** http(s)://, ssh://, file:// or an absolute path. Must not carry a password. */
  readonly url: string;
  readonly auth?: GitAuth;
  readonly tls?: GitTls;
  /** For one operation as a whole; the implementation has a default. */
  readonly timeoutMs?: number;
}

/** What to follow, in the words of Flux's GitRepository `spec.ref`; the most exact one given wins: commit, name, semver, tag, branch. */
export interface GitReference {
  readonly branch?: string;
  readonly tag?: string;
  /** A range such as `>=1.2.0 <2.0.0`; the highest tag in it is followed. */
  readonly semver?: string;
  /** A full reference such as `refs/pull/420/head`. */
  readonly name?: string;
  readonly commit?: string;
}

export interface GitRevision {
  /** The full hash of the commit in hex. */
  readonly commit: string;
  /** The full name of the reference it was found under; absent when only a commit was asked for. */
  readonly ref?: string;
  /** True when this commit was asked for by hash, so a moved branch does not replace it. */
  readonly pinned: boolean;
}

export type GitFileMode = 'file' | 'executable' | 'symlink' | 'submodule';

export interface GitFile {
  /** Relative to the root, with `/`, in UTF-8. */
  readonly path: string;
  readonly mode: GitFileMode;
  /** Contents; for a symlink its target, for a submodule nothing. */
  readonly bytes: Uint8Array;
}

export interface GitSnapshot {
  /** May be newer than the one asked for: the reference can have moved in between. */
  readonly revision: GitRevision;
  /** First line of the commit message. */
  readonly subject: string;
  /** `Name <address>` */
  readonly author: string;
  /** Seconds since the epoch. */
  readonly committedAt: number;
  /** In the byte order of their paths. */
  readonly files: readonly GitFile[];
}

/** Both methods throw a ProblemError (GIT.*) for what a user can mend. */
export interface GitClient {
  /** The commit a reference names at the remote now; one round trip, no objects. */
  readonly resolve: (remote: GitRemote, reference: GitReference, signal?: AbortSignal) => Promise<GitRevision>;
  /** All files of a revision. */
  readonly fetch: (remote: GitRemote, revision: GitRevision, signal?: AbortSignal) => Promise<GitSnapshot>;
}

/**
 * The revision as Flux writes it into artifacts: `main@sha1:<hex>`, `refs/pull/1/head@sha1:<hex>`, or `sha1:<hex>` without a reference.
 * The algorithm follows from the hash's length.
 */
export function revisionText(revision: GitRevision): string {
  const algorithm = revision.commit.length === 64 ? 'sha256' : 'sha1';
  const hash = `${algorithm}:${revision.commit}`;
  if (revision.ref === undefined) return hash;
  return `${revision.ref.replace(/^refs\/(heads|tags)\//, '')}@${hash}`;
}
