/** One `keelson up --lab` as its own process on real listeners, everything ready: what foreign programs are pointed at. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readyPattern, runProgram, sourceCommand, startUp, type RunningProgram } from '../program.ts';

export interface ReadyKeelson extends AsyncDisposable {
  readonly dataDir: string;
  /** Of the API server of Keelson. */
  readonly kubeconfig: string;
  /** Of the workload cluster `edge`. */
  readonly edgeKubeconfig: string;
  readonly edgeTalosconfig: string;
  /** `127.77.`, with the network the lab took. */
  readonly prefix: string;
  /** The user's working clone of the lab's repository. */
  readonly clone: string;
  readonly process: RunningProgram;
}

const readyLimitMs = 120_000;

export async function startReadyKeelson(folder: string): Promise<ReadyKeelson> {
  const dataDir = join(folder, 'keelson');
  mkdirSync(dataDir, { recursive: true });
  const process = startUp(sourceCommand, dataDir);
  try {
    await process.says(readyPattern, readyLimitMs);
    const edgeKubeconfig = await credentials(dataDir, 'kubeconfig');
    const edgeTalosconfig = await credentials(dataDir, 'talosconfig');
    const { network } = JSON.parse(readFileSync(join(dataDir, 'lab', 'lab.json'), 'utf8')) as { network: string };
    return {
      dataDir, process, edgeKubeconfig, edgeTalosconfig,
      kubeconfig: join(dataDir, 'kubeconfig'),
      prefix: network.replace(/0\.0\/16$/, ''),
      clone: join(dataDir, 'lab', 'repo'),
      [Symbol.asyncDispose]: async () => void (await process.stop()),
    };
  } catch (error) {
    await process.stop();
    throw error;
  }
}

/** Writes what `keelson kubeconfig edge` or `keelson talosconfig edge` prints. */
async function credentials(dataDir: string, what: 'kubeconfig' | 'talosconfig'): Promise<string> {
  const ran = await runProgram(sourceCommand.path, [...sourceCommand.args, what, 'edge', '--data-dir', dataDir]);
  if (ran.code !== 0) throw new Error(`keelson ${what} edge: ${ran.err}`);
  const path = join(dataDir, `edge.${what}`);
  writeFileSync(path, ran.out, { mode: 0o600 });
  return path;
}
