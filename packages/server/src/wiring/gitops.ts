import type { Env, HttpHandler } from '@keelson/std';
import type { Controller } from '@keelson/controller';
import type { KubeClient } from '@keelson/kube/client';
import type { GitClient } from '@keelson/git';

export async function wireGitops(_options: { env: Env; dataDir: string; git: GitClient }): Promise<{ controllers(httpUrl: string): Controller[]; routes(client: KubeClient): Record<string, HttpHandler> }> {
  return { controllers: () => [], routes: () => ({}) };
}
