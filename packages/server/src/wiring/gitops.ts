import { join } from 'node:path';
import type { Env, HttpHandler } from '@keelson/std';
import { BareMetalHost, Cluster, Kustomization, MachineDeployment, Metal3Cluster, Metal3MachineTemplate, Secret, TalosConfigTemplate, TalosControlPlane } from '@keelson/api';
import type { Controller } from '@keelson/controller';
import { createArtifactStore, gitopsControllers, receiverHandler } from '@keelson/gitops';
import { createNetKubeClient, parseKubeconfig, type KubeClient } from '@keelson/kube/client';
import type { GitClient } from '@keelson/git';
import { routeByPrefix } from '../http/routes.ts';

export interface GitopsWiring {
  readonly controllers: readonly Controller[];
  /** Artifacts and webhooks. */
  readonly handler: HttpHandler;
}

/** Kinds of this side whose changes by other hands are put right at once. */
const watchKinds = [BareMetalHost, Cluster, Kustomization, MachineDeployment, Metal3Cluster, Metal3MachineTemplate, Secret, TalosConfigTemplate, TalosControlPlane];

/** A workload cluster that does not answer must not hold a worker for long. */
const remoteTimeoutMs = 10_000;

/** Git: sources, Kustomizations here and in workload clusters, Receivers. `httpUrl` is where `handler` is served. */
export function wireGitops({ env, dataDir, git, client, httpUrl }: { env: Env; dataDir: string; git: GitClient; client: KubeClient; httpUrl: string }): GitopsWiring {
  const artifacts = createArtifactStore({ files: env.files, folder: join(dataDir, 'artifacts'), baseUrl: httpUrl });
  const controllers = gitopsControllers({
    git, artifacts, watchKinds,
    connect: (kubeconfig) => createNetKubeClient(env.net, parseKubeconfig(kubeconfig), { timeoutMs: remoteTimeoutMs }),
  });
  return { controllers, handler: routeByPrefix({ '/hook/': receiverHandler({ client, clock: env.clock, log: env.log }), '/': artifacts.handler }) };
}
