import type { KindRef } from '@keelson/kube';
import { tableIndex } from './gen/index.gen.ts';
import type { KindSummary } from './tables/kind-table.ts';

/** Every kind of every table at its storage version. */
export function allKindRefs(): readonly KindRef[] {
  return allKinds().map(kindRef);
}

/** Every kind of every table with its names, in the order in which names are resolved. */
export function allKinds(): readonly KindSummary[] {
  return tableIndex.flatMap((table) => table.kinds);
}

/**
 * The kind a user means: kind, plural, singular or short name in any case, also qualified as kubectl does
 * (`hosts.metal3.io`, `deployments.v1.apps`). Where several kinds share a name the built-ins win, then the order of the
 * tables; `kindsByName` has them all. Undefined when no kind has that name.
 */
export function kindByName(text: string): KindRef | undefined {
  return kindsByName(text)[0];
}

/** All kinds a name can mean, the preferred one first. */
export function kindsByName(text: string): readonly KindRef[] {
  const wanted = text.toLowerCase();
  const exact = allKinds().filter((kind) => namesOf(kind).includes(wanted));
  if (exact.length > 0) return exact.map(kindRef);
  const dot = wanted.indexOf('.');
  if (dot < 0) return [];
  const name = wanted.slice(0, dot);
  const rest = wanted.slice(dot + 1);
  return allKinds().flatMap((kind) => {
    if (!namesOf(kind).includes(name)) return [];
    if (kind.group === rest) return [kindRef(kind)];
    const version = kind.versions.find((one) => rest === `${one}.${kind.group}` || (kind.group === '' && rest === one));
    return version === undefined ? [] : [{ ...kindRef(kind), version }];
  });
}

/** The kinds of a category, such as `all` or `cluster-api`. */
export function kindsByCategory(category: string): readonly KindRef[] {
  return allKinds()
    .filter((kind) => kind.categories.includes(category))
    .map(kindRef);
}

function namesOf(kind: KindSummary): string[] {
  return [kind.kind.toLowerCase(), kind.plural, kind.singular, ...kind.shortNames];
}

function kindRef({ group, version, kind, plural, namespaced }: KindSummary): KindRef {
  return { group, version, kind, plural, namespaced };
}
