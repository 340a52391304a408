import { join, resolve } from 'node:path';
import { problem, TransportError, type Env } from '@keelson/std';
import { ApiError, createNetKubeClient, type KubeClient } from '@keelson/kube/client';
import { CommandError, exitCode } from './output/failure.ts';
import { cliProblems } from './problems.ts';

export interface Connection {
  readonly client: KubeClient;
  readonly env: Env;
  /** What was connected to, for messages. */
  readonly where: string;
  /** Opens another API by the text of its kubeconfig. */
  readonly open: (kubeconfig: string) => KubeClient;
}

/** Where state is kept. */
export function dataDirOf(flag: string | undefined, cwd: string): string {
  return resolve(cwd, flag ?? '.keelson');
}

/** Connects by `--kubeconfig`, or by the kubeconfig that the process on `--data-dir` wrote. */
export async function connect(flags: { readonly kubeconfig?: string | undefined; readonly 'data-dir'?: string | undefined }, cwd: string): Promise<Connection> {
  const { nodeEnv } = await import('@keelson/std/node');
  const env = nodeEnv();
  const path = flags.kubeconfig ? resolve(cwd, flags.kubeconfig) : join(dataDirOf(flags['data-dir'], cwd), 'kubeconfig');
  const text = await env.files.read(path);
  if (!text) throw new CommandError(problem(cliProblems.noKubeconfig, { path }, { why: 'the file does not exist', where: path }));
  const open = (kubeconfig: string) => createNetKubeClient(env.net, kubeconfig);
  return { client: open(new TextDecoder().decode(text)), env, where: path, open };
}

/** The failure of a command whose API does not answer or refuses; other errors as they are. */
export function explainApiError(error: unknown, where: string): unknown {
  if (error instanceof TransportError) return new CommandError(problem(cliProblems.noServer, { where }, { why: error.message, where }), exitCode.cannot, { cause: error });
  if (error instanceof ApiError && (error.code === 401 || error.code === 403)) return new CommandError(problem(cliProblems.unauthorised, { where }, { why: error.message, where }), exitCode.unauthorised, { cause: error });
  return error;
}
