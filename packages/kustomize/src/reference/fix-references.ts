// kustomize's NameReferenceTransformer: once all names are final, every known reference to a former name is set to the object's name of now.
import { type JsonMap, isMap, member, setMember } from '../json.ts';
import { kustomizeProblems, problemAt } from '../problems.ts';
import { type Resource, type ResourceId, currentId, gvkOf, idText, isClusterWide, nameOf, namespaceOf, originalId } from '../resource.ts';
import { specSelects, visitFields } from '../transform/field-path.ts';
import { type ReferenceRule, referenceRules } from './reference-table.ts';

/** Changes references in place. Throws KUSTOMIZE.AMBIGUOUS_REFERENCE when a name means several objects. */
export function fixReferences(resources: readonly Resource[]): void {
  const byFormerName = indexByFormerName(resources);
  if (byFormerName.size === 0) return;
  for (const rule of referenceRules) {
    for (const spec of rule.referrers) {
      for (const referrer of resources) {
        if (!specSelects(spec, originalId(referrer))) continue;
        const search: Search = { rule, referrer, path: spec.path, byFormerName };
        visitFields(referrer.object, spec.path, false, (holder, key) => setMember(holder, key, fixValue(search, holder[key])));
      }
    }
  }
}

interface Search {
  readonly rule: ReferenceRule;
  readonly referrer: Resource;
  readonly path: string;
  readonly byFormerName: ReadonlyMap<string, readonly Resource[]>;
}

/** Objects by each name they had before; what was never renamed is in no need of fixing. */
function indexByFormerName(resources: readonly Resource[]): ReadonlyMap<string, readonly Resource[]> {
  const index = new Map<string, Resource[]>();
  for (const resource of resources) {
    for (const name of new Set(resource.previousIds.map((id) => id.name))) {
      const list = index.get(name);
      if (list) list.push(resource);
      else index.set(name, [resource]);
    }
  }
  return index;
}

function fixValue(search: Search, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => fixValue(search, item));
  if (typeof value === 'string') {
    const found = choose(search, value, candidates(search, value));
    return found ? nameOf(found) : value;
  }
  if (isMap(value)) fixMap(search, value);
  return value;
}

/** References of the form {name, namespace}: both are written. */
function fixMap(search: Search, value: JsonMap): void {
  const name = member(value, 'name');
  if (typeof name !== 'string') return;
  let found = candidates(search, name);
  const namespace = member(value, 'namespace');
  if (typeof namespace === 'string') {
    const effective = (id: ResourceId) => id.namespace === (namespace || 'default');
    const before = found.filter((resource) => effective(originalId(resource)));
    found = before.length > 0 ? before : found.filter((resource) => effective(currentId(resource)));
  }
  const target = choose(search, name, found);
  if (!target) return;
  setMember(value, 'name', nameOf(target));
  const targetNamespace = namespaceOf(target);
  if (targetNamespace) setMember(value, 'namespace', targetNamespace);
}

function candidates({ rule, referrer, path, byFormerName }: Search, name: string): readonly Resource[] {
  const roleRef = path === 'roleRef/name' && isMap(referrer.object.roleRef) ? referrer.object.roleRef : undefined;
  return (byFormerName.get(name) ?? []).filter((resource) => {
    if (!resource.previousIds.some((id) => id.name === name && specSelects(rule.target, id))) return false;
    const id = currentId(resource);
    if (roleRef && (roleRef.kind !== id.kind || (typeof roleRef.apiGroup === 'string' && roleRef.apiGroup !== '' && roleRef.apiGroup !== id.group))) return false;
    return isVisible(referrer, resource, rule.target.kind === 'ServiceAccount');
  });
}

function isVisible(referrer: Resource, target: Resource, isAccount: boolean): boolean {
  const from = currentId(referrer);
  const to = currentId(target);
  if (isClusterWide(from) || isClusterWide(to) || from.namespace === to.namespace) return true;
  // A RoleBinding may name ServiceAccounts of other namespaces.
  return isAccount && gvkOf(referrer.object).kind === 'RoleBinding' && subjectNamespaces(referrer).includes(to.namespace);
}

function subjectNamespaces(binding: Resource): string[] {
  const { subjects } = binding.object;
  if (!Array.isArray(subjects)) return [];
  return subjects.flatMap((subject) => (isMap(subject) && subject.kind === 'ServiceAccount' && typeof subject.namespace === 'string' ? [subject.namespace] : []));
}

function choose(search: Search, name: string, found: readonly Resource[]): Resource | undefined {
  if (found.length <= 1) return found[0];
  const { referrer } = search;
  for (const emptyFits of [true, false]) {
    const kin = found.filter((resource) => affixesAgree(referrer, resource, emptyFits));
    if (kin.length === 1) return kin[0];
    if (kin.length === 0) return undefined;
    found = kin;
  }
  if (new Set(found.map(nameOf)).size === 1) return found[0];
  const list = found.map((resource) => idText(currentId(resource))).join(', ');
  throw problemAt(kustomizeProblems.reference, referrer.origin, `"${name}" in ${search.path} may mean ${list}`, { referrer: idText(currentId(referrer)) });
}

/** True when both went through the same prefixes and suffixes last, so that they come from the same base. */
function affixesAgree(a: Resource, b: Resource, emptyFits: boolean): boolean {
  const agree = (left: readonly string[], right: readonly string[]) => (emptyFits && (left.length === 0 || right.length === 0)) || sameEnding(left, right);
  return agree(a.prefixes, b.prefixes) && agree(a.suffixes, b.suffixes);
}

function sameEnding(a: readonly string[], b: readonly string[]): boolean {
  const [short, long] = a.length <= b.length ? [a, b] : [b, a];
  if (short.length === 0) return long.length === 0;
  return short.every((text, i) => text === long[long.length - short.length + i]);
}
