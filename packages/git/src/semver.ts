// Versions after semver.org 2.0.0 with the leniency of Masterminds/semver (a leading `v`, missing minor and patch numbers),
// and its range grammar: comparators joined by spaces or commas, `||`, hyphen ranges, `~`, `^`, `x` and `*`.

export interface Version {
  readonly numbers: readonly [number, number, number];
  readonly prerelease: readonly string[];
}

export type Range = (version: Version) => boolean;

const versionPattern = /^v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z.-]+)?$/;

/** Undefined when the text is no version. */
export function parseVersion(text: string): Version | undefined {
  const match = versionPattern.exec(text.trim());
  if (!match) return undefined;
  return { numbers: [Number(match[1]), Number(match[2] ?? 0), Number(match[3] ?? 0)], prerelease: match[4]?.split('.') ?? [] };
}

/** Precedence of semver.org section 11: negative when `a` is lower. */
export function compareVersions(a: Version, b: Version): number {
  for (let i = 0; i < 3; i++) {
    const difference = a.numbers[i]! - b.numbers[i]!;
    if (difference !== 0) return difference;
  }
  if (a.prerelease.length === 0 || b.prerelease.length === 0) return b.prerelease.length - a.prerelease.length;
  for (let i = 0; i < Math.max(a.prerelease.length, b.prerelease.length); i++) {
    const difference = compareIdentifiers(a.prerelease[i], b.prerelease[i]);
    if (difference !== 0) return difference;
  }
  return 0;
}

function compareIdentifiers(a: string | undefined, b: string | undefined): number {
  if (a === undefined || b === undefined) return a === b ? 0 : a === undefined ? -1 : 1;
  const [numericA, numericB] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (numericA && numericB) return Number(a) - Number(b);
  if (numericA !== numericB) return numericA ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}

/** A test for versions in the range; undefined when the text is no range. A pre-release matches only where a comparator names one. */
export function parseRange(text: string): Range | undefined {
  const alternatives: Range[] = [];
  for (const part of text.split('||')) {
    const range = parseAnd(part.trim());
    if (!range) return undefined;
    alternatives.push(range);
  }
  return (version) => alternatives.some((allows) => allows(version));
}

function parseAnd(text: string): Range | undefined {
  const joined = text
    .replace(/(\S+)\s+-\s+(\S+)/g, '>=$1 <=$2')
    .replace(/([<>=!~^]+)\s+/g, '$1')
    .split(/[\s,]+/)
    .filter((part) => part !== '');
  if (joined.length === 0) return undefined;
  const tests: Range[] = [];
  let namesPrerelease = false;
  for (const part of joined) {
    const parsed = parseComparator(part);
    if (!parsed) return undefined;
    tests.push(parsed.allows);
    namesPrerelease ||= parsed.prerelease;
  }
  return (version) => (version.prerelease.length === 0 || namesPrerelease) && tests.every((allows) => allows(version));
}

function parseComparator(text: string): { allows: Range; prerelease: boolean } | undefined {
  const match = /^(!=|>=|=>|<=|=<|~>|[=<>~^])?(.+)$/.exec(text);
  if (!match) return undefined;
  const operator = match[1] ?? '';
  const [base, ...rest] = match[2]!.replace(/^v/, '').split(/(?=[-+])/);
  const fields = base!.split('.');
  if (fields.length > 3) return undefined;
  const given = fields.findIndex((field) => /^[xX*]$/.test(field));
  const fixed = given < 0 ? fields.length : given;
  if (fields.slice(0, fixed).some((field) => !/^\d+$/.test(field)) || fields.slice(fixed).some((field) => !/^[xX*]$/.test(field))) return undefined;
  const numbers = [0, 1, 2].map((i) => (i < fixed ? Number(fields[i]) : 0));
  const low = parseVersion(numbers.join('.') + (fixed === 3 ? rest.join('') : ''));
  if (!low) return undefined;
  const above = (position: number): Version => {
    const next = numbers.map((n, i) => (i < position ? n : i === position ? n + 1 : 0));
    return { numbers: [next[0]!, next[1]!, next[2]!], prerelease: [] };
  };
  return { allows: comparator(operator, low, fixed, numbers, above), prerelease: low.prerelease.length > 0 };
}

function comparator(operator: string, low: Version, fixed: number, numbers: readonly number[], above: (position: number) => Version): Range {
  const atLeast: Range = (version) => compareVersions(version, low) >= 0;
  const before = (position: number): Range => (version) => position < 0 || compareVersions(version, above(position)) < 0;
  const within = (position: number): Range => (version) => atLeast(version) && before(position)(version);
  switch (operator) {
    case '>':
      return fixed === 3 ? (version) => compareVersions(version, low) > 0 : (version) => fixed > 0 && compareVersions(version, above(fixed - 1)) >= 0;
    case '>=':
    case '=>':
      return atLeast;
    case '<':
      return (version) => compareVersions(version, low) < 0;
    case '<=':
    case '=<':
      return fixed === 3 ? (version) => compareVersions(version, low) <= 0 : before(fixed - 1);
    case '~':
    case '~>':
      return within(Math.min(fixed - 1, 1));
    case '^': {
      const firstNonZero = numbers.findIndex((n, i) => n > 0 && i < fixed);
      return within(firstNonZero < 0 ? fixed - 1 : firstNonZero);
    }
    case '!=': {
      const same = fixed === 3 ? (version: Version) => compareVersions(version, low) === 0 : within(fixed - 1);
      return (version) => !same(version);
    }
    default:
      return fixed === 3 ? (version) => compareVersions(version, low) === 0 : within(fixed - 1);
  }
}
