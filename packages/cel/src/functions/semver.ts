// Versions: semver.org 2.0.0, k8s.io/apiserver pkg/cel/library/semverlib.go version 1 (with normalization).
import { compareSemver } from '../values/compare.ts';
import type { SemverValue } from '../values/value.ts';
import { CelError } from '../values/value.ts';
import type { Overload } from './declare.ts';
import { global, member, walk } from './declare.ts';

const pattern = /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-((?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)(?:\.(?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*))*))?(?:\+([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?$/;

/** Reads a version. Normalized, a `v` before it, missing parts and leading zeros do not matter. */
function parseSemver(text: string, normalize: boolean): SemverValue | undefined {
  const found = pattern.exec(normalize ? normalized(text) : text);
  if (!found) return undefined;
  const [, major = '', minor = '', patch = '', prerelease, build] = found;
  return { kind: 'semver', major: BigInt(major), minor: BigInt(minor), patch: BigInt(patch), prerelease: prerelease?.split('.') ?? [], build: build?.split('.') ?? [] };
}

function normalized(text: string): string {
  const [, core = '', rest = ''] = /^v?([0-9.]*)(.*)$/s.exec(text) ?? [];
  const parts = core.split('.').map((part) => part.replace(/^0+(?=\d)/, ''));
  while (parts.length < 3) parts.push('0');
  return `${parts.join('.')}${rest}`;
}

function orFail(found: SemverValue | undefined, text: string): SemverValue {
  if (found) return found;
  throw new CelError(text.split('.').length < 3 ? 'No Major.Minor.Patch elements found' : `invalid semantic version ${JSON.stringify(text)}`);
}

const walked = { cost: walk(0), ownCost: true };
const own = { ownCost: true };

export const semverFunctions: readonly Overload[] = [
  global('semver', ['string'], 'semver', (text) => orFail(parseSemver(text, false), text), walked),
  global('semver', ['string', 'bool'], 'semver', (text, normalize) => orFail(parseSemver(text, normalize), text), walked),
  global('isSemver', ['string'], 'bool', (text) => parseSemver(text, false) !== undefined, walked),
  global('isSemver', ['string', 'bool'], 'bool', (text, normalize) => parseSemver(text, normalize) !== undefined, walked),
  member('isGreaterThan', ['semver', 'semver'], 'bool', (a, b) => compareSemver(a, b) > 0, own),
  member('isLessThan', ['semver', 'semver'], 'bool', (a, b) => compareSemver(a, b) < 0, own),
  member('compareTo', ['semver', 'semver'], 'int', (a, b) => BigInt(compareSemver(a, b)), own),
  member('major', ['semver'], 'int', ({ major }) => major, own),
  member('minor', ['semver'], 'int', ({ minor }) => minor, own),
  member('patch', ['semver'], 'int', ({ patch }) => patch, own),
];
