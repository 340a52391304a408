// What Flux's Kustomization lays over the kustomization it finds, and the one it makes where there is none (fluxcd/pkg kustomize generator's behaviour).
import { type VirtualFiles, joinPath } from './files.ts';
import { kustomizationFileNames } from './accumulate.ts';
import { type ImageEntry, type Kustomization, type PatchEntry, emptyKustomization } from './load/kustomization-file.ts';
import { parseYaml } from './load/parse-yaml.ts';
import { isMap } from './json.ts';
import type { Origin } from './problems.ts';

export interface Overlay {
  /** What messages name as the place of these fields, e.g. `Kustomization flux-system/apps`. */
  readonly place: string;
  readonly namespace?: string;
  readonly namePrefix?: string;
  readonly nameSuffix?: string;
  readonly patches?: readonly { readonly patch: string; readonly target?: PatchEntry['target'] }[];
  readonly components?: readonly string[];
  readonly images?: readonly ImageEntry[];
}

/** The kustomization with the overlay: names are overridden, patches and components appended, images merged by name. */
export function overlayKustomization(base: Kustomization, overlay: Overlay): Kustomization {
  const at = (field: string): Origin => ({ file: `${overlay.place} spec.${field}`, line: 0 });
  const patches = (overlay.patches ?? []).map((entry, index) => ({ ...entry, allowNameChange: false, allowKindChange: false, origin: at(`patches[${index}]`) }));
  const components = (overlay.components ?? []).map((text, index) => ({ text, origin: at(`components[${index}]`) }));
  return {
    ...base,
    namespace: overlay.namespace || base.namespace,
    namePrefix: overlay.namePrefix || base.namePrefix,
    nameSuffix: overlay.nameSuffix || base.nameSuffix,
    patches: [...base.patches, ...patches],
    components: [...base.components, ...components],
    images: mergeImages(base.images, overlay.images ?? []),
  };
}

function mergeImages(base: readonly ImageEntry[], over: readonly ImageEntry[]): readonly ImageEntry[] {
  const merged = base.map((image) => {
    const change = over.find((other) => other.name === image.name);
    if (!change) return image;
    const tagged = change.newTag || change.digest ? { newTag: change.newTag, digest: change.digest } : {};
    return { ...image, ...(change.newName ? { newName: change.newName } : {}), ...tagged };
  });
  return [...merged, ...over.filter((image) => !base.some((other) => other.name === image.name))];
}

/** A kustomization of all YAML files of Kubernetes objects below a folder; a sub-folder with its own kustomization is named as a whole. */
export function generateKustomization(files: VirtualFiles, folder: string): Kustomization {
  const origin: Origin = { file: folder || '.', line: 0 };
  const found: string[] = [];
  collect(files, folder, '', found);
  return { ...emptyKustomization(origin), resources: found.map((text) => ({ text, origin: { file: joinPath(folder, text) ?? text, line: 0 } })) };
}

function collect(files: VirtualFiles, root: string, below: string, found: string[]): void {
  const here = joinPath(root, below) ?? root;
  for (const name of files.list(here) ?? []) {
    const relative = below ? `${below}/${name}` : name;
    if (name.endsWith('/')) {
      const child = relative.slice(0, -1);
      if (kustomizationFileNames.some((file) => files.read(joinPath(here, name + file)!) !== undefined)) found.push(child);
      else collect(files, root, child, found);
    } else if (/\.ya?ml$/.test(name) && !kustomizationFileNames.includes(name) && holdsObjects(files.read(joinPath(here, name)!)!, joinPath(here, name)!)) {
      found.push(relative);
    }
  }
}

/** True when any document looks like an object; a file that cannot be read is kept, so that its error is told. */
function holdsObjects(bytes: Uint8Array, path: string): boolean {
  try {
    const documents = parseYaml(new TextDecoder().decode(bytes), path, 'resource');
    return documents.some(({ value }) => isMap(value) && typeof value.kind === 'string' && typeof value.apiVersion === 'string');
  } catch {
    return true;
  }
}
