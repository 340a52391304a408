/** The main job as a user lives it: a real process, real git, real kubectl, the lab's hardware with zero latency. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { BareMetalHost, Cluster, Deployment, GitRepository, Kustomization, MachineDeployment, Node, Pod } from '@keelson/api';
import { findCondition, type KubeObject } from '@keelson/kube';
import type { KubeClient } from '@keelson/kube/client';
import type { JournalEntry } from '@keelson/lab';
import { eventually, keelsonFolder, ownNetwork, untilGone, untilObject, type KeelsonFolder, type KeelsonProcess } from './keelson-process.ts';

let folder: KeelsonFolder;
let up: KeelsonProcess;
let client: KubeClient;

before(async () => {
  // What is in a workload cluster is looked at once per interval; the example's minute is long for a test.
  folder = keelsonFolder(undefined, { 'clusters/edge/apps.yaml': (text) => text.replace('interval: 1m', 'interval: 5s') });
  up = folder.up('--lab-latency', 'zero', ...ownNetwork);
  await up.said('Everything is ready');
  client = folder.client();
});
after(async () => {
  up?.child.kill('SIGKILL');
  await up?.ended;
  folder?.remove();
});

const hello = { namespace: 'hello', name: 'hello' };
const readyMessage = (object: KubeObject | undefined) => findCondition(object, 'Ready')?.message ?? '';
const hostState = (host: KubeObject) => (host['status'] as { provisioning?: { state?: string } } | undefined)?.provisioning?.state;
const journalOf = (machine: string) => JSON.parse(folder.run('lab', 'status', '--journal', machine, '-o', 'json').stdout) as JournalEntry[];
const kubectlThere = spawnSync('kubectl', ['version', '--client'], { stdio: 'ignore' }).status === 0;

/** A Kustomization is ready at a commit. */
const applied = (namespace: string, name: string, commit: string) => untilObject(client, Kustomization, { namespace, name }, (k) => {
  const status = k['status'] as { lastAppliedRevision?: string } | undefined;
  return status?.lastAppliedRevision?.endsWith(commit) === true && findCondition(k, 'Ready')?.status === 'True';
});
/** A Kustomization's Ready condition is False and its message says all of this. */
const refused = async (namespace: string, name: string, ...parts: RegExp[]) => {
  const object = await untilObject(client, Kustomization, { namespace, name }, (k) => findCondition(k, 'Ready')?.status === 'False' && parts.every((part) => part.test(readyMessage(k))));
  return readyMessage(object);
};
const appRuns = async () => {
  const pods = (await folder.clusterClient('edge').list(Pod, { namespace: 'hello' })).items;
  return pods.length > 0 && pods.every((pod) => findCondition(pod, 'Ready')?.status === 'True');
};

describe('the main job', { concurrency: 1 }, () => {
  test("the app's pods are ready as kubectl sees them through the published kubeconfig", { skip: kubectlThere ? false : 'kubectl is not installed' }, () => {
    const file = join(folder.dataDir, 'edge.kubeconfig');
    writeFileSync(file, folder.run('kubeconfig', 'edge').stdout, { mode: 0o600 });
    const kubectl = (...args: string[]) => spawnSync('kubectl', ['--kubeconfig', file, ...args], { encoding: 'utf8', timeout: 30_000 });
    const pods = kubectl('get', 'pods', '-n', 'hello', '-o', 'jsonpath={range .items[*]}{.status.phase}{" "}{.status.conditions[?(@.type=="Ready")].status}{"\\n"}{end}');
    assert.equal(pods.status, 0, pods.stderr);
    assert.deepEqual(pods.stdout.trim().split('\n'), ['Running True', 'Running True', 'Running True']);
    const nodes = kubectl('get', 'nodes', '--no-headers');
    assert.equal(nodes.stdout.trim().split('\n').filter((line) => / Ready /.test(line)).length, 5, nodes.stdout + nodes.stderr);
    assert.equal(kubectl('rollout', 'status', 'deployment/hello', '-n', 'hello', '--timeout=10s').status, 0);
  });

  test('trace follows the app from the commit to the hosts that carry its pods', async () => {
    const carrying = new Set((await folder.clusterClient('edge').list<Pod>(Pod, { namespace: 'hello' })).items.map((pod) => pod.spec?.nodeName));
    const { code, stdout, stderr } = folder.run('trace', 'deployment/hello');
    assert.equal(code, 0, stdout + stderr);
    const levels = stdout.split('\n').slice(1).map((line) => line.split(/\s+/)[0]).filter((word) => word !== '');
    for (const level of ['commit', 'source', 'kustomization', 'object', 'cluster', 'machine', 'host']) assert.ok(levels.includes(level), `${level} is missing:\n${stdout}`);
    assert.equal(levels.filter((level) => level === 'host').length, carrying.size, stdout);
    assert.match(stdout, /Every link is ready/);
  });

  test('a second process on the data directory is refused before it touches anything', async () => {
    const second = folder.up('--lab-latency', 'zero');
    const { code, stderr } = await second.ended;
    assert.equal(code, 2, stderr);
    assert.match(stderr, /STORE\.LOCKED/);
    assert.match(stderr, new RegExp(`\\b${up.child.pid}\\b`), 'it names the process that has it');
    assert.match(stderr, /next:/);
    assert.ok(await client.get(Cluster, { namespace: 'datacenter', name: 'edge' }), 'the first goes on');
  });

  test('a commit that asks for a third worker provisions the spare host', async () => {
    const spare = (await client.list(BareMetalHost)).items.find((host) => hostState(host) === 'available')!.metadata.name;
    folder.commit('third worker', { 'clusters/edge/workers.yaml': (text) => text.replace('replicas: 2', 'replicas: 3') });
    await untilObject(client, BareMetalHost, { namespace: 'datacenter', name: spare }, (host) => hostState(host) === 'provisioned');
    await eventually('six nodes', async () => ((await folder.clusterClient('edge').list(Node)).items.filter((node) => findCondition(node, 'Ready')?.status === 'True').length === 6 ? true : undefined));
    await untilObject(client, MachineDeployment, { namespace: 'datacenter', name: 'edge-workers' }, (md) => (md['status'] as { readyReplicas?: number } | undefined)?.readyReplicas === 3);
  });

  test('a commit that takes it away again returns a host, wiped', async () => {
    folder.commit('two workers', { 'clusters/edge/workers.yaml': (text) => text.replace('replicas: 3', 'replicas: 2') });
    const host = await eventually('one host is available again', async () => (await client.list(BareMetalHost)).items.find((h) => hostState(h) === 'available'));
    assert.ok(journalOf(host.metadata.name).some(({ event }) => event === 'disk-wipe'), 'its disk was wiped');
    await eventually('five nodes', async () => ((await folder.clusterClient('edge').list(Node)).items.length === 5 ? true : undefined));
  });

  test('a Deployment that somebody deletes comes back, and the trace and the events say so', async () => {
    const cluster = folder.clusterClient('edge');
    // What comes with a new revision is no drift: the last commit has to be applied first.
    const { artifact } = (await client.get(GitRepository, { namespace: 'flux-system', name: 'datacenter' }))!['status'] as { artifact: { revision: string } };
    await applied('datacenter', 'edge-apps', artifact.revision);
    const { uid } = (await cluster.get(Deployment, hello))!.metadata;
    await cluster.delete(Deployment, hello);
    await eventually('another Deployment', async () => { const d = await cluster.get(Deployment, hello); return d && d.metadata.uid !== uid ? d : undefined; }, { timeoutMs: 120_000 });
    await eventually('all pods ready', async () => ((await appRuns()) ? true : undefined));
    await eventually('an event about it', async () => (/someone deleted .*hello.*: restored/.test(folder.run('events', 'kustomization/edge-apps').stdout) ? true : undefined), { timeoutMs: 10_000, describe: () => folder.run('events', 'kustomization/edge-apps') });
    const { stdout } = folder.run('trace', 'deployment/hello');
    assert.match(stdout, /someone deleted .*hello.*: restored \d+m?s ago/, stdout);
  });

  test('a commit with broken YAML leaves the app running, names file and line, and the next commit heals it', async () => {
    const bad = folder.commit('break it', { 'apps/base/hello/service.yaml': (text) => text.replace('  selector:', '   selector: {') });
    const message = await refused('datacenter', 'edge-apps', /service\.yaml:\d+/, /next:/);
    assert.doesNotMatch(message, new RegExp(`applied.*${bad}`));
    assert.equal(await appRuns(), true);
    const good = folder.commit('mend it', { 'apps/base/hello/service.yaml': (text) => text.replace('   selector: {', '  selector:') });
    await applied('datacenter', 'edge-apps', good);
  });

  test('a commit with an unknown kind is refused whole, with file and line', async () => {
    folder.commit('unknown kind', { 'apps/base/hello/deployment.yaml': (text) => text.replace('kind: Deployment', 'kind: Deployement') });
    await refused('datacenter', 'edge-apps', /Deployement/, /deployment\.yaml:\d+/);
    assert.equal(await appRuns(), true);
    assert.ok(await folder.clusterClient('edge').get(Deployment, hello), 'nothing was pruned');
    const good = folder.commit('mend it', { 'apps/base/hello/deployment.yaml': (text) => text.replace('kind: Deployement', 'kind: Deployment') });
    await applied('datacenter', 'edge-apps', good);
  });

  test('a Kustomization that points at a missing path says which, and prunes nothing', async () => {
    folder.commit('wrong path', { 'clusters/edge/apps.yaml': (text) => text.replace('path: ./apps/edge', 'path: ./apps/egde') });
    await refused('datacenter', 'edge-apps', /apps\/egde/);
    assert.equal(await appRuns(), true);
    const good = folder.commit('mend it', { 'clusters/edge/apps.yaml': (text) => text.replace('path: ./apps/egde', 'path: ./apps/edge') });
    await applied('datacenter', 'edge-apps', good);
  });

  test('a host with a wrong BMC password says what, why, where and next; the right one heals it', async () => {
    const spare = (await client.list(BareMetalHost)).items.find((host) => hostState(host) === 'available')!.metadata.name;
    folder.commit('wrong password', { [`hosts/${spare}.yaml`]: (text) => text.replace(`password: lab-${spare}`, 'password: wrong') });
    const host = await untilObject(client, BareMetalHost, { namespace: 'datacenter', name: spare }, (h) => (h['status'] as { errorMessage?: string } | undefined)?.errorMessage !== '' && (h['status'] as { operationalStatus?: string }).operationalStatus === 'error');
    const { errorMessage } = host['status'] as { errorMessage: string };
    assert.match(errorMessage, /401/);
    assert.match(errorMessage, new RegExp(`bmc-${spare}`), 'where: the Secret');
    assert.match(errorMessage, /next:/);
    assert.doesNotMatch(errorMessage, /wrong/, 'the password is not printed');
    const { code, stdout } = folder.run('trace', `host/${spare}`);
    assert.equal(code, 1);
    assert.match(stdout, /HOST\.BMC_UNAUTHORIZED/);
    folder.commit('right password', { [`hosts/${spare}.yaml`]: (text) => text.replace('password: wrong', `password: lab-${spare}`) });
    await untilObject(client, BareMetalHost, { namespace: 'datacenter', name: spare }, (h) => (h['status'] as { operationalStatus?: string }).operationalStatus === 'OK' && hostState(h) === 'available');
  });

  test('a commit that removes the app prunes it', async () => {
    folder.commit('no app', { 'apps/edge/kustomization.yaml': 'apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: []\n' });
    await untilGone(folder.clusterClient('edge'), Deployment, hello);
  });

  test('stopping and starting again goes on from there without touching a machine', async () => {
    const before = journalOf('r1u01').length;
    const { code, stderr } = await up.stop();
    assert.equal(code, 0, stderr);
    up = folder.up('--lab-latency', 'zero', ...ownNetwork);
    await up.said('Everything is ready');
    client = folder.client();
    const since = journalOf('r1u01').slice(before).map(({ event }) => event);
    assert.deepEqual(since, [], 'no power, boot or disk event');
  });

  test("a commit that removes the cluster deprovisions and wipes its hosts", async () => {
    folder.commit('no cluster', { 'clusters/management/kustomization.yaml': (text) => text.replace('  - edge.yaml\n', '') });
    await untilGone(client, Cluster, { namespace: 'datacenter', name: 'edge' }, 180_000);
    await eventually('all hosts are available', async () => {
      const hosts = (await client.list(BareMetalHost)).items;
      return hosts.length === 6 && hosts.every((host) => hostState(host) === 'available') ? true : undefined;
    });
    const wiped = ['r1u01', 'r1u02', 'r1u03', 'r1u04', 'r1u05', 'r1u06'].filter((machine) => journalOf(machine).some(({ event }) => event === 'disk-wipe'));
    const written = ['r1u01', 'r1u02', 'r1u03', 'r1u04', 'r1u05', 'r1u06'].filter((machine) => journalOf(machine).some(({ event }) => event === 'disk-write'));
    assert.deepEqual(wiped, written, 'every host that was written was wiped');
    const status = JSON.parse(folder.run('lab', 'status', '-o', 'json').stdout) as { machines: { name: string; disk: string }[] };
    assert.deepEqual(status.machines.filter(({ disk }) => disk !== 'empty'), []);
    assert.ok(await client.get(GitRepository, { namespace: 'flux-system', name: 'datacenter' }));
  });
});

