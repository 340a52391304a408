import { join } from 'node:path';
import { describeError, encodeText, problem, readText, type Env } from '@keelson/std';
import type { CommandContext } from '../../arguments.ts';
import { dataDirOf } from '../../connect.ts';
import { CommandError, exitCode } from '../../output/failure.ts';
import { cliProblems } from '../../problems.ts';
import { worldOf } from '../../world.ts';

export interface LabDoor {
  get<T>(path: string): Promise<T>;
  post<T>(path: string, body: unknown): Promise<T>;
}

/** The control door of the lab that runs on a data directory. Throws CLI.NO_LAB, or CLI.LAB_SILENT when it does not run. */
export async function openLabDoor(dataDirFlag: string | undefined, context: Pick<CommandContext, 'cwd' | 'world'>): Promise<LabDoor> {
  const [env, { labAddresses }] = await Promise.all([worldOf(context), import('@keelson/lab')]);
  const dataDir = dataDirOf(dataDirFlag, context.cwd);
  const path = join(dataDir, 'lab', 'lab.json');
  const bytes = await env.files.read(path);
  if (!bytes) throw new CommandError(problem(cliProblems.noLab, { path: dataDir }, { why: 'it has no state of a lab', where: path }), exitCode.no);
  const { network } = JSON.parse(new TextDecoder().decode(bytes)) as { network: string }; // written by the lab
  const { host, port } = labAddresses(network).control;
  const call = (method: string, at: string, body?: unknown) => request(env, method, `http://${host}:${port}${at}`, body, dataDir);
  return { get: <T>(at: string) => call('GET', at) as Promise<T>, post: <T>(at: string, body: unknown) => call('POST', at, body) as Promise<T> };
}

async function request(env: Env, method: string, url: string, body: unknown, dataDir: string): Promise<unknown> {
  let answer: { status: number; text: string };
  try {
    const response = await env.net.request({ method, url, headers: {}, ...(body === undefined ? {} : { body: encodeText(JSON.stringify(body)) }) }, { timeoutMs: 5000 });
    answer = { status: response.status, text: await readText(response.body) };
  } catch (error) {
    throw new CommandError(problem(cliProblems.labSilent, { path: dataDir }, { why: describeError(error), where: url }), exitCode.cannot, { cause: error });
  }
  const value = JSON.parse(answer.text) as { error?: string };
  if (answer.status !== 200) throw new CommandError(problem(cliProblems.usage, { what: value.error ?? `the lab answered ${answer.status}`, help: 'lab' }, { why: '' }));
  return value;
}
