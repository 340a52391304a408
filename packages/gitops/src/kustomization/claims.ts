// Objects that leave one Kustomization may have moved to another of the same repository. Upstream deletes them if the first happens to run first;
// for a host or a cluster that would be a disaster, so whoever deletes looks first at what the others make of the same revision.
import { ProblemError } from '@keelson/std';
import { keyOf } from '@keelson/kube';
import { Kustomization } from '@keelson/api';
import type { KubeClient } from '@keelson/kube/client';
import type { ReconcileContext } from '@keelson/controller';
import type { VirtualFiles } from '@keelson/kustomize';
import { type InventoryEntry, inventoryEntry, parseInventoryEntry } from '../apply/inventory.ts';
import { prepareObjects } from '../apply/prepare.ts';
import { buildManifests } from './build-manifests.ts';
import { sourceText } from './source.ts';

/** Why an object stays though it left, by inventory id. */
export type Claims = ReadonlyMap<string, string>;

export interface ClaimSearch {
  readonly kustomization: Kustomization;
  /** Entries that would be deleted. */
  readonly entries: readonly InventoryEntry[];
  readonly files: VirtualFiles;
  readonly revision: string;
  readonly client: KubeClient;
  readonly context: ReconcileContext;
}

/** Which of the entries another Kustomization of the same source and cluster has in this revision, or may have: its files name it, but do not build. */
export async function findClaims(search: ClaimSearch): Promise<Claims> {
  const claims = new Map<string, string>();
  if (search.entries.length === 0) return claims;
  for (const sibling of siblingsOf(search.kustomization, search.context)) {
    const ids = await idsOf(sibling, search);
    for (const entry of search.entries) {
      const key = keyOf(sibling);
      if (ids?.has(entry.id)) claims.set(entry.id, `it moved to Kustomization ${key}`);
      else if (ids === undefined && !claims.has(entry.id)) {
        const file = fileNaming(entry, search.files);
        if (file !== undefined) claims.set(entry.id, `Kustomization ${key} does not build, and ${file} may make it part of it`);
      }
    }
  }
  return claims;
}

function siblingsOf(kustomization: Kustomization, { cache }: ReconcileContext): Kustomization[] {
  const source = sourceText(kustomization);
  const cluster = clusterOf(kustomization);
  return cache.list<Kustomization>(Kustomization).filter((other) => {
    if (keyOf(other) === keyOf(kustomization) || other.metadata.deletionTimestamp) return false;
    return sourceText(other) === source && clusterOf(other) === cluster;
  });
}

function clusterOf({ spec, metadata }: Kustomization): string {
  const secret = spec?.kubeConfig?.secretRef;
  return secret ? `${metadata.namespace}/${secret.name}/${secret.key ?? ''}` : '';
}

/** The inventory ids a Kustomization will have; undefined when it cannot be built. */
async function idsOf(sibling: Kustomization, { files, revision, client }: ClaimSearch): Promise<ReadonlySet<string> | undefined> {
  try {
    const { objects } = buildManifests(sibling, files, revision, '');
    const desired = await prepareObjects(objects, { owner: sibling.metadata, client });
    return new Set(desired.map(({ object }) => inventoryEntry(object).id));
  } catch (error) {
    if (error instanceof ProblemError) return undefined;
    throw error;
  }
}

/** The first YAML file with a document that names this kind and name, read as text so that a broken file counts too. */
function fileNaming(entry: InventoryEntry, files: VirtualFiles, folder = ''): string | undefined {
  const ref = parseInventoryEntry(entry);
  if (!ref) return undefined;
  const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const kind = new RegExp(`\\bkind["']?\\s*:\\s*["']?${escaped(ref.kind)}\\b`);
  const name = new RegExp(`\\bname["']?\\s*:\\s*["']?${escaped(ref.name)}["']?\\s*(?:[,}#]|$)`, 'm');
  const walk = (below: string): string | undefined => {
    for (const child of files.list(below) ?? []) {
      const path = below ? `${below}/${child}` : child;
      if (child.endsWith('/')) {
        const found = walk(path.slice(0, -1));
        if (found) return found;
      } else if (/\.(ya?ml|json)$/.test(child)) {
        const documents = new TextDecoder().decode(files.read(path)).split(/^---/m);
        if (documents.some((text) => kind.test(text) && name.test(text))) return path;
      }
    }
    return undefined;
  };
  return walk(folder);
}
