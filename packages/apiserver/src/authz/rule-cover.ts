// Whether rules allow all that other rules allow: component-helpers auth/rbac/validation/policy_comparator.go.
import type { Fields } from '../kinds/fields.ts';
import { textsAt } from '../kinds/fields.ts';

/** The rules of `wanted`, taken apart, that no rule of `owned` allows as a whole; empty when all are allowed. */
export function uncovered(owned: readonly Fields[], wanted: readonly Fields[]): Fields[] {
  return wanted.flatMap(takenApart).filter((piece) => !owned.some((rule) => coversPiece(rule, piece)));
}

/** A rule as rules of one verb on one resource (of one name) or one path each. */
function takenApart(rule: Fields): Fields[] {
  const verbs = textsAt(rule, 'verbs');
  const paths = textsAt(rule, 'nonResourceURLs').flatMap((url) => verbs.map((verb) => ({ verbs: [verb], nonResourceURLs: [url] })));
  const names = textsAt(rule, 'resourceNames');
  const resources = textsAt(rule, 'apiGroups').flatMap((group) =>
    textsAt(rule, 'resources').flatMap((resource) =>
      verbs.flatMap((verb) => {
        const piece = { verbs: [verb], apiGroups: [group], resources: [resource] };
        return names.length === 0 ? [piece] : names.map((name) => ({ ...piece, resourceNames: [name] }));
      }),
    ),
  );
  return [...resources, ...paths];
}

function coversPiece(rule: Fields, piece: Fields): boolean {
  const has = (field: string) => {
    const [wanted] = textsAt(piece, field);
    return textsAt(rule, field).some((one) => one === '*' || one === wanted);
  };
  if (!has('verbs')) return false;
  const [path] = textsAt(piece, 'nonResourceURLs');
  if (path !== undefined) return textsAt(rule, 'nonResourceURLs').some((url) => url === path || url === '*' || (url.endsWith('*') && path.startsWith(url.slice(0, -1))));
  if (!has('apiGroups') || !hasResource(rule, textsAt(piece, 'resources')[0] ?? '')) return false;
  const ownNames = textsAt(rule, 'resourceNames');
  const [name] = textsAt(piece, 'resourceNames');
  return ownNames.length === 0 || (name !== undefined && ownNames.includes(name));
}

// `*` allows all; a star and a subresource allow that subresource of all.
function hasResource(rule: Fields, wanted: string): boolean {
  const slash = wanted.indexOf('/');
  const anySubresource = slash < 0 ? undefined : `*${wanted.slice(slash)}`;
  return textsAt(rule, 'resources').some((one) => one === '*' || one === wanted || one === anySubresource);
}

/** A rule as upstream's messages show it. */
export function showRule(rule: Fields): string {
  const fields: readonly [string, string][] = [['apiGroups', 'APIGroups'], ['resources', 'Resources'], ['resourceNames', 'ResourceNames'], ['nonResourceURLs', 'NonResourceURLs'], ['verbs', 'Verbs']];
  const shown = fields.filter(([field]) => textsAt(rule, field).length > 0).map(([field, label]) => `${label}:[${textsAt(rule, field).map((text) => JSON.stringify(text)).join(' ')}]`);
  return `{${shown.join(', ')}}`;
}
