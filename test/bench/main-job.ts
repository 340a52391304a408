/** Measures the main job from outside: the process is started, pushed to and looked at as a user would. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigMap, Deployment } from '@keelson/api';
import { createNetKubeClient, parseKubeconfig, type KubeClient } from '@keelson/kube/client';
import { nodeEnv } from '@keelson/std/node';
import { readyPattern, runProgram, startUp, type KeelsonCommand, type RunningProgram } from '../program.ts';
import { summariseProfile, type ProfileSummary } from './profile.ts';

export interface MainJobMeasurement {
  /** Milliseconds per run from the start of the process to everything ready. */
  readonly readyMs: readonly number[];
  /** Milliseconds per push, from the start of `git push` to the change in the workload cluster. */
  readonly pushMs: readonly number[];
  /** Of each push, the part that `git push` itself took. */
  readonly gitPushMs: readonly number[];
  /** Largest over the runs. */
  readonly residentAtReadyKb: number;
  readonly residentPeakKb: number;
  readonly versionMs: readonly number[];
  /** `node -e 0`, for comparison. */
  readonly nodeStartMs: readonly number[];
  readonly profile: ProfileSummary;
}

export interface MeasureOptions {
  readonly folder: string;
  readonly runs: number;
  readonly say: (line: string) => void;
}

const readyLimitMs = 180_000;
const pushes = 5;
const starts = 10;

export async function measureMainJob(command: KeelsonCommand, { folder, runs, say }: MeasureOptions): Promise<MainJobMeasurement> {
  const readyMs: number[] = [];
  const pushMs: number[] = [];
  const gitPushMs: number[] = [];
  let residentAtReadyKb = 0;
  let residentPeakKb = 0;
  for (let run = 0; run < runs; run++) {
    const dataDir = join(folder, `run-${run}`);
    const began = performance.now();
    await using up = startUp(command, dataDir);
    await up.says(readyPattern, readyLimitMs);
    readyMs.push(performance.now() - began);
    residentAtReadyKb = Math.max(residentAtReadyKb, memoryOf(up.pid, 'VmRSS'));
    say(`run ${run + 1}: ready after ${(readyMs.at(-1)! / 1000).toFixed(1)} s, ${Math.round(memoryOf(up.pid, 'VmRSS') / 1024)} MB`);
    if (run === runs - 1) {
      const seen = await measurePushes(command, dataDir);
      pushMs.push(...seen.map(({ visibleMs }) => visibleMs));
      gitPushMs.push(...seen.map(({ gitMs }) => gitMs));
      say(`pushes: ${pushMs.map((ms) => `${Math.round(ms)} ms`).join(', ')}`);
    }
    residentPeakKb = Math.max(residentPeakKb, memoryOf(up.pid, 'VmHWM'));
    await mustEndWell(up);
  }
  const versionMs = await startsOf(command.path, [...command.args, '--version']);
  const nodeStartMs = await startsOf(process.execPath, ['-e', '0']);
  say('one run more, with a profile');
  const profile = await profileOf(command, join(folder, 'profiled'));
  return { readyMs, pushMs, gitPushMs, residentAtReadyKb, residentPeakKb, versionMs, nodeStartMs, profile };
}

async function mustEndWell(up: RunningProgram): Promise<void> {
  const code = await up.stop('SIGINT');
  if (code !== 0 && code !== 130) throw new Error(`keelson up ended with ${code}: ${up.text().slice(-2000)}`);
}

/** A value of /proc/PID/status in kB. */
function memoryOf(pid: number, name: 'VmRSS' | 'VmHWM'): number {
  const found = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  if (!found) throw new Error(`/proc/${pid}/status has no ${name}`);
  return Number(found[1]);
}

interface Push {
  readonly visibleMs: number;
  readonly gitMs: number;
}

const greetingFile = 'apps/edge/kustomization.yaml';

/** Changes the app's greeting in the working clone, and waits until the workload cluster has the new ConfigMap and the Deployment uses it. */
async function measurePushes(command: KeelsonCommand, dataDir: string): Promise<Push[]> {
  const printed = await runProgram(command.path, [...command.args, 'kubeconfig', 'edge', '--data-dir', dataDir]);
  if (printed.code !== 0) throw new Error(printed.err);
  const client = createNetKubeClient(nodeEnv().net, parseKubeconfig(printed.out));
  const clone = join(dataDir, 'lab', 'repo');
  const seen: Push[] = [];
  for (let push = 0; push < pushes; push++) {
    const greeting = `Hello number ${push}`;
    const path = join(clone, greetingFile);
    const before = readFileSync(path, 'utf8');
    const after = before.replace(/GREETING=.*/, `GREETING=${greeting}`);
    if (after === before) throw new Error(`${greetingFile} has no GREETING to change`);
    writeFileSync(path, after);
    await git(clone, 'commit', '--quiet', '--all', '--message', greeting);
    const stop = new AbortController();
    const visible = watchGreeting(client, greeting, stop.signal);
    const began = performance.now();
    await git(clone, 'push', '--quiet');
    const gitMs = performance.now() - began;
    try {
      seen.push({ gitMs, visibleMs: (await visible) - began });
    } finally {
      stop.abort();
    }
  }
  return seen;
}

async function git(cwd: string, ...args: readonly string[]): Promise<void> {
  const ran = await runProgram('git', args, { cwd });
  if (ran.code !== 0) throw new Error(`git ${args[0]}: ${ran.err}`);
}

const visibleLimitMs = 60_000;

/** When the Deployment of the app names a ConfigMap with this greeting. */
async function watchGreeting(client: KubeClient, greeting: string, signal: AbortSignal): Promise<number> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(visibleLimitMs)]);
  for await (const event of client.watch<Deployment>(Deployment, { namespace: 'hello' }, limited)) {
    if (event.type === 'ERROR' || event.type === 'BOOKMARK') continue;
    const name = event.object.spec?.template?.spec?.containers?.[0]?.envFrom?.[0]?.configMapRef?.name;
    const config = name ? await client.get<ConfigMap>(ConfigMap, { namespace: 'hello', name }) : undefined;
    if (config?.data?.['GREETING'] === greeting) return performance.now();
  }
  throw new Error(`the workload cluster did not show "${greeting}" within ${visibleLimitMs / 1000} s`);
}

/** Milliseconds of a program that ends by itself, several times. */
async function startsOf(path: string, args: readonly string[]): Promise<number[]> {
  const times: number[] = [];
  for (let start = 0; start < starts; start++) {
    const began = performance.now();
    const ran = await runProgram(path, args);
    if (ran.code !== 0) throw new Error(`${path} ${args.join(' ')} ended with ${ran.code}: ${ran.err}`);
    times.push(performance.now() - began);
  }
  return times;
}

/** One build with --cpu-prof, ended when all is ready. */
async function profileOf(command: KeelsonCommand, folder: string): Promise<ProfileSummary> {
  const profiles = join(folder, 'profiles');
  mkdirSync(profiles, { recursive: true });
  const up = startUp({ path: command.path, args: ['--cpu-prof', `--cpu-prof-dir=${profiles}`, ...command.args] }, join(folder, 'data'), ['--until-ready', '--timeout', '3m']);
  const code = await up.ended;
  if (code !== 0) throw new Error(`the profiled run ended with ${code}: ${up.text().slice(-2000)}`);
  const name = readdirSync(profiles).find((file) => file.endsWith('.cpuprofile'));
  if (!name) throw new Error('the profiled run left no profile');
  return summariseProfile(JSON.parse(readFileSync(join(profiles, name), 'utf8')));
}

