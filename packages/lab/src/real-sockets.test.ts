/** The lab on real sockets with clients nobody here wrote: curl, python's urllib, git. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHmac, randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readText, textResponse, type Env } from '@keelson/std';
import { nodeEnv } from '@keelson/std/node';
import { talosMethods } from '@keelson/talos/wire';
import { startLab, type Lab } from './lab.ts';
import { testCluster } from './testing/machine-config.ts';
import { redfish, talos } from './testing/raw-clients.ts';

const env: Env = nodeEnv();
const dataDir = `${tmpdir()}/keelson-lab-${randomUUID()}`;
const directory = fileURLToPath(new URL('../../../examples/datacenter', import.meta.url));
let lab: Lab;

before(async () => {
  lab = await startLab({ env, directory, dataDir, latency: 'zero' });
});
after(async () => {
  await lab.close();
  await env.files.remove(dataDir);
});

interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function run(program: string, args: readonly string[], cwd?: string): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const quiet = { GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null', GIT_TERMINAL_PROMPT: '0', GIT_AUTHOR_NAME: 't', GIT_AUTHOR_EMAIL: 't@t', GIT_COMMITTER_NAME: 't', GIT_COMMITTER_EMAIL: 't@t' };
    const child = spawn(program, args, { ...(cwd ? { cwd } : {}), env: { ...process.env, ...quiet } });
    let out = '';
    let err = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, out, err }));
  });
}

/** Skips with a word where a program is not installed. */
async function has(program: string): Promise<boolean> {
  return run(program, ['--version']).then(({ code }) => code === 0, () => false);
}

/** Waits for a state by looking again after each change of the machines. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) {
    await new Promise<void>((resolve) => {
      const stops = lab.machines.map((machine) => machine.watch(() => {
        for (const stop of stops) stop();
        resolve();
      }));
    });
  }
}

test('curl reads a BMC and powers the machine on', async (t) => {
  if (!(await has('curl'))) return t.skip('curl is not installed');
  const { username, password } = lab.machine('r1u01').spec.bmc;
  const curl = (...args: readonly string[]) => run('curl', ['--silent', '--insecure', '--user', `${username}:${password}`, '--write-out', '\n%{http_code}', ...args]);
  const base = lab.bmc('r1u01').url;
  const system = await curl(`${base}/redfish/v1/Systems/1`);
  const [json, status] = system.out.split(/\n(?=\d+$)/);
  assert.deepEqual([status, JSON.parse(json!).SerialNumber], ['200', 'KLN0001']);
  const on = await curl('--header', 'Content-Type: application/json', '--data', '{"ResetType":"On"}', `${base}/redfish/v1/Systems/1/Actions/ComputerSystem.Reset`);
  assert.equal(on.out.trim(), '204');
  await until(() => lab.machine('r1u01').state.power === 'on');
});

test('python reads a BMC with a session', async (t) => {
  if (!(await has('python3'))) return t.skip('python3 is not installed');
  const { username, password } = lab.machine('r1u03').spec.bmc;
  const script = `
import json, ssl, sys, urllib.request
base, user, password = sys.argv[1:]
context = ssl._create_unverified_context()
def call(method, path, body=None, token=None):
    data = None if body is None else json.dumps(body).encode()
    headers = {'Content-Type': 'application/json', **({'X-Auth-Token': token} if token else {})}
    with urllib.request.urlopen(urllib.request.Request(base + path, data, headers, method=method), context=context) as answer:
        text = answer.read()
        return answer.headers, json.loads(text) if text else {}
headers, _ = call('POST', '/redfish/v1/SessionService/Sessions', {'UserName': user, 'Password': password})
token = headers['X-Auth-Token']
_, systems = call('GET', '/redfish/v1/Systems', token=token)
_, system = call('GET', systems['Members'][0]['@odata.id'], token=token)
call('DELETE', headers['Location'], token=token)
print(system['Model'], system['PowerState'])`;
  const ran = await run('python3', ['-c', script, lab.bmc('r1u03').url, username, password]);
  assert.equal(ran.err, '');
  assert.equal(ran.out.trim(), 'PowerEdge R660 Off');
});

test('git clones, and a push with the account is announced with its signature', async (t) => {
  if (!(await has('git'))) return t.skip('git is not installed');
  const clone = `${dataDir}/other-clone`;
  const cloned = await run('git', ['clone', '--quiet', lab.git.url, clone]);
  assert.equal(cloned.code, 0, cloned.err);
  assert.equal((await run('git', ['log', '--format=%an %s'], clone)).out.trim(), 'lab Example datacenter');
  assert.ok((await env.files.list(clone)).includes('clusters/'));
  assert.ok(!(await env.files.list(clone)).includes('lab.yaml'));
  await env.files.write(`${clone}/note.txt`, 'hello\n');
  assert.equal((await run('git', ['add', 'note.txt'], clone)).code, 0);
  assert.equal((await run('git', ['commit', '--quiet', '-m', 'A note'], clone)).code, 0);
  const anonymous = await run('git', ['push', '--quiet', 'origin', 'main'], clone);
  assert.notEqual(anonymous.code, 0);

  let resolveHook: (got: { body: string; signature: string }) => void = () => {};
  const announced = new Promise<{ body: string; signature: string }>((resolve) => (resolveHook = resolve));
  const listener = await env.net.listenHttp({ host: '127.0.0.1', port: 0 }, {
    handler: async (request) => {
      resolveHook({ body: await readText(request.body), signature: request.headers['x-signature'] ?? '' });
      return textResponse(200, 'ok');
    },
  });
  t.after(() => listener.close());
  lab.setWebhook({ url: `http://127.0.0.1:${listener.address.port}/hook`, secret: 'word' });
  const url = new URL(lab.git.url);
  url.username = lab.git.username;
  url.password = lab.git.password;
  const pushed = await run('git', ['push', '--quiet', url.href, 'main'], clone);
  assert.equal(pushed.code, 0, pushed.err);
  const { body, signature } = await announced;
  assert.equal(signature, `sha256=${createHmac('sha256', 'word').update(body).digest('hex')}`);
  const head = (await run('git', ['rev-parse', 'HEAD'], clone)).out.trim();
  assert.deepEqual([JSON.parse(body).ref, JSON.parse(body).after], ['refs/heads/main', head]);

  const own = lab.git.clone!;
  assert.equal((await run('git', ['pull', '--quiet'], own)).code, 0);
  await env.files.write(`${own}/note.txt`, 'changed in the working clone\n');
  assert.equal((await run('git', ['commit', '--quiet', '--all', '-m', 'Change the note'], own)).code, 0);
  const second = await run('git', ['push', '--quiet'], own);
  assert.equal(second.code, 0, second.err);
});

test('a machine is installed over real sockets and answers by mTLS; after a restart it still runs', async () => {
  const cluster = testCluster({ nowMs: env.clock.now() });
  const address = lab.machine('r1u02').nodeAddress;
  const system = '/redfish/v1/Systems/1';
  const call = (method: string, path: string, body: unknown) => redfish(env, lab, 'r1u02', method, path, { body });
  assert.equal((await call('POST', '/redfish/v1/Managers/1/VirtualMedia/CD1/Actions/VirtualMedia.InsertMedia', { Image: lab.imageUrl() })).status, 204);
  assert.equal((await call('PATCH', system, { Boot: { BootSourceOverrideTarget: 'Cd', BootSourceOverrideEnabled: 'Once' } })).status, 204);
  assert.equal((await call('POST', `${system}/Actions/ComputerSystem.Reset`, { ResetType: 'On' })).status, 204);
  const node = () => lab.nodes.find((one) => one.machine.name === 'r1u02')!;
  await until(() => node().state?.stage === 'maintenance');
  await node().api.settled();
  const version = await talos(env, address, { insecureSkipVerify: true }, talosMethods['machine.MachineService'].Version, {}, { timeoutMs: 10_000 });
  assert.equal(version.messages[0]!.version!.tag, 'v1.14.1');
  const data = new TextEncoder().encode(cluster.config('controlplane', { hostname: 'r1u02' }));
  await talos(env, address, { insecureSkipVerify: true }, talosMethods['machine.MachineService'].ApplyConfiguration, { data, mode: 'AUTO' }, { timeoutMs: 10_000 });
  await until(() => node().state?.services['etcd']?.state === 'Preparing');
  await node().api.settled();
  const admin = cluster.client('os:admin');
  const hostname = () => talos(env, address, admin, talosMethods['machine.MachineService'].Hostname, {}, { timeoutMs: 10_000 });
  assert.equal((await hostname()).messages[0]!.hostname, 'r1u02');
  const boot = lab.machine('r1u02').state.bootId;
  await lab.close();
  lab = await startLab({ env, directory, dataDir, latency: 'zero' });
  await node().api.settled();
  assert.equal((await hostname()).messages[0]!.hostname, 'r1u02');
  assert.equal(lab.machine('r1u02').state.bootId, boot);
});
