// References as `git ls-remote` lists them, and the choice among them as Flux's source-controller documents it for `spec.ref`.
import { ProblemError, problem } from '@keelson/std';
import type { GitReference, GitRevision } from './client.ts';
import { gitProblems } from './problems.ts';
import { compareVersions, parseRange, parseVersion } from './semver.ts';
import { redactUrl } from './url.ts';

/** Full reference name → hash. An annotated tag has a second entry `refs/tags/x^{}`: the commit behind it. */
export type RemoteReferences = ReadonlyMap<string, string>;

/** Parses the lines `hash<TAB>name` of `git ls-remote`. */
export function parseReferences(text: string): RemoteReferences {
  const found = new Map<string, string>();
  for (const line of text.split('\n')) {
    const match = /^([0-9a-f]{40}|[0-9a-f]{64})\t(\S+)$/.exec(line);
    if (match) found.set(match[2]!, match[1]!);
  }
  return found;
}

export type ReferenceChoice =
  | { readonly kind: 'commit'; readonly commit: string; readonly branch?: string }
  | { readonly kind: 'ref'; readonly ref: string }
  | { readonly kind: 'semver'; readonly range: string };

/** Which of the given references counts; `master` when none is given, as upstream has it. Throws GIT.INVALID_REQUEST. */
export function chooseReference(url: string, reference: GitReference): ReferenceChoice {
  const invalid = (why: string) => new ProblemError(problem(gitProblems.invalid, { url: redactUrl(url) }, { why }));
  const checked = (name: string) => {
    if (!isReferenceName(name)) throw invalid(`"${name}" is not a name git allows for a reference`);
    return name;
  };
  if (reference.commit) {
    const commit = reference.commit.toLowerCase();
    if (!/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(commit)) throw invalid(`ref.commit "${reference.commit}" is not the full hash of a commit`);
    return { kind: 'commit', commit, branch: reference.branch ? checked(`refs/heads/${reference.branch}`) : undefined };
  }
  if (reference.name) {
    if (!reference.name.startsWith('refs/')) throw invalid(`ref.name "${reference.name}" must begin with refs/`);
    return { kind: 'ref', ref: checked(reference.name) };
  }
  if (reference.semver) {
    if (!parseRange(reference.semver)) throw invalid(`ref.semver "${reference.semver}" is not a version range`);
    return { kind: 'semver', range: reference.semver };
  }
  if (reference.tag) return { kind: 'ref', ref: checked(`refs/tags/${reference.tag}`) };
  return { kind: 'ref', ref: checked(`refs/heads/${reference.branch || 'master'}`) };
}

/** The revision a choice means among the remote's references. Throws GIT.REFERENCE_NOT_FOUND or GIT.EMPTY_REPOSITORY. */
export function selectRevision(url: string, choice: ReferenceChoice, references: RemoteReferences): GitRevision {
  if (choice.kind === 'commit') return { commit: choice.commit, ref: choice.branch, pinned: true };
  const where = redactUrl(url);
  const refuse = (reference: string, why: string) => {
    if (references.size === 0) return new ProblemError(problem(gitProblems.emptyRepository, { url: where }, { why: 'the server lists no references' }));
    return new ProblemError(problem(gitProblems.referenceNotFound, { url: where, reference }, { why }));
  };
  if (choice.kind === 'ref') {
    const commit = references.get(`${choice.ref}^{}`) ?? references.get(choice.ref);
    if (commit) return { commit, ref: choice.ref, pinned: false };
    throw refuse(describeReference(choice.ref), listReferences(references, choice.ref));
  }
  const ref = highestTag(choice.range, references);
  if (ref) return { commit: references.get(`${ref}^{}`) ?? references.get(ref)!, ref, pinned: false };
  throw refuse(`tag in the range "${choice.range}"`, listReferences(references, 'refs/tags/'));
}

function highestTag(range: string, references: RemoteReferences): string | undefined {
  const allows = parseRange(range);
  let best: { ref: string; version: NonNullable<ReturnType<typeof parseVersion>> } | undefined;
  for (const ref of references.keys()) {
    if (!ref.startsWith('refs/tags/') || ref.endsWith('^{}')) continue;
    const version = parseVersion(ref.slice('refs/tags/'.length));
    if (!version || !allows?.(version)) continue;
    if (!best || compareVersions(version, best.version) > 0) best = { ref, version };
  }
  return best?.ref;
}

function describeReference(ref: string): string {
  if (ref.startsWith('refs/heads/')) return `branch "${ref.slice('refs/heads/'.length)}"`;
  if (ref.startsWith('refs/tags/')) return `tag "${ref.slice('refs/tags/'.length)}"`;
  return `reference "${ref}"`;
}

/** "it has main, staging": the references of the same sort, at most five. */
function listReferences(references: RemoteReferences, like: string): string {
  const prefix = like.startsWith('refs/tags/') ? 'refs/tags/' : 'refs/heads/';
  const names = [...references.keys()].filter((ref) => ref.startsWith(prefix) && !ref.endsWith('^{}')).map((ref) => ref.slice(prefix.length));
  const sort = prefix === 'refs/tags/' ? 'tags' : 'branches';
  if (names.length === 0) return `it has no ${sort}`;
  const more = names.length > 5 ? ` and ${names.length - 5} more` : '';
  return `its ${sort} are ${names.slice(0, 5).join(', ')}${more}`;
}

/** The rules of git-check-ref-format for a full name. */
export function isReferenceName(name: string): boolean {
  if (!name.includes('/') || name.endsWith('/') || name.endsWith('.') || name.startsWith('-')) return false;
  if (/[\u0000-\u0020\u007f~^:?*[\\]|\.\.|@\{|\/\//.test(name)) return false;
  return name.split('/').every((part) => part !== '' && !part.startsWith('.') && !part.endsWith('.lock'));
}
