// kustomize's ImageTagTransformer: a name is a pattern for the repository part, and what stands behind it is replaced as told.
import { type JsonMap, isMap, setMember } from '../json.ts';
import type { ImageEntry } from '../load/kustomization-file.ts';
import { type Resource, gvkOf } from '../resource.ts';
import { visitFields } from './field-path.ts';
import { imageSpecs } from './field-specs.ts';

/** Changes every matching image of containers, init containers and image volumes. */
export function setImages(resources: readonly Resource[], entry: ImageEntry): void {
  const pattern = imagePattern(entry.name);
  if (!pattern) return;
  const change = (holder: JsonMap, key: string) => {
    const image = holder[key];
    if (typeof image === 'string' && pattern.test(image)) setMember(holder, key, changeImage(image, entry));
  };
  for (const { object } of resources) {
    if (gvkOf(object).kind !== 'CustomResourceDefinition') walkContainers(object, change);
    for (const spec of imageSpecs) visitSafely(object, spec.path, change);
  }
}

/** Undefined when the name is no valid pattern; it matches nothing then. */
function imagePattern(name: string): RegExp | undefined {
  try {
    return new RegExp(`^${name}(:[a-zA-Z0-9_.{}-]*)?(@sha256:[a-zA-Z0-9_.{}-]*)?$`);
  } catch {
    return undefined;
  }
}

/** Lists under `containers` and `initContainers` wherever they are, so that kinds nobody told us of are covered too. */
function walkContainers(node: unknown, change: (holder: JsonMap, key: string) => void): void {
  if (Array.isArray(node)) {
    for (const item of node) walkContainers(item, change);
    return;
  }
  if (!isMap(node)) return;
  for (const [key, value] of Object.entries(node)) {
    if ((key === 'containers' || key === 'initContainers') && Array.isArray(value)) {
      for (const item of value) if (isMap(item) && typeof item.image === 'string') change(item, 'image');
    } else walkContainers(value, change);
  }
}

/** Objects of foreign kinds may have other things at these paths; they are left alone. */
function visitSafely(object: JsonMap, path: string, change: (holder: JsonMap, key: string) => void): void {
  try {
    visitFields(object, path, false, change);
  } catch {
    // Not the shape of a pod: no image here.
  }
}

/** The parts of an image reference; a colon before the first slash belongs to a port. */
export function splitImage(image: string): { name: string; tag: string; digest: string } {
  const at = image.indexOf('@');
  const digest = at < 0 ? '' : image.slice(at + 1);
  const rest = at < 0 ? image : image.slice(0, at);
  const slash = rest.indexOf('/');
  const colon = rest.indexOf(':', slash < 0 ? 0 : slash);
  return colon < 0 ? { name: rest, tag: '', digest } : { name: rest.slice(0, colon), tag: rest.slice(colon + 1), digest };
}

function changeImage(image: string, entry: ImageEntry): string {
  const parts = splitImage(image);
  const name = entry.newName || parts.name;
  let { tag, digest } = parts;
  if (entry.newTag && entry.digest) [tag, digest] = [entry.newTag, entry.digest];
  else if (entry.newTag) [tag, digest] = [entry.newTag, ''];
  else if (entry.digest) [tag, digest] = ['', entry.digest];
  if (entry.tagSuffix) tag = `${tag}${entry.tagSuffix}`;
  return `${name}${tag ? `:${tag}` : ''}${digest ? `@${digest}` : ''}`;
}
