import { join } from 'node:path';
import { problem, type Env } from '@keelson/std';
import type { LatencyName, Lab } from '@keelson/lab';
import { CommandError } from '../../output/failure.ts';
import { cliProblems } from '../../problems.ts';

/** Marks a data directory as a lab's: only such a one may be removed by `lab reset`. */
const markName = 'lab.json';

/**
 * Throws CLI.NOT_A_LAB when the data directory holds a store that no lab made: its objects are of real machines, and
 * a lab beside them would let `lab reset` throw them away. Call it before the store is opened.
 */
export async function refuseForeignStore(env: Env, dataDir: string): Promise<void> {
  if (await env.files.read(join(dataDir, markName))) return;
  if ((await env.files.list(join(dataDir, 'store'))).length > 0) {
    throw new CommandError(problem(cliProblems.notALab, { path: dataDir }, { why: `it has a store and no ${markName}`, where: dataDir }));
  }
}

export interface LabStart {
  readonly env: Env;
  readonly dataDir: string;
  /** The example's folder, absolute. */
  readonly directory: string;
  readonly latency?: LatencyName;
  readonly network?: string;
}

/** Starts the lab with its clusters and its door. `close` of the answer ends all of it. */
export async function startLabIn({ env, dataDir, directory, latency, network }: LabStart): Promise<Lab> {
  const [{ createLabClusters, labControl, startLab }, { openLmdbStore }] = await Promise.all([import('@keelson/lab'), import('@keelson/apiserver/store')]);
  await env.files.write(join(dataDir, markName), `${JSON.stringify({ directory })}\n`);
  const lab = await startLab({
    env, directory, dataDir,
    clusters: async ({ env: labEnv, latency: profile, folder }) => createLabClusters({
      env: labEnv, latency: profile,
      openStore: (id) => openLmdbStore({ directory: join(folder, id) }),
      removeStore: (id) => labEnv.files.remove(join(folder, id)),
    }),
    ...(latency ? { latency } : {}), ...(network ? { network } : {}),
  });
  try {
    const door = await env.net.listenHttp(lab.addresses.control, { handler: labControl(lab) });
    const close = async () => {
      await door.close();
      await lab.close();
    };
    return { ...lab, close, [Symbol.asyncDispose]: close };
  } catch (error) {
    await lab.close();
    throw error;
  }
}
