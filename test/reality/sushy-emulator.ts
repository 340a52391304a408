/**
 * Redfish against sushy-emulator (sushy-tools, Apache-2.0), a Redfish service that nobody here wrote: the conformance suite
 * and the probe, over real sockets. The program is found by path; nothing is installed.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { conformanceChecks, runConformance, type ConformanceResult } from '@keelson/bmc/conformance';
import { probeBmc, type ProbeReport } from '@keelson/bmc';
import { redfishDriver } from '@keelson/bmc/redfish';
import { recordingNet, type Recording } from '@keelson/bmc/testing';
import { nodeEnv } from '@keelson/std/node';
import type { Env } from '@keelson/std';

export interface SushyEmulatorOptions {
  /** Path of the program; KEELSON_SUSHY_EMULATOR when absent. */
  readonly path?: string;
  /** Address to listen on, in 127.0.0.0/8. */
  readonly host?: string;
  /** Ports for the emulator and for the image it fetches. */
  readonly port?: number;
  readonly imagePort?: number;
}

export interface SushyEmulatorCheck {
  readonly program: 'sushy-emulator';
  /** `absent`: no program was named. */
  readonly outcome: 'passed' | 'failed' | 'absent';
  readonly release: string;
  readonly rows: readonly ConformanceResult[];
  readonly probe?: ProbeReport;
  /** The exchange, without credentials; what packages/bmc/testdata keeps. */
  readonly recording?: Recording;
}

const user = { name: 'admin', password: 'keelson-check' };
/** bcrypt of the password above: the emulator reads an htpasswd file. */
const passwordHash = '$2b$04$eMJPr/luUdA6pQBBUd8uYucZIldpeEIPtbZJKQBNFYADv4QrYz4um';

/** What the emulator lacks by design: its override always stays, and its fake machines have neither disks nor a soft power off of their own. */
const lacks = ['one-time-boot', 'disks'] as const;

/** Runs the check; answers `absent` when there is no program. */
export async function checkSushyEmulator(options: SushyEmulatorOptions = {}): Promise<SushyEmulatorCheck> {
  const path = options.path ?? process.env['KEELSON_SUSHY_EMULATOR'];
  if (!path) return { program: 'sushy-emulator', outcome: 'absent', release: '', rows: [] };
  const host = options.host ?? '127.91.7.1';
  const port = options.port ?? 18_000;
  const imagePort = options.imagePort ?? 18_080;
  const folder = mkdtempSync(join(tmpdir(), 'keelson-sushy-'));
  const real = nodeEnv();
  const image = await real.net.listenHttp({ host, port: imagePort }, { handler: async () => ({ status: 200, headers: { 'content-type': 'application/octet-stream', 'content-length': '2048' }, body: new Uint8Array(2048) }) });
  const emulator = start(path, folder, host, port);
  try {
    await waitUntilAnswers(real, `http://${host}:${port}/redfish/v1/`, emulator);
    const recorder = recordingNet(real.net);
    const env: Env = { ...real, net: recorder.net };
    const imageUrl = `http://${host}:${imagePort}/small.iso`;
    const origin = `http://${host}:${port}`;
    const probe = await probeBmc(env, `redfish+http://${host}:${port}`, { username: user.name, password: user.password });
    const rows = await runConformance({ env, driver: redfishDriver, target: { origin, credentials: { username: user.name, password: user.password } }, imageUrl, lacks });
    const release = await releaseOf(path);
    const passed = probe.usable && rows.length === conformanceChecks.length && rows.every((row) => row.outcome !== 'failed');
    const recording = recorder.finish({ source: { program: 'sushy-tools', release, how: 'sushy-emulator --fake, feature set full, probe and conformance suite' }, origin, imageUrl });
    return { program: 'sushy-emulator', outcome: passed ? 'passed' : 'failed', release, rows, probe, recording };
  } finally {
    await stop(emulator);
    await image.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function start(path: string, folder: string, host: string, port: number): ChildProcess {
  writeFileSync(join(folder, 'auth'), `${user.name}:${passwordHash}\n`, { mode: 0o600 });
  writeFileSync(join(folder, 'emulator.conf'), [
    `SUSHY_EMULATOR_LISTEN_IP = ${JSON.stringify(host)}`, `SUSHY_EMULATOR_LISTEN_PORT = ${port}`, `SUSHY_EMULATOR_AUTH_FILE = ${JSON.stringify(join(folder, 'auth'))}`,
    `SUSHY_EMULATOR_STATE_DIR = ${JSON.stringify(folder)}`, "SUSHY_EMULATOR_FEATURE_SET = 'full'",
  ].join('\n'));
  return spawn(path, ['--config', join(folder, 'emulator.conf'), '--fake'], { stdio: 'ignore', cwd: folder });
}

async function waitUntilAnswers(env: Env, url: string, child: ChildProcess): Promise<void> {
  const deadline = env.clock.now() + 30_000;
  while (true) {
    if (child.exitCode !== null) throw new Error(`sushy-emulator ended with ${child.exitCode} before it answered`);
    try {
      await env.net.request({ method: 'GET', url, headers: {} }, { timeoutMs: 2_000 });
      return;
    } catch (cause) {
      if (env.clock.now() > deadline) throw new Error('sushy-emulator did not answer within 30 s', { cause });
      await env.clock.sleep(200);
    }
  }
}

function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGTERM');
  });
}

/** The release of the package beside the program (it has no --version). */
function releaseOf(path: string): Promise<string> {
  return new Promise((resolve) => {
    const child = spawn(join(dirname(path), 'python'), ['-c', 'from importlib.metadata import version; print(version("sushy-tools"))'], { stdio: ['ignore', 'pipe', 'ignore'] });
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
    child.once('error', () => resolve('unknown'));
    child.once('close', () => resolve(text.trim() || 'unknown'));
  });
}
