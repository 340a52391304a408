import { ProblemError, type Problem, TransportError, describeError, problem, readBody } from '@keelson/std';
import { type KubeObject, keyOf } from '@keelson/kube';
import { GitRepository, type Kustomization } from '@keelson/api';
import type { ReconcileContext } from '@keelson/controller';
import { digestOf, readArchive } from '@keelson/git';
import { type VirtualFiles, virtualFiles } from '@keelson/kustomize';
import { type Artifact, conditionTypes } from '../flux.ts';
import { gitopsProblems } from '../problems.ts';
import type { ArtifactStore } from '../source/artifact-store.ts';
import { findCondition } from '@keelson/kube';

export interface Source {
  /** `GitRepository/flux-system/fleet` */
  readonly text: string;
  readonly artifact: Artifact;
}

/** `GitRepository/flux-system/fleet`: what a Kustomization's sourceRef names. */
export function sourceText(kustomization: Kustomization): string {
  const reference = kustomization.spec?.sourceRef;
  return `${reference?.kind}/${reference?.namespace ?? kustomization.metadata.namespace}/${reference?.name}`;
}

/** The source and its artifact; a problem when there is none yet. */
export async function findSource(kustomization: Kustomization, context: ReconcileContext): Promise<Source | Problem> {
  const text = sourceText(kustomization);
  const args = { key: keyOf(kustomization), source: text };
  const source = await readSource(kustomization, context);
  if (!source) return problem(gitopsProblems.sourceMissing, args, { why: 'there is no such object', where: 'spec.sourceRef' });
  const artifact = (source['status'] as { artifact?: Artifact } | undefined)?.artifact;
  if (artifact) return { text, artifact };
  const ready = findCondition(source, conditionTypes.ready);
  return problem(gitopsProblems.artifactMissing, args, { why: ready ? `it has stored none yet: ${ready.message}` : 'it has stored none yet', where: text });
}

async function readSource(kustomization: Kustomization, context: ReconcileContext): Promise<KubeObject | undefined> {
  const reference = kustomization.spec?.sourceRef;
  if (!reference) return undefined;
  const key = { namespace: reference.namespace ?? kustomization.metadata.namespace, name: reference.name };
  if (reference.kind === 'GitRepository') return context.cache.get(GitRepository, key);
  const kind = await context.client.resolve(reference.apiVersion ?? 'source.toolkit.fluxcd.io/v1', reference.kind);
  return kind && context.client.get(kind, key);
}

const downloadLimitBytes = 128 * 1024 * 1024;
const cachedTrees = 8;

/** Reads artifacts into file trees, from our store or by HTTP from another's, and keeps the last few by digest. */
export function artifactReader(artifacts: ArtifactStore): (source: Source, key: string, context: ReconcileContext) => Promise<VirtualFiles> {
  const trees = new Map<string, VirtualFiles>();
  return async ({ artifact, text }, key, context) => {
    const known = trees.get(artifact.digest);
    if (known) return known;
    const bytes = (await artifacts.read(artifact)) ?? (await download(artifact, text, key, artifacts, context));
    let tree: VirtualFiles;
    try {
      tree = virtualFiles(readArchive(bytes));
    } catch (cause) {
      throw new ProblemError(problem(gitopsProblems.artifactMissing, { key, source: text }, { why: describeError(cause), where: artifact.path }), { cause });
    }
    if (trees.size >= cachedTrees) trees.delete(trees.keys().next().value!);
    trees.set(artifact.digest, tree);
    return tree;
  };
}

async function download(artifact: Artifact, source: string, key: string, artifacts: ArtifactStore, context: ReconcileContext): Promise<Uint8Array> {
  const refuse = (why: string, cause?: unknown) => new ProblemError(problem(gitopsProblems.artifactMissing, { key, source }, { why, where: artifact.url }), { cause });
  if (artifact.url === artifacts.urlOf(artifact.path)) throw refuse('its file is not in the store; the source makes it again');
  try {
    const response = await context.env.net.request({ method: 'GET', url: artifact.url, headers: {}, signal: context.signal }, { timeoutMs: 15_000 });
    if (response.status !== 200) throw refuse(`the server answered ${response.status}`);
    const bytes = await readBody(response.body, downloadLimitBytes);
    if (digestOf(bytes) !== artifact.digest) throw refuse(`its digest is not ${artifact.digest}`);
    return bytes;
  } catch (error) {
    if (error instanceof TransportError) throw refuse(describeError(error), error);
    throw error;
  }
}
