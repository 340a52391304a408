/** curl against the lab's BMCs (Redfish as DMTF writes it), the webhook of a Receiver, and the artifacts of a source. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram, runProgram } from '../program.ts';
import { collectSteps, type Check, type CheckContext, type Steps } from './check.ts';
import type { ReadyKeelson } from './ready-keelson.ts';

export const curlCheck: Check = {
  name: 'curl', program: 'curl', protocols: ['redfish-bmc', 'webhook', 'artifact'],
  async find() {
    const path = findProgram('curl');
    return path === undefined ? undefined : { path, release: /^curl (\S+)/.exec((await runProgram(path, ['--version'])).out)?.[1] ?? '' };
  },
  async run(context) {
    const keelson = await context.keelson();
    const redfish = collectSteps();
    const webhook = collectSteps();
    const artifact = collectSteps();
    await bmc(redfish, context, keelson);
    await receiver(webhook, context, keelson);
    await artifacts(artifact, context, keelson);
    return { rows: [{ protocol: 'redfish-bmc', steps: redfish.steps }, { protocol: 'webhook', steps: webhook.steps }, { protocol: 'artifact', steps: artifact.steps }] };
  },
};

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** One request by curl. */
async function curl(path: string, ...args: readonly string[]): Promise<Answer> {
  const ran = await runProgram(path, ['--silent', '--show-error', '--insecure', '--max-time', '20', '--include', '--http1.1', ...args]);
  assert.equal(ran.code, 0, ran.err);
  // Interim answers (100 Continue) come first.
  const text = ran.out.replace(/^(HTTP\/1\.1 1\d\d[\s\S]*?\r\n\r\n)+/, '');
  const split = text.indexOf('\r\n\r\n');
  const [first, ...lines] = text.slice(0, split).split('\r\n');
  const headers = Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]));
  return { status: Number(first!.split(' ')[1]), headers, body: text.slice(split + 4) };
}

async function bmc({ step }: Steps, { program }: CheckContext, { prefix }: ReadyKeelson): Promise<void> {
  const base = `https://${prefix}1.11:8443`;
  const account = ['--user', 'admin:lab-r1u01'];
  const json = ['--header', 'Content-Type: application/json'];
  const get = async (path: string) => JSON.parse((await curl(program.path, ...account, base + path)).body) as Record<string, unknown>;
  await step('the service root is open, the rest is not', async () => {
    assert.equal((await curl(program.path, `${base}/redfish/v1/`)).status, 200);
    assert.equal((await curl(program.path, `${base}/redfish/v1/Systems`)).status, 401);
    assert.equal((await curl(program.path, '--user', 'admin:wrong', `${base}/redfish/v1/Systems`)).status, 401);
  });
  await step('a session is made, used and ended', async () => {
    const made = await curl(program.path, ...json, '--data', '{"UserName":"admin","Password":"lab-r1u01"}', `${base}/redfish/v1/SessionService/Sessions`);
    assert.equal(made.status, 201);
    const token = ['--header', `X-Auth-Token: ${made.headers['x-auth-token']}`];
    assert.equal((await curl(program.path, ...token, `${base}/redfish/v1/Systems`)).status, 200);
    const ended = await curl(program.path, ...token, '--request', 'DELETE', new URL(made.headers['location']!, base).href);
    assert.ok(ended.status === 200 || ended.status === 204, String(ended.status));
    assert.equal((await curl(program.path, ...token, `${base}/redfish/v1/Systems`)).status, 401);
  });
  await step('every link of every resource leads to a resource with its own @odata.id', async () => {
    const seen = new Set<string>();
    const open = ['/redfish/v1/'];
    while (open.length > 0) {
      const path = open.pop()!;
      const key = path.replace(/\/$/, '');
      if (seen.has(key) || path.includes('#')) continue;
      seen.add(key);
      const answer = await curl(program.path, ...account, base + path);
      assert.equal(answer.status, 200, path);
      if (!/json/.test(answer.headers['content-type'] ?? '')) continue;
      assert.equal((JSON.parse(answer.body) as { '@odata.id': string })['@odata.id'].replace(/\/$/, ''), key);
      for (const [, link] of answer.body.matchAll(/"@odata\.id":\s*"([^"]+)"/g)) open.push(link!);
    }
    assert.ok(seen.size > 10, `only ${seen.size} resources`);
  });
  await step('a wrong reset is refused with extended information', async () => {
    const { Members } = await get('/redfish/v1/Systems') as { Members: { '@odata.id': string }[] };
    const answer = await curl(program.path, ...account, ...json, '--data', '{"ResetType":"Sideways"}', `${base}${Members[0]!['@odata.id']}/Actions/ComputerSystem.Reset`);
    assert.equal(answer.status, 400);
    assert.match(answer.body, /@Message\.ExtendedInfo/);
  });
}

/** Reads an object of the API by curl, with the client certificate of the kubeconfig's user. */
async function apiObject({ program }: CheckContext, { dataDir, kubeconfig }: ReadyKeelson, path: string): Promise<Record<string, Record<string, unknown>>> {
  const server = /server: (\S+)/.exec(readFileSync(kubeconfig, 'utf8'))![1]!;
  const pki = join(dataDir, 'pki');
  const ran = await runProgram(program.path, ['--silent', '--show-error', '--fail', '--cacert', join(pki, 'ca.crt'), '--cert', join(pki, 'admin.crt'), '--key', join(pki, 'admin.key'), server + path]);
  assert.equal(ran.code, 0, ran.err);
  return JSON.parse(ran.out) as Record<string, Record<string, unknown>>;
}

async function receiver({ step }: Steps, context: CheckContext, keelson: ReadyKeelson): Promise<void> {
  const openssl = findProgram('openssl');
  if (!openssl) return;
  const of = (kind: string) => apiObject(context, keelson, kind);
  await step('a push announced with a signature of openssl\'s is taken, others are refused', async () => {
    const path = (await of('/apis/notification.toolkit.fluxcd.io/v1/namespaces/flux-system/receivers/datacenter'))['status']!['webhookPath'] as string;
    const secret = await of('/api/v1/namespaces/flux-system/secrets/datacenter-webhook');
    const token = Buffer.from(secret['data']!['token'] as string, 'base64').toString();
    const ports = JSON.parse(readFileSync(join(keelson.dataDir, 'ports.json'), 'utf8')) as { http: number };
    const url = `http://127.0.0.1:${ports.http}${path}`;
    const body = '{"ref":"refs/heads/main"}';
    const digest = /([0-9a-f]{64})/.exec((await runProgram(openssl, ['dgst', '-sha256', '-hmac', token], { input: body })).out)![1]!;
    const post = (signature: string) => curl(context.program.path, '--header', `X-Signature: ${signature}`, '--data', body, url);
    assert.equal((await post(`sha256=${digest}`)).status, 200);
    assert.equal((await post(`sha256=${digest.replace(/^./, (first) => (first === '0' ? '1' : '0'))}`)).status, 400);
  });
}

async function artifacts({ step }: Steps, context: CheckContext, keelson: ReadyKeelson): Promise<void> {
  const tar = findProgram('tar');
  await step('the artifact of a source is fetched, has its digest, and tar reads it', async () => {
    const source = await apiObject(context, keelson, '/apis/source.toolkit.fluxcd.io/v1/namespaces/flux-system/gitrepositories/datacenter');
    const artifact = source['status']!['artifact'] as { url: string; digest: string; size: number };
    const file = join(context.folder, 'artifact.tar.gz');
    const ran = await runProgram(context.program.path, ['--silent', '--show-error', '--fail', '--output', file, artifact.url]);
    assert.equal(ran.code, 0, ran.err);
    const bytes = readFileSync(file);
    assert.equal(`sha256:${createHash('sha256').update(bytes).digest('hex')}`, artifact.digest);
    assert.equal(bytes.length, artifact.size);
    if (!tar) return;
    assert.match((await runProgram(tar, ['--list', '--gzip', '--file', file])).out, /^clusters\/management\/kustomization\.yaml$/m);
  });
}
