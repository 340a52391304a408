import type { KindRef } from '@keelson/kube';
import type { Controller } from '@keelson/controller';
import type { GitClient } from '@keelson/git';
import { kustomizationController } from './kustomization/kustomization.ts';
import type { Connect } from './kustomization/target.ts';
import { receiverController } from './notify/receiver.ts';
import type { ArtifactStore } from './source/artifact-store.ts';
import { gitRepositoryController } from './source/git-repository.ts';

export interface GitopsOptions {
  readonly git: GitClient;
  /** From createArtifactStore; serve its handler where its URLs point to. */
  readonly artifacts: ArtifactStore;
  /** Makes a client of the text of a kubeconfig, for spec.kubeConfig. */
  readonly connect: Connect;
  /** Kinds of this cluster that repositories hold: a change of one by somebody else is put right at once. Each is cached. */
  readonly watchKinds?: readonly KindRef[];
}

/** The controllers of GitRepository, Kustomization and Receiver. The Receivers' HTTP side is `receiverHandler`. */
export function gitopsControllers(options: GitopsOptions): Controller[] {
  return [gitRepositoryController(options), kustomizationController(options), receiverController()];
}
