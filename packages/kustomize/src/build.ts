import type { KubeObject } from '@keelson/kube';
import { accumulate, findKustomization } from './accumulate.ts';
import { type VirtualFiles, joinPath } from './files.ts';
import { contentHash } from './generate/hash.ts';
import type { SortOrder } from './load/kustomization-file.ts';
import { orderResources } from './order.ts';
import { type Overlay, generateKustomization, overlayKustomization } from './overlay.ts';
import { type Origin, kustomizeProblems, problemAt } from './problems.ts';
import { fixReferences } from './reference/fix-references.ts';
import { type Resource, annotationOf, createResource, nameOf, refuseDuplicates, rememberId, setName } from './resource.ts';

export interface BuildOptions {
  /** Order when the top kustomization has no sortOptions; fifo when absent (Flux's; the CLI's is legacy). */
  readonly order?: 'legacy' | 'fifo';
  /** Keep files of a kustomization in or below its folder, as the CLI does; false when absent (Flux's). */
  readonly restrictFiles?: boolean;
  /** Make a kustomization of all objects below the folder where it has none, as Flux does; otherwise that is an error. */
  readonly generateMissing?: boolean;
  /** Laid over the top kustomization. */
  readonly overlay?: Overlay;
}

export interface BuiltObject {
  readonly object: KubeObject;
  /** The file and line it was read from; for a generated one, those of the generator's entry. */
  readonly origin: Origin;
}

/** Builds the kustomization in a folder ('' is the root). Throws a ProblemError (KUSTOMIZE.*) with file and line. */
export function build(files: VirtualFiles, folder: string, options: BuildOptions = {}): KubeObject[] {
  return buildObjects(files, folder, options).map(({ object }) => object);
}

/** As `build`, with the place each object comes from. */
export function buildObjects(files: VirtualFiles, folder: string, options: BuildOptions = {}): BuiltObject[] {
  const top = joinPath('', folder);
  if (top === undefined || files.list(top) === undefined) {
    throw problemAt(kustomizeProblems.notFound, { file: folder, line: 0 }, 'there is no such folder', { path: folder });
  }
  const found = findKustomization(files, top) ?? (options.generateMissing ? generateKustomization(files, top) : undefined);
  if (!found) throw problemAt(kustomizeProblems.notFound, { file: folder, line: 0 }, 'the folder has no kustomization.yaml', { path: joinPath(top, 'kustomization.yaml')! });
  const kustomization = options.overlay ? overlayKustomization(found, options.overlay) : found;
  const resources: Resource[] = [];
  accumulate({ files, restrictFiles: options.restrictFiles ?? false }, kustomization, top, resources, []);
  return finish(resources, kustomization.sort ?? { order: options.order ?? 'fifo' });
}

/** What happens once, at the very top: hashes, references, dropping of local configuration, order. */
function finish(resources: readonly Resource[], sort: SortOrder): BuiltObject[] {
  for (const resource of resources) {
    if (!resource.needsHash) continue;
    const hash = contentHash(resource.object);
    rememberId(resource);
    setName(resource, `${nameOf(resource)}-${hash}`);
  }
  refuseDuplicates(resources);
  fixReferences(resources);
  const kept = resources.filter((resource) => {
    const local = annotationOf(resource, 'config.kubernetes.io/local-config');
    return local === undefined || local === 'false';
  });
  return orderResources(kept, sort).map((resource) => {
    createResource(resource.object, resource.origin);
    // createResource has just checked that kind and metadata.name are there; apiVersion may be missing, which the API server refuses by name.
    return { object: resource.object as KubeObject, origin: resource.origin };
  });
}
