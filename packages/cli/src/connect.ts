import { dirname, join, resolve } from 'node:path';
import { problem, TransportError, type Env } from '@keelson/std';
import { ApiError, createNetKubeClient, filesOfKubeconfig, parseKubeconfig, type KubeClient } from '@keelson/kube/client';
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

/** A workload cluster that does not answer must not hold the view of the others. */
const remoteTimeoutMs = 5_000;

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
  const kubeconfig = new TextDecoder().decode(text);
  const files = Object.fromEntries(await Promise.all(filesOfKubeconfig(kubeconfig).map(async (name) => [name, new TextDecoder().decode((await env.files.read(resolve(dirname(path), name))) ?? new Uint8Array())] as const)));
  return {
    client: createNetKubeClient(env.net, parseKubeconfig(kubeconfig, { files })),
    env, where: path,
    open: (other) => createNetKubeClient(env.net, parseKubeconfig(other), { timeoutMs: remoteTimeoutMs }),
  };
}

/** The failure of a command whose API does not answer or refuses; other errors as they are. */
export function explainApiError(error: unknown, where: string): unknown {
  if (error instanceof TransportError) return new CommandError(problem(cliProblems.noServer, { where }, { why: error.message, where }), exitCode.cannot, { cause: error });
  if (error instanceof ApiError && (error.code === 401 || error.code === 403)) return new CommandError(problem(cliProblems.unauthorised, { where }, { why: error.message, where }), exitCode.unauthorised, { cause: error });
  return error;
}
