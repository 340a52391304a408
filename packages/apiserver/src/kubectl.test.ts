import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { formatKubeconfig } from '@keelson/kube/client';
import { createLog } from '@keelson/std';
import { nodeEnv } from '@keelson/std/node';
import { generateKey, issueCertificate } from '@keelson/std/x509';
import { certificateAuthenticator } from './authn/authenticator.ts';
import { createApiServer } from './server.ts';
import { openLmdbStore } from './store/index.ts';

/** A kubectl that is new enough; undefined when none is found. */
function findKubectl(): string | undefined {
  const found = spawnSync('kubectl', ['version', '--client', '-o', 'json'], { encoding: 'utf8' });
  if (found.status !== 0) return undefined;
  const { clientVersion } = JSON.parse(found.stdout) as { clientVersion: { minor: string } };
  return Number.parseInt(clientVersion.minor, 10) >= 27 ? 'kubectl' : undefined;
}

const kubectl = findKubectl();
if (kubectl === undefined) {
  process.stdout.write('SKIPPED: no kubectl 1.27 or newer on this machine, so the server is not tried with it\n');
} else {
  const folder = mkdtempSync(join(tmpdir(), 'keelson-kubectl-'));
  const { config, bare, close } = await serve(join(folder, 'store'));
  writeFileSync(join(folder, 'config'), config, { mode: 0o600 });
  writeFileSync(join(folder, 'bare'), bare, { mode: 0o600 });
  after(async () => {
    await close();
    rmSync(folder, { recursive: true, force: true });
  });
  defineTests(kubectl, folder);
}

/** A server over a store on disk behind HTTPS on loopback, and a kubeconfig with a client certificate for it. */
async function serve(directory: string) {
  const env = nodeEnv({ log: createLog(() => {}) });
  const now = env.clock.now();
  const validity = { notBeforeMs: now - 60_000, notAfterMs: now + 3_600_000 };
  const [caKey, serverKey, clientKey] = [generateKey('p256'), generateKey('p256'), generateKey('p256')];
  const ca = issueCertificate({ subject: { commonName: 'test-ca' }, publicKeyPem: caKey.publicKeyPem, selfKeyPem: caKey.privateKeyPem, ca: true, ...validity });
  const issuer = { certificatePem: ca, privateKeyPem: caKey.privateKeyPem };
  const cert = issueCertificate({ subject: { commonName: 'apiserver' }, publicKeyPem: serverKey.publicKeyPem, issuer, ipAddresses: ['127.0.0.1'], usages: ['server'], ...validity });
  const client = issueCertificate({ subject: { commonName: 'tester', organizations: ['system:masters'] }, publicKeyPem: clientKey.publicKeyPem, issuer, usages: ['client'], ...validity });
  const store = openLmdbStore({ directory });
  const server = await createApiServer({ env, store, authenticator: certificateAuthenticator, serviceAccountTokens: { privateKeyPem: generateKey('p256').privateKeyPem } });
  const listener = await env.net.listenHttp({ host: '127.0.0.1', port: 0 }, { handler: server.handler, tls: { cert, key: serverKey.privateKeyPem, clientCa: ca } });
  const config = formatKubeconfig({
    server: `https://127.0.0.1:${listener.address.port}`, clusterName: 'test', userName: 'tester', contextName: 'test', caPem: ca, clientCertificatePem: client, clientKeyPem: clientKey.privateKeyPem,
  });
  return {
    config,
    /** The server's address and authority, and no credentials. */
    bare: JSON.stringify({
      apiVersion: 'v1', kind: 'Config', 'current-context': 'bare', contexts: [{ name: 'bare', context: { cluster: 'bare', user: 'bare' } }], users: [{ name: 'bare', user: {} }],
      clusters: [{ name: 'bare', cluster: { server: `https://127.0.0.1:${listener.address.port}`, 'certificate-authority-data': Buffer.from(ca).toString('base64') } }],
    }),
    async close() {
      await listener.close();
      await server.close();
      await store.close();
    },
  };
}

const manifest = (image: string, online: boolean) => `
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: default}
data: {image: "${image}"}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: default}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: "${image}", ports: [{containerPort: 80}]}]}
---
apiVersion: metal3.io/v1alpha1
kind: BareMetalHost
metadata: {name: h1, namespace: default}
spec: {online: ${online}, bmc: {address: "redfish://192.0.2.1", credentialsName: s}}
`;

const widgets = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: widgets, kind: Widget, shortNames: [wd]}
  versions:
  - name: v1
    served: true
    storage: true
    additionalPrinterColumns: [{name: Size, type: integer, jsonPath: .spec.size}]
    subresources: {status: {}, scale: {specReplicasPath: .spec.replicas, statusReplicasPath: .status.replicas}}
    schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {size: {type: integer, default: 3}, replicas: {type: integer}}}, status: {type: object, properties: {replicas: {type: integer}}}}}}
`;

function defineTests(program: string, folder: string): void {
  const common = ['--kubeconfig', join(folder, 'config'), '--cache-dir', join(folder, 'cache'), '--request-timeout', '20s'];
  const run = (args: readonly string[], input?: string) =>
    new Promise<{ code: number | null; out: string; err: string }>((resolve) => {
      const child = spawn(program, [...common, ...args], { stdio: 'pipe' });
      let [out, err] = ['', ''];
      child.stdout.on('data', (chunk) => (out += String(chunk)));
      child.stderr.on('data', (chunk) => (err += String(chunk)));
      child.on('close', (code) => resolve({ code, out, err }));
      child.stdin.end(input ?? '');
    });
  const ok = async (args: readonly string[], input?: string) => {
    const { code, out, err } = await run(args, input);
    assert.equal(code, 0, `kubectl ${args.join(' ')}\n${out}${err}`);
    return out;
  };

  test('kubectl applies, sees no change, shows a difference and applies that', async () => {
    assert.equal(await ok(['apply', '-f', '-'], manifest('x:1', true)), 'configmap/settings created\ndeployment.apps/web created\nbaremetalhost.metal3.io/h1 created\n');
    assert.equal(await ok(['apply', '-f', '-'], manifest('x:1', true)), 'configmap/settings unchanged\ndeployment.apps/web unchanged\nbaremetalhost.metal3.io/h1 unchanged\n');
    const difference = await run(['diff', '-f', '-'], manifest('x:2', false));
    assert.equal(difference.code, 1, difference.err);
    const lines = difference.out.split('\n').filter((line) => /^[+-] /.test(line)).map((line) => line.replace(/\s+/g, ' '));
    assert.deepEqual(lines, ['- generation: 1', '+ generation: 2', '- - image: x:1', '+ - image: x:2', '- generation: 1', '+ generation: 2', '- online: true', '+ online: false', '- image: x:1', '+ image: x:2']);
    assert.equal(await ok(['apply', '-f', '-'], manifest('x:2', false)), 'configmap/settings configured\ndeployment.apps/web configured\nbaremetalhost.metal3.io/h1 configured\n');
  });

  test('kubectl refuses a field that does not exist', async () => {
    const { code, err } = await run(['apply', '-f', '-'], 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: bad, namespace: default}\ndta: {a: "1"}\n');
    assert.equal(code, 1);
    assert.match(err, /strict decoding error: unknown field "dta"/);
  });

  test('kubectl applies server-side, and is told who owns what', async () => {
    const config = (value: string) => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ssa, namespace: default}\ndata: {a: "${value}"}\n`;
    assert.equal(await ok(['apply', '--server-side', '-f', '-'], config('1')), 'configmap/ssa serverside-applied\n');
    const { code, err } = await run(['apply', '--server-side', '--field-manager=other', '-f', '-'], config('2'));
    assert.equal(code, 1);
    assert.match(err, /Apply failed with 1 conflict: conflict with "kubectl": \.data\.a/);
    await ok(['apply', '--server-side', '--field-manager=other', '--force-conflicts', '-f', '-'], config('2'));
    assert.equal(await ok(['get', 'configmap', 'ssa', '-o', 'jsonpath={.data.a}']), '2');
  });

  test('kubectl shows tables, wide ones too', async () => {
    const out = await ok(['get', 'deploy,bmh', '-n', 'default']);
    assert.match(out, /^NAME +READY +UP-TO-DATE +AVAILABLE +AGE\ndeployment\.apps\/web +0\/1 +0 +0 +\d+s\n/);
    assert.match(out, /NAME +STATE +CONSUMER +ONLINE +ERROR +AGE\nbaremetalhost\.metal3\.io\/h1 +false +\d+s\n/);
    assert.match(await ok(['get', 'deploy', 'web', '-o', 'wide']), /CONTAINERS +IMAGES +SELECTOR\nweb .* c +x:2 +app=web\n/);
    assert.match(await ok(['get', 'ns']), /^NAME +STATUS +AGE\ndefault +Active/);
  });

  test('kubectl changes objects by label, annotate, patch, scale, set image and rollout restart', async () => {
    await ok(['label', 'deploy', 'web', 'tier=front']);
    await ok(['annotate', 'deploy', 'web', 'note=hello']);
    await ok(['patch', 'deploy', 'web', '-p', '{"spec":{"template":{"spec":{"containers":[{"name":"c","env":[{"name":"A","value":"1"}]}]}}}}']);
    await ok(['patch', 'deploy', 'web', '--type=json', '-p', '[{"op":"add","path":"/spec/paused","value":true}]']);
    await ok(['scale', 'deploy', 'web', '--replicas=4']);
    await ok(['set', 'image', 'deploy/web', 'c=x:9']);
    const web = JSON.parse(await ok(['get', 'deploy', 'web', '-o', 'json'])) as { metadata: { labels: object; annotations: Record<string, string> }; spec: { replicas: number; paused: boolean; template: { spec: { containers: object[] } } } };
    assert.deepEqual([web.metadata.labels, web.metadata.annotations['note'], web.spec.replicas, web.spec.paused], [{ tier: 'front' }, 'hello', 4, true]);
    const [container] = web.spec.template.spec.containers as { image: string; env: object[]; ports: object[] }[];
    assert.deepEqual([container?.image, container?.env, container?.ports.length], ['x:9', [{ name: 'A', value: '1' }], 1]);
    await ok(['patch', 'deploy', 'web', '--type=merge', '-p', '{"spec":{"paused":null}}']);
    assert.equal(await ok(['rollout', 'restart', 'deploy', 'web']), 'deployment.apps/web restarted\n');
  });

  test('kubectl makes objects with its generators, whose bodies are protobuf', async () => {
    const commands = [
      'create ns team', 'create deployment d --image=x -n team', 'create configmap c --from-literal=a=b', 'create secret generic s --from-literal=a=b', 'create role r --verb=get --resource=pods',
      'create clusterrolebinding b --clusterrole=view --user=v', 'create ingress i --rule=foo.example/bar=svc:8080', 'create job j --image=x', 'create sa a', 'create pdb p --selector=a=b --min-available=1',
      'create service clusterip cs --tcp=80:8080', 'create priorityclass pc --value=5', 'create quota q --hard=cpu=1', 'run pod1 --image=x', 'expose deploy web --port=80 --name=web2',
    ];
    for (const command of commands) await ok(command.split(' '));
    await ok(['create', 'cronjob', 'cj', '--image=x', '--schedule=*/5 * * * *']);
    assert.equal(await ok(['get', 'secret', 's', '-o', 'jsonpath={.data.a}']), 'Yg==');
    assert.match(await ok(['get', 'deploy', '-n', 'team']), /^NAME .*\nd +0\/1/);
    assert.match(await ok(['auth', 'whoami']), /Username +tester/);
    assert.equal(await ok(['auth', 'can-i', 'create', 'pods']), 'yes\n');
  });

  test('kubectl makes tokens, acts as others and is told who it is', async () => {
    await ok(['create', 'sa', 'robot']);
    const token = (await ok(['create', 'token', 'robot', '--duration=20m'])).trim();
    assert.match(token, /^[\w-]+\.[\w-]+\.[\w-]+$/);
    const asRobot = '--as=system:serviceaccount:default:robot';
    assert.match(await ok(['auth', 'whoami', asRobot]), /Username +system:serviceaccount:default:robot\nGroups +\[system:serviceaccounts system:serviceaccounts:default system:authenticated\]/);
    assert.equal((await run(['auth', 'can-i', 'get', 'pods', asRobot])).out, 'no\n');
    await ok(['create', 'rolebinding', 'robot', '--clusterrole=view', '--serviceaccount=default:robot']);
    assert.equal(await ok(['auth', 'can-i', 'get', 'pods', asRobot]), 'yes\n');
    assert.equal(await ok(['auth', 'can-i', 'get', 'pods', '--as=x', '--as-group=system:masters', '--as-group=other']), 'yes\n');
    assert.match(await ok(['auth', 'can-i', '--list', asRobot]), /configmaps +\[\] +\[\] +\[get list watch\]/);
    const bearer = ['--kubeconfig', join(folder, 'bare'), `--token=${token}`];
    assert.match(await ok(['auth', 'whoami', ...bearer]), /Username +system:serviceaccount:default:robot/);
    assert.match((await run(['get', 'secrets', ...bearer])).err, /User "system:serviceaccount:default:robot" cannot list resource "secrets"/);
  });

  test('kubectl describes and explains', async () => {
    assert.match(await ok(['describe', 'bmh', 'h1']), /Kind: +BareMetalHost[\s\S]*Automated Cleaning Mode: +metadata[\s\S]*Events: +<none>/);
    assert.match(await ok(['describe', 'deploy', 'web']), /StrategyType: +RollingUpdate/);
    assert.match(await ok(['explain', 'bmh.spec.bmc']), /KIND: +BareMetalHost[\s\S]*address\t<string> -required-/);
    assert.match(await ok(['explain', 'deploy.spec.strategy.rollingUpdate']), /maxSurge\t<IntOrString>/);
    assert.match(await ok(['api-resources']), /baremetalhosts +bmh,bmhost +metal3\.io\/v1alpha1 +true +BareMetalHost/);
  });

  test('kubectl watches and waits', async () => {
    const child = spawn(program, [...common, 'get', 'cm', '-n', 'kube-public', '-w', '--no-headers'], { stdio: ['ignore', 'pipe', 'inherit'] });
    const seen = new Promise<string>((resolve) => {
      let text = '';
      child.stdout.on('data', (chunk) => {
        text += String(chunk);
        if (text.endsWith('\n')) resolve(text);
      });
    });
    // The watch may begin before or after this: it shows the object either way.
    await ok(['create', 'cm', 'news', '-n', 'kube-public']);
    assert.match(await seen, /^news +0 +\d+s\n$/);
    child.kill();
    const waiting = ok(['wait', '--for=jsonpath={.data.ready}=yes', 'cm/news', '-n', 'kube-public', '--timeout=20s']);
    await ok(['patch', 'cm', 'news', '-n', 'kube-public', '-p', '{"data":{"ready":"yes"}}']);
    assert.equal(await waiting, 'configmap/news condition met\n');
  });

  test('kubectl brings a kind of its own, uses it and takes it away', async () => {
    await ok(['apply', '-f', '-'], widgets);
    await ok(['wait', '--for=condition=Established', 'crd/widgets.example.com', '--timeout=10s']);
    await ok(['apply', '-f', '-'], 'apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: w, namespace: default}\nspec: {replicas: 2}\n');
    assert.match(await ok(['get', 'wd']), /^NAME +SIZE\nw +3\n$/);
    await ok(['scale', 'widget', 'w', '--replicas=5']);
    assert.equal(await ok(['get', 'wd', 'w', '-o', 'jsonpath={.spec.replicas}']), '5');
    await ok(['delete', 'crd', 'widgets.example.com']);
    assert.equal((await run(['get', 'wd'])).code, 1);
  });

  test('kubectl deletes and waits until all is gone', async () => {
    assert.equal(await ok(['delete', 'ns', 'team']), 'namespace "team" deleted\n');
    assert.equal((await run(['get', 'ns', 'team'])).code, 1);
    assert.equal(await ok(['delete', '-f', '-'], manifest('x', true)), 'configmap "settings" deleted\ndeployment.apps "web" deleted\nbaremetalhost.metal3.io "h1" deleted\n');
    assert.equal(await ok(['delete', 'cm', 'settings', '--ignore-not-found']), '');
    assert.match(await ok(['get', 'all', '-n', 'default']), /pod\/pod1/);
  });
}
