import { createHash } from 'node:crypto';
import { ProblemError, problem } from '@keelson/std';
import { keyOf } from '@keelson/kube';
import type { Kustomization } from '@keelson/api';
import { type BuiltObject, type VirtualFiles, buildObjects, joinPath } from '@keelson/kustomize';
import { gitopsProblems } from '../problems.ts';

export interface Built {
  readonly objects: readonly BuiltObject[];
  /** `sha256:<hex>` over all objects. */
  readonly digest: string;
}

/** Builds a Kustomization's path from an artifact's files. `where` is the place of the Kustomization itself. Throws a ProblemError. */
export function buildManifests(kustomization: Kustomization, files: VirtualFiles, revision: string, where: string): Built {
  const { path = '', targetNamespace, namePrefix, nameSuffix, patches, images, components = [], ignoreMissingComponents } = kustomization.spec ?? {};
  const folder = joinPath('', path.replace(/^\/+/, ''));
  if (folder === undefined || files.list(folder) === undefined) {
    const args = { key: keyOf(kustomization), path, revision };
    throw new ProblemError(problem(gitopsProblems.pathMissing, args, { why: `kustomization path not found: ${neighbours(files, folder)}`, where: `${where} spec.path` }));
  }
  const present = ignoreMissingComponents ? components.filter((component) => files.list(joinPath(folder, component) ?? '\0') !== undefined) : components;
  const objects = buildObjects(files, folder, {
    generateMissing: true,
    overlay: { place: `Kustomization ${keyOf(kustomization)}`, namespace: targetNamespace, namePrefix, nameSuffix, patches, images, components: present },
  });
  const hash = createHash('sha256');
  for (const { object } of objects) hash.update(JSON.stringify(object)).update('\n');
  return { objects, digest: `sha256:${hash.digest('hex')}` };
}

/** What is there in place of a missing folder: the nearest folder above it and its folders. */
function neighbours(files: VirtualFiles, folder: string | undefined): string {
  if (folder === undefined) return 'the path leaves the repository';
  const parts = folder.split('/');
  while (parts.length > 0 && files.list(parts.join('/')) === undefined) parts.pop();
  const above = parts.join('/');
  const folders = (files.list(above) ?? []).filter((name) => name.endsWith('/')).map((name) => name.slice(0, -1));
  const shown = folders.length === 0 ? 'no folders' : `${folders.slice(0, 8).join(', ')}${folders.length > 8 ? ', …' : ''}`;
  return `${above === '' ? 'the root' : above} has ${shown}`;
}
