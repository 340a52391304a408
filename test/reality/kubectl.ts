/** kubectl, unmodified, against the API server of Keelson and against the API of a workload cluster in the lab. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram, runProgram, startProgram, type Ran } from '../program.ts';
import { collectSteps, type Check, type CheckContext, type Steps } from './check.ts';
import { compareBuilds } from './kustomize-build.ts';

export const kubectlCheck: Check = {
  name: 'kubectl', program: 'kubectl', protocols: ['kubernetes-api', 'workload-cluster', 'kustomize-build'],
  async find() {
    const path = findProgram('kubectl');
    if (!path) return undefined;
    const { out } = await runProgram(path, ['version', '--client', '-o', 'json']);
    const { clientVersion } = JSON.parse(out) as { clientVersion: { gitVersion: string } };
    return { path, release: clientVersion.gitVersion };
  },
  async run(context) {
    const keelson = await context.keelson();
    const management = session(context, keelson.kubeconfig);
    const edge = session(context, keelson.edgeKubeconfig);
    await discovery(management);
    await objects(management);
    await serverSideApply(management);
    await watching(management);
    await writing(management);
    await deleting(management);
    await borrowedKinds(management);
    await access(management, keelson.dataDir);
    await workloads(edge);
    await nodes(edge);
    const built = await kustomizeBuild(context, keelson.clone);
    return { rows: [{ protocol: 'kubernetes-api', steps: management.steps }, { protocol: 'workload-cluster', steps: edge.steps }, { protocol: 'kustomize-build', steps: built.steps }] };
  },
};

interface Session extends Steps {
  readonly path: string;
  readonly flags: readonly string[];
  readonly folder: string;
  /** Runs kubectl; throws with what it said when the exit code is not 0. */
  k(...args: readonly string[]): Promise<string>;
  /** Runs kubectl with a document on stdin. */
  send(document: unknown, ...args: readonly string[]): Promise<string>;
  /** Runs kubectl, which must fail; answers what it said. */
  refused(document: unknown, ...args: readonly string[]): Promise<string>;
}

function session(context: CheckContext, kubeconfig: string): Session {
  const { path } = context.program;
  // A cache of discovery of its own: nothing of another server is remembered.
  const folder = join(context.folder, `kubectl-${kubeconfig.replace(/\W+/g, '-')}`);
  mkdirSync(folder, { recursive: true });
  const flags = ['--kubeconfig', kubeconfig, '--cache-dir', join(folder, 'cache'), '--request-timeout=20s'];
  const run = async (document: unknown, args: readonly string[]): Promise<Ran> => runProgram(path, [...flags, ...args], {
    cwd: folder, timeoutMs: 60_000, ...(document === undefined ? {} : { input: typeof document === 'string' ? document : JSON.stringify(document) }),
  });
  const must = async (document: unknown, args: readonly string[]): Promise<string> => {
    const ran = await run(document, args);
    if (ran.code !== 0) throw new Error(`kubectl ${args.join(' ')} ended with ${ran.code}: ${ran.err}${ran.out}`);
    return ran.out;
  };
  return {
    ...collectSteps(), path, flags, folder,
    k: (...args) => must(undefined, args),
    send: (document, ...args) => must(document, args),
    async refused(document, ...args) {
      const ran = await run(document, args);
      assert.notEqual(ran.code, 0, `kubectl ${args.join(' ')} was not refused: ${ran.out}`);
      return ran.err + ran.out;
    },
  };
}

const namespace = 'reality';
const here = ['--namespace', namespace] as const;

const configMap = (name: string, data: Record<string, string>, labels: Record<string, string> = {}) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace, labels }, data });

async function discovery({ step, k }: Session): Promise<void> {
  await step('version of the server', async () => {
    const { serverVersion } = JSON.parse(await k('version', '-o', 'json')) as { serverVersion: { major: string; gitVersion: string } };
    assert.equal(serverVersion.major, '1');
  });
  await step('api-resources and api-versions', async () => {
    const names = await k('api-resources', '--verbs=list', '-o', 'name');
    for (const name of ['baremetalhosts.metal3.io', 'clusters.cluster.x-k8s.io', 'gitrepositories.source.toolkit.fluxcd.io', 'configmaps', 'deployments.apps']) assert.match(names, new RegExp(`^${name}$`, 'm'));
    assert.match(await k('api-versions'), /^kustomize\.toolkit\.fluxcd\.io\/v1$/m);
  });
  await step('explain of built-in and of custom kinds, also --recursive', async () => {
    assert.match(await k('explain', 'bmh.spec.bmc'), /credentialsName/);
    assert.match(await k('explain', 'kustomizations.kustomize.toolkit.fluxcd.io.spec', '--recursive'), /dependsOn/);
    assert.match(await k('explain', 'deployment.spec.template.spec.containers.image'), /<string>/);
  });
  await step('get --raw /readyz, /livez, /version, /openapi/v3', async () => {
    assert.equal((await k('get', '--raw', '/readyz')).trim(), 'ok');
    assert.equal((await k('get', '--raw', '/livez')).trim(), 'ok');
    assert.match(await k('get', '--raw', '/openapi/v3'), /"paths"/);
  });
}

async function objects({ step, k, send, refused, folder }: Session): Promise<void> {
  await step('create namespace', async () => void (await k('create', 'namespace', namespace)));
  await step('apply: created, unchanged, configured', async () => {
    assert.match(await send(configMap('one', { a: '1' }), 'apply', '-f', '-'), /created/);
    assert.match(await send(configMap('one', { a: '1' }), 'apply', '-f', '-'), /unchanged/);
    assert.match(await send(configMap('one', { b: '2' }), 'apply', '-f', '-'), /configured/);
    assert.equal(await k('get', 'configmap', 'one', ...here, '-o', 'jsonpath={.data}'), '{"b":"2"}');
  });
  await step('create configmap and secret from literals; create twice is refused', async () => {
    await k('create', 'configmap', 'two', ...here, '--from-literal=x=y');
    await k('create', 'secret', 'generic', 'hidden', ...here, '--from-literal=password=s3cret');
    assert.equal(Buffer.from(await k('get', 'secret', 'hidden', ...here, '-o', 'jsonpath={.data.password}'), 'base64').toString(), 's3cret');
    assert.match(await refused(undefined, 'create', 'configmap', 'two', ...here), /AlreadyExists|already exists/);
  });
  await step('get: table, wide, yaml, name, custom columns, sorted, in chunks', async () => {
    assert.match(await k('get', 'configmap', ...here), /^NAME\s+DATA\s+AGE\n/);
    assert.match(await k('get', 'namespaces', '-o', 'wide'), /Active/);
    assert.match(await k('get', 'configmap', 'one', ...here, '-o', 'yaml'), /\nkind: ConfigMap\n/);
    assert.match(await k('get', 'cm', ...here, '-o', 'name', '--sort-by=.metadata.name', '--chunk-size=1'), /configmap\/one\nconfigmap\/two\n/);
    assert.match(await k('get', 'cm', ...here, '-o', 'custom-columns=NAME:.metadata.name', '--no-headers'), /^one$/m);
  });
  await step('label, annotate, selectors by label and by field', async () => {
    await k('label', 'configmap', 'one', ...here, 'tier=front');
    await k('annotate', 'configmap', 'one', ...here, 'note=hello');
    assert.equal((await k('get', 'cm', ...here, '-l', 'tier in (front,back),!gone', '-o', 'name')).trim(), 'configmap/one');
    assert.equal((await k('get', 'cm', ...here, '--field-selector', 'metadata.name=two', '-o', 'name')).trim(), 'configmap/two');
    await k('label', 'configmap', 'one', ...here, 'tier-');
    assert.equal((await k('get', 'cm', ...here, '-l', 'tier', '-o', 'name')).trim(), '');
  });
  await step('describe', async () => {
    assert.match(await k('describe', 'configmap', 'one', ...here), /Data\n====/);
    assert.match(await k('describe', 'namespace', namespace), /Status:\s+Active/);
  });
  await step('an unknown field is refused by name; --validate=warn warns', async () => {
    const wrong = { ...configMap('three', { a: '1' }), dat: {} };
    assert.match(await refused(wrong, 'apply', '-f', '-'), /unknown field "dat"/);
    assert.match(await send(wrong, 'apply', '--validate=warn', '-f', '-'), /created/);
  });
  await step('diff and dry runs change nothing', async () => {
    assert.match(await refused(configMap('one', { b: '3' }), 'diff', '-f', '-'), /^\+\s+b: "3"$/m);
    await send(configMap('one', { b: '3' }), 'apply', '--dry-run=server', '-f', '-');
    assert.equal(await k('get', 'configmap', 'one', ...here, '-o', 'jsonpath={.data.b}'), '2');
  });
  await step('apply -k and delete -k of a kustomization', async () => {
    const kustomization = join(folder, 'k');
    mkdirSync(kustomization, { recursive: true });
    writeFileSync(join(kustomization, 'kustomization.yaml'), `namespace: ${namespace}\nconfigMapGenerator: [{name: generated, literals: [a=b]}]\n`);
    assert.match(await k('apply', '-k', kustomization), /configmap\/generated-\w+ created/);
    assert.match(await k('delete', '-k', kustomization), /deleted/);
  });
  const pruned = ['p1', 'p2'].map((name) => configMap(name, {}, { set: 'p' }));
  await step('apply --prune removes what is no longer there', async () => {
    for (const one of pruned) await send(one, 'apply', '-f', '-');
    assert.match(await send(pruned[0], 'apply', '--prune', '-l', 'set=p', ...here, '--prune-allowlist=core/v1/ConfigMap', '-f', '-'), /configmap\/p2 pruned/);
  });
  await step('apply of a List', async () => void (await send({ apiVersion: 'v1', kind: 'List', items: pruned }, 'apply', '-f', '-')));
}

async function serverSideApply({ step, k, send, refused }: Session): Promise<void> {
  const mine = ['--server-side', '--field-manager=mine', '-f', '-'];
  const theirs = ['--server-side', '--field-manager=theirs', '-f', '-'];
  await step('apply --server-side: ownership, conflict, --force-conflicts', async () => {
    assert.match(await send(configMap('owned', { a: '1', b: '1' }), 'apply', ...mine), /serverside-applied/);
    const conflict = await refused(configMap('owned', { a: '2' }), 'apply', ...theirs);
    assert.match(conflict, /conflict with "mine"/);
    assert.match(conflict, /\.data\.a/);
    await send(configMap('owned', { a: '2' }), 'apply', '--force-conflicts', ...theirs);
    assert.equal(await k('get', 'cm', 'owned', ...here, '-o', 'jsonpath={.data}'), '{"a":"2","b":"1"}');
  });
  await step('apply --server-side: a field given up is removed, another manager\'s stays', async () => {
    await send(configMap('owned', {}), 'apply', ...mine);
    assert.equal(await k('get', 'cm', 'owned', ...here, '-o', 'jsonpath={.data}'), '{"a":"2"}');
    assert.match(await k('get', 'cm', 'owned', ...here, '--show-managed-fields', '-o', 'yaml'), /manager: theirs/);
  });
  await step('apply --server-side takes over from client-side apply', async () => {
    await send(configMap('moved', { a: '1', b: '1' }), 'apply', '-f', '-');
    await send(configMap('moved', { a: '1' }), 'apply', '--server-side', '-f', '-');
    assert.equal(await k('get', 'cm', 'moved', ...here, '-o', 'jsonpath={.data}'), '{"a":"1"}');
  });
}

async function watching({ step, k, flags, path, folder }: Session): Promise<void> {
  await step('get -w shows what changes', async () => {
    await using watch = startProgram(path, [...flags, 'get', 'configmap', 'two', ...here, '-w', '-o', 'jsonpath={.data.x}{"\\n"}', '--request-timeout=0'], { cwd: folder });
    await watch.says(/^y$/m, 20_000);
    await k('patch', 'configmap', 'two', ...here, '-p', '{"data":{"x":"changed"}}');
    await watch.says(/^changed$/m, 20_000);
  });
  await step('wait: for a condition, for a jsonpath, for deletion', async () => {
    assert.match(await k('wait', 'gitrepository', '--all', '-n', 'flux-system', '--for=condition=Ready', '--timeout=30s'), /condition met/);
    const pending = k('wait', 'configmap', 'two', ...here, '--for=jsonpath={.data.x}=waited', '--timeout=20s');
    await k('patch', 'configmap', 'two', ...here, '--type=merge', '-p', '{"data":{"x":"waited"}}');
    assert.match(await pending, /condition met/);
    const gone = k('wait', 'configmap', 'two', ...here, '--for=delete', '--timeout=20s');
    await k('delete', 'configmap', 'two', ...here);
    await gone;
  });
  await step('events and get events', async () => {
    assert.match(await k('get', 'events', '-A'), /LAST SEEN/);
    assert.match(await k('events', '-n', 'datacenter', '--for', 'baremetalhost/r1u01'), /baremetalhost\/r1u01/i);
  });
}

async function writing({ step, k, send, refused, path, flags, folder }: Session): Promise<void> {
  const deployment = {
    apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', namespace },
    spec: { selector: { matchLabels: { app: 'web' } }, template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'a', image: 'a:1' }, { name: 'b', image: 'b:1' }] } } },
  };
  await step('patch: strategic merges lists by key, merge replaces, json edits', async () => {
    await send(deployment, 'create', '-f', '-');
    await k('patch', 'deployment', 'web', ...here, '-p', '{"spec":{"template":{"spec":{"containers":[{"name":"b","image":"b:2"}]}}}}');
    assert.equal(await k('get', 'deploy', 'web', ...here, '-o', 'jsonpath={.spec.template.spec.containers[*].image}'), 'a:1 b:2');
    await k('patch', 'deployment', 'web', ...here, '--type=json', '-p', '[{"op":"replace","path":"/spec/template/spec/containers/0/image","value":"a:2"}]');
    await k('patch', 'deployment', 'web', ...here, '--type=merge', '-p', '{"spec":{"template":{"spec":{"containers":[{"name":"c","image":"c:1"}]}}}}');
    assert.equal(await k('get', 'deploy', 'web', ...here, '-o', 'jsonpath={.spec.template.spec.containers[*].image}'), 'c:1');
  });
  await step('set image, scale, rollout pause', async () => {
    await k('set', 'image', 'deployment/web', 'c=c:9', ...here);
    await k('scale', 'deployment/web', '--replicas=2', ...here);
    await k('rollout', 'pause', 'deployment/web', ...here);
    assert.equal(await k('get', 'deploy', 'web', ...here, '-o', 'jsonpath={.spec.replicas} {.spec.paused} {.spec.template.spec.containers[0].image}'), '2 true c:9');
  });
  await step('an invalid value is refused with its path', async () => {
    assert.match(await refused(undefined, 'patch', 'deployment', 'web', ...here, '--type=merge', '-p', '{"spec":{"replicas":-1}}'), /spec\.replicas/);
    assert.match(await refused({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'Not_A_Name', namespace } }, 'create', '-f', '-'), /metadata\.name/);
  });
  await step('patch --subresource=status leaves the spec', async () => {
    await k('patch', 'deployment', 'web', ...here, '--subresource=status', '--type=merge', '-p', '{"spec":{"replicas":7},"status":{"replicas":1}}');
    assert.equal(await k('get', 'deploy', 'web', ...here, '-o', 'jsonpath={.spec.replicas} {.status.replicas}'), '2 1');
  });
  await step('edit, and replace with an old resourceVersion is refused', async () => {
    const edited = await runProgram(path, [...flags, 'edit', 'configmap', 'one', ...here], { cwd: folder, env: { ...process.env, KUBE_EDITOR: 'sed -i s/b:\\ \\"2\\"/b:\\ edited/' } });
    assert.match(edited.out, /edited/, edited.err);
    const old = JSON.parse(await k('get', 'configmap', 'one', ...here, '-o', 'json')) as { data: Record<string, string>; metadata: { resourceVersion: string } };
    await k('patch', 'configmap', 'one', ...here, '-p', '{"data":{"c":"3"}}');
    assert.match(await refused(old, 'replace', '-f', '-'), /Conflict|has been modified/);
  });
}

async function deleting({ step, k, send }: Session): Promise<void> {
  await step('a finalizer holds a deletion until it is taken away', async () => {
    await send({ ...configMap('held', {}), metadata: { name: 'held', namespace, finalizers: ['example.com/hold'] } }, 'apply', '-f', '-');
    await k('delete', 'configmap', 'held', ...here, '--wait=false');
    assert.notEqual(await k('get', 'configmap', 'held', ...here, '-o', 'jsonpath={.metadata.deletionTimestamp}'), '');
    await k('patch', 'configmap', 'held', ...here, '--type=json', '-p', '[{"op":"remove","path":"/metadata/finalizers"}]');
    await k('wait', 'configmap', 'held', ...here, '--for=delete', '--timeout=20s');
  });
  await step('owned objects are collected, in the background and in the foreground; orphans stay', async () => {
    for (const cascade of ['background', 'foreground', 'orphan']) {
      await send(configMap('owner', {}), 'create', '-f', '-');
      const uid = await k('get', 'configmap', 'owner', ...here, '-o', 'jsonpath={.metadata.uid}');
      const owned = { ...configMap('owned-one', {}), metadata: { name: 'owned-one', namespace, ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid, blockOwnerDeletion: true }] } };
      await send(owned, 'create', '-f', '-');
      await k('delete', 'configmap', 'owner', ...here, `--cascade=${cascade}`);
      if (cascade === 'orphan') {
        assert.equal(await k('get', 'configmap', 'owned-one', ...here, '-o', 'jsonpath={.metadata.ownerReferences}'), '');
        await k('delete', 'configmap', 'owned-one', ...here);
      } else {
        await k('wait', 'configmap', 'owned-one', ...here, '--for=delete', '--timeout=20s');
      }
    }
  });
  await step('delete by label, and of a namespace with everything in it', async () => {
    assert.match(await k('delete', 'configmap', '-l', 'set=p', ...here), /"p1" deleted/);
    await k('delete', 'namespace', namespace, '--timeout=60s');
    assert.equal((await k('get', 'configmap', ...here, '-o', 'name')).trim(), '');
  });
}

async function borrowedKinds({ step, k, send, refused }: Session): Promise<void> {
  await step('get shows the columns of Metal3, Cluster API and Flux', async () => {
    assert.match(await k('get', 'bmh', '-A'), /NAMESPACE\s+NAME\s+STATE\s+CONSUMER\s+ONLINE\s+ERROR\s+AGE\n/);
    assert.match(await k('get', 'clusters,machines', '-A'), /PHASE/);
    assert.match(await k('get', 'gitrepositories,kustomizations', '-A'), /READY\s+STATUS/);
  });
  await step('describe of a host shows its events', async () => assert.match(await k('describe', 'bmh', '-n', 'datacenter', 'r1u01'), /Events:/));
  await step('a custom resource that breaks its schema is refused with the field', async () => {
    const host = { apiVersion: 'metal3.io/v1alpha1', kind: 'BareMetalHost', metadata: { name: 'wrong', namespace: 'datacenter' }, spec: { online: 'yes' } };
    assert.match(await refused(host, 'create', '--validate=false', '-f', '-'), /spec\.online/);
  });
  await step('a definition of the user is served at once, with its columns, and removed with its objects', async () => {
    const versions = [{ name: 'v1', served: true, storage: true, additionalPrinterColumns: [{ name: 'Size', type: 'integer', jsonPath: '.spec.size' }], schema: { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties: { size: { type: 'integer', default: 3, maximum: 5 } } } } } } }];
    const definition = { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'widgets.example.com' }, spec: { group: 'example.com', scope: 'Namespaced', names: { plural: 'widgets', kind: 'Widget' }, versions } };
    const widget = (size?: number) => ({ apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name: 'w', namespace: 'default' }, spec: size === undefined ? {} : { size } });
    await send(definition, 'apply', '-f', '-');
    await k('wait', 'crd/widgets.example.com', '--for=condition=Established', '--timeout=20s');
    await send(widget(), 'apply', '-f', '-');
    assert.match(await k('get', 'widgets', '-n', 'default'), /^NAME\s+SIZE\nw\s+3\n/);
    assert.match(await refused(widget(9), 'apply', '-f', '-'), /spec\.size/);
    await k('delete', 'crd', 'widgets.example.com', '--timeout=30s');
    assert.match(await refused(undefined, 'get', 'widgets', '-n', 'default'), /doesn't have a resource type|could not find the requested resource/);
  });
}

async function access({ step, k, folder, path }: Session, dataDir: string): Promise<void> {
  await step('auth whoami and auth can-i', async () => {
    assert.match(await k('auth', 'whoami'), /system:masters/);
    assert.equal((await k('auth', 'can-i', 'delete', 'bmh')).trim(), 'yes');
  });
  await step('a bearer token is enough; nothing and a wrong token are refused', async () => {
    const server = (await k('config', 'view', '--minify', '-o', 'jsonpath={.clusters[0].cluster.server}')).trim();
    const authority = join(dataDir, 'pki', 'ca.crt');
    const plain = ['--kubeconfig', '/dev/null', '--server', server, '--certificate-authority', authority, '--cache-dir', join(folder, 'cache-token')];
    const token = readFileSync(join(dataDir, 'pki', 'admin.token'), 'utf8').trim();
    const asked = (flags: readonly string[]) => runProgram(path, [...plain, ...flags, 'get', 'namespaces', '-o', 'name']);
    assert.match((await asked(['--token', token])).out, /namespace\/default/);
    assert.match((await asked(['--token', 'wrong'])).err, /Unauthorized|must be logged in/);
    assert.notEqual((await asked([])).code, 0);
  });
}

async function workloads({ step, k, refused }: Session): Promise<void> {
  const hello = ['--namespace', 'hello'] as const;
  await step('the app\'s Pods are Ready', async () => {
    await k('wait', 'pod', '--all', ...hello, '--for=condition=Ready', '--timeout=30s');
    assert.match(await k('get', 'pods', ...hello, '-o', 'wide'), /1\/1\s+Running/);
    assert.match(await k('rollout', 'status', 'deployment/hello', ...hello, '--timeout=30s'), /successfully rolled out/);
  });
  await step('create, scale, restart, history and undo of a Deployment', async () => {
    await k('create', 'namespace', namespace);
    await k('create', 'deployment', 'web', '--image=registry.example/web:1', ...here);
    await k('rollout', 'status', 'deployment/web', ...here, '--timeout=30s');
    await k('scale', 'deployment/web', '--replicas=3', ...here);
    await k('rollout', 'status', 'deployment/web', ...here, '--timeout=30s');
    await k('set', 'image', 'deployment/web', 'web=registry.example/web:2', ...here);
    await k('rollout', 'status', 'deployment/web', ...here, '--timeout=30s');
    assert.match(await k('rollout', 'history', 'deployment/web', ...here), /^2\s/m);
    await k('rollout', 'undo', 'deployment/web', ...here);
    await k('rollout', 'status', 'deployment/web', ...here, '--timeout=30s');
    assert.equal(await k('get', 'deployment', 'web', ...here, '-o', 'jsonpath={.spec.template.spec.containers[0].image}'), 'registry.example/web:1');
    await k('rollout', 'restart', 'deployment/web', ...here);
    await k('rollout', 'status', 'deployment/web', ...here, '--timeout=30s');
  });
  await step('a deleted Pod is replaced; deleting the Deployment deletes its Pods', async () => {
    const first = (await k('get', 'pods', ...here, '-o', 'jsonpath={.items[0].metadata.name}')).trim();
    await k('delete', 'pod', first, ...here, '--timeout=30s');
    await k('wait', 'deployment/web', ...here, '--for=condition=Available', '--timeout=30s');
    await k('delete', 'deployment', 'web', ...here, '--cascade=foreground', '--timeout=30s');
    assert.equal((await k('get', 'pods', ...here, '-o', 'name')).trim(), '');
    await k('delete', 'namespace', namespace, '--timeout=60s');
  });
  await step('expose makes a Service with an address', async () => {
    assert.match(await k('get', 'service', 'hello', ...hello), /ClusterIP\s+\d+\.\d+\.\d+\.\d+/);
    assert.match(await k('get', 'endpointslices', ...hello), /hello-/);
  });
  await step('what the lab has no containers for is refused with a reason', async () => {
    for (const args of [['logs', 'deployment/hello'], ['exec', 'deployment/hello', '--', 'true']]) assert.match(await refused(undefined, ...args, ...hello), /\S/);
  });
}

async function nodes({ step, k }: Session): Promise<void> {
  await step('nodes with their roles, addresses and provider IDs', async () => {
    assert.match(await k('get', 'nodes', '-o', 'wide'), /Ready\s+control-plane/);
    assert.match(await k('get', 'nodes', '-o', 'jsonpath={.items[*].spec.providerID}'), /^(metal3:\/\/\S+ ?){5}$/);
    assert.match(await k('describe', 'nodes'), /Allocatable:/);
  });
  await step('cordon, drain and uncordon of a worker', async () => {
    const worker = (await k('get', 'nodes', '-l', '!node-role.kubernetes.io/control-plane', '-o', 'jsonpath={.items[0].metadata.name}')).trim();
    await k('cordon', worker);
    assert.match(await k('get', 'node', worker), /SchedulingDisabled/);
    await k('drain', worker, '--ignore-daemonsets', '--delete-emptydir-data', '--force', '--timeout=60s');
    await k('uncordon', worker);
    await k('wait', 'deployment/hello', '-n', 'hello', '--for=condition=Available', '--timeout=30s');
  });
}

/** The overlays of the example, built by kubectl's kustomize and by ours. */
async function kustomizeBuild({ program }: CheckContext, clone: string): Promise<Steps> {
  const steps = collectSteps();
  for (const path of ['apps/edge', 'clusters/edge', 'clusters/management', 'hosts', 'infrastructure']) {
    await steps.step(`${path} of the example builds to the same objects`, () => compareBuilds(program.path, clone, path));
  }
  return steps;
}
