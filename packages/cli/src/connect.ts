import { dirname, join, resolve } from 'node:path';
import { problem, TransportError, type Env } from '@keelson/std';
import { ApiError, createNetKubeClient, filesOfKubeconfig, KubeconfigError, parseKubeconfig, type Kubeconfig, type KubeClient } from '@keelson/kube/client';
import type { CommandContext } from './arguments.ts';
import { CommandError, exitCode } from './output/failure.ts';
import { cliProblems } from './problems.ts';
import { worldOf } from './world.ts';

export interface Connection {
  readonly client: KubeClient;
  readonly env: Env;
  /** What was connected to, for messages. */
  readonly where: string;
  /** Namespace of the kubeconfig's context: where to look for what may not be listed in all. */
  readonly namespace: string | undefined;
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
export async function connect(flags: { readonly kubeconfig?: string | undefined; readonly 'data-dir'?: string | undefined }, context: Pick<CommandContext, 'cwd' | 'world'>): Promise<Connection> {
  const { cwd } = context;
  const env = await worldOf(context);
  const path = flags.kubeconfig ? resolve(cwd, flags.kubeconfig) : join(dataDirOf(flags['data-dir'], cwd), 'kubeconfig');
  const text = await env.files.read(path);
  if (!text) throw new CommandError(problem(cliProblems.noKubeconfig, { path }, { why: 'the file does not exist', where: path }));
  const kubeconfig = await readKubeconfig(env, path, new TextDecoder().decode(text));
  return {
    client: createNetKubeClient(env.net, kubeconfig),
    env, where: path, namespace: kubeconfig.namespace,
    open: (other) => createNetKubeClient(env.net, parseKubeconfig(other), { timeoutMs: remoteTimeoutMs }),
  };
}

/** A kubeconfig with the files it names. Throws CLI.KUBECONFIG_INVALID. */
async function readKubeconfig(env: Env, path: string, text: string): Promise<Kubeconfig> {
  try {
    const read = async (name: string) => new TextDecoder().decode((await env.files.read(resolve(dirname(path), name))) ?? new Uint8Array());
    const files = Object.fromEntries(await Promise.all(filesOfKubeconfig(text).map(async (name) => [name, await read(name)] as const)));
    return parseKubeconfig(text, { files });
  } catch (error) {
    if (!(error instanceof KubeconfigError)) throw error;
    throw new CommandError(problem(cliProblems.kubeconfigInvalid, { path }, { why: error.message, where: path }), exitCode.cannot, { cause: error });
  }
}

/** The failure of a command whose API does not answer or refuses; other errors as they are. */
export function explainApiError(error: unknown, where: string): unknown {
  if (error instanceof TransportError) return new CommandError(problem(cliProblems.noServer, { where }, { why: error.message, where }), exitCode.cannot, { cause: error });
  if (!(error instanceof ApiError)) return error;
  if (error.code === 401 || error.code === 403) return new CommandError(problem(cliProblems.unauthorised, { where }, { why: error.message, where }), exitCode.unauthorised, { cause: error });
  return new CommandError(problem(cliProblems.refused, { where }, { why: error.message, where }), exitCode.cannot, { cause: error });
}
