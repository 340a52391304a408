// Targets of patches: every part is a regular expression anchored at both ends; labels and annotations use Kubernetes' selector grammar.
import { isMap } from '../json.ts';
import type { PatchTarget } from '../load/kustomization-file.ts';
import { type Resource, type ResourceId, anyIds, currentId, gvkOf, metadataOf, originalId } from '../resource.ts';

export class SelectorError extends Error {
  override readonly name = 'SelectorError';
}

/** The resources a target means. Throws SelectorError when a part of it cannot be read. */
export function selectTargets(resources: readonly Resource[], target: PatchTarget): Resource[] {
  const group = anchored('group', target.group);
  const version = anchored('version', target.version);
  const kind = anchored('kind', target.kind);
  const name = anchored('name', target.name);
  const namespace = anchored('namespace', target.namespace);
  const labels = parseRequirements(target.labelSelector ?? '');
  const annotations = parseRequirements(target.annotationSelector ?? '');
  const nameMatches = (ids: readonly ResourceId[]) => ids.some((id) => name(id.name)) && ids.some((id) => namespace(id.namespace));
  return resources.filter((resource) => {
    const gvk = gvkOf(resource.object);
    if (!group(gvk.group) || !version(gvk.version) || !kind(gvk.kind)) return false;
    if (!nameMatches([originalId(resource), currentId(resource), ...anyIds(resource)])) return false;
    return meets(labels, stringsOf(metadataOf(resource).labels)) && meets(annotations, stringsOf(metadataOf(resource).annotations));
  });
}

function anchored(field: string, pattern: string | undefined): (text: string) => boolean {
  if (!pattern) return () => true;
  let compiled: RegExp;
  try {
    compiled = new RegExp(`^(?:${pattern})$`);
  } catch (cause) {
    throw new SelectorError(`target.${field} "${pattern}" is not a regular expression: ${(cause as Error).message}`, { cause });
  }
  return (text) => compiled.test(text);
}

function stringsOf(value: unknown): ReadonlyMap<string, string> {
  return new Map(isMap(value) ? Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string') : []);
}

type Requirement = (values: ReadonlyMap<string, string>) => boolean;

function meets(requirements: readonly Requirement[], values: ReadonlyMap<string, string>): boolean {
  return requirements.every((requirement) => requirement(values));
}

const key = '[A-Za-z0-9](?:[A-Za-z0-9_./-]*[A-Za-z0-9])?';
const grammar: readonly (readonly [RegExp, (match: RegExpExecArray) => Requirement])[] = [
  [new RegExp(`^(${key})\\s+(in|notin)\\s+\\(([^)]*)\\)$`), ([, name, operator, list]) => {
    const values = list!.split(',').map((value) => value.trim());
    return operator === 'in' ? (map) => values.includes(map.get(name!) ?? '\0') : (map) => !values.includes(map.get(name!) ?? '\0');
  }],
  [new RegExp(`^(${key})\\s*!=\\s*(\\S*)$`), ([, name, value]) => (map) => map.get(name!) !== value],
  [new RegExp(`^(${key})\\s*==?\\s*(\\S*)$`), ([, name, value]) => (map) => map.get(name!) === value],
  [new RegExp(`^!\\s*(${key})$`), ([, name]) => (map) => !map.has(name!)],
  [new RegExp(`^(${key})$`), ([, name]) => (map) => map.has(name!)],
];

function parseRequirements(selector: string): Requirement[] {
  return selector
    .split(/,(?![^(]*\))/)
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => {
      for (const [pattern, build] of grammar) {
        const match = pattern.exec(part);
        if (match) return build(match);
      }
      throw new SelectorError(`"${part}" is not a selector`);
    });
}
