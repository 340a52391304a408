/** kill -9 of a real `keelson up`, at moments it has told us about, and a new start on what is on disk each time. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { after, describe, test } from 'node:test';
import { BareMetalHost, Cluster } from '@keelson/api';
import type { KubeObject } from '@keelson/kube';
import type { JournalEntry, LabStatus } from '@keelson/lab';
import { assertNoMachineClaimedTwice, assertNoProvisionedDiskWiped, bootstrapCount, destroyedSystems, eventCount } from '@keelson/lab/testing';
import { eventually, keelsonFolder, ownNetwork, untilGone, type KeelsonProcess } from './keelson-process.ts';

const folder = keelsonFolder();
let up: KeelsonProcess;

const machines = ['r1u01', 'r1u02', 'r1u03', 'r1u04', 'r1u05', 'r1u06'];
const minutesMs = 60_000;

// Quick rather than zero: the moments last long enough to be told about.
const start = () => folder.up('--lab-latency', 'quick', ...ownNetwork);

/** Kills the process with SIGKILL as soon as it has said this. */
async function killWhen(said: RegExp): Promise<void> {
  await up.said(said, 3 * minutesMs);
  assert.doesNotMatch(up.output(), /Everything is ready/, 'the moment is in the middle of the work');
  up.child.kill('SIGKILL');
  await up.ended;
  assert.equal(up.child.signalCode, 'SIGKILL');
  await nothingIsLeft();
}

/** Processes other than this one that name the folder in their arguments, environment or working directory. */
function processesOf(path: string): string[] {
  if (!existsSync('/proc/self/environ')) return [];
  const read = (look: () => string) => {
    try {
      return look();
    } catch {
      return ''; // it has ended meanwhile, or is not ours
    }
  };
  return readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && Number(pid) !== process.pid).flatMap((pid) => {
    const what = [read(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8')), read(() => readFileSync(`/proc/${pid}/environ`, 'utf8')), read(() => readlinkSync(`/proc/${pid}/cwd`))];
    return what.some((text) => text.includes(path)) ? [`${pid} ${what[0]!.replaceAll('\0', ' ')}`] : [];
  });
}

/** Children of a killed process end by themselves, soon. */
function nothingIsLeft(): Promise<true> {
  const root = dirname(folder.dataDir);
  return eventually('no process is left behind', async () => (processesOf(root).length === 0 ? true : undefined), { timeoutMs: 15_000, describe: () => processesOf(root) });
}

function journal(): JournalEntry[] {
  const entries = machines.flatMap((machine) => {
    const { code, stdout, stderr } = folder.run('lab', 'status', '--journal', machine, '-o', 'json');
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout) as JournalEntry[];
  });
  return entries.sort((a, b) => a.order - b.order);
}

const statusOf = (host: KubeObject) => host['status'] as { provisioning?: { state?: string } } | undefined;
const consumerOf = (host: KubeObject) => (host['spec'] as { consumerRef?: { name?: string } }).consumerRef?.name;

after(async () => {
  up?.child.kill('SIGKILL');
  await up?.ended;
  folder.remove();
});

describe('keelson up, killed with -9', { concurrency: 1 }, () => {
  test('three times during a build, it goes on each time and reaches the same end', { timeout: 8 * minutesMs }, async () => {
    up = start();
    assert.ok(processesOf(dirname(folder.dataDir)).length > 0 || !existsSync('/proc/self/environ'), 'the look for processes sees one that runs');
    await killWhen(/BareMetalHost\/\S+ +◐ working +provisioning/);
    up = start();
    await killWhen(/etcd to (be bootstrapped|start) on/);
    up = start();
    await killWhen(/Kustomization\/datacenter\/edge-(infrastructure|apps) .* HealthCheck/);
    up = start();
    await up.said('Everything is ready', 4 * minutesMs);

    const entries = journal();
    assert.equal(bootstrapCount(entries), 1, 'etcd is bootstrapped once');
    assertNoProvisionedDiskWiped(entries);
    assertNoMachineClaimedTwice(entries);
    assert.equal(new Set(entries.filter(({ event }) => event === 'disk-write').map(({ machine }) => machine)).size, 5, 'five machines were installed, the spare one was not');
    const consumers = (await folder.client().list(BareMetalHost)).items.map(consumerOf).filter((name) => name !== undefined);
    assert.equal(consumers.length, 5);
    assert.equal(new Set(consumers).size, 5, `no two hosts for one machine: ${consumers.join(' ')}`);
  });

  test('once more while its cluster is deleted, it finishes the deletion: all hosts are available and wiped', { timeout: 6 * minutesMs }, async () => {
    const used = journal().filter(({ event }) => event === 'disk-write').map(({ machine }) => machine);
    folder.commit('no cluster', { 'clusters/management/kustomization.yaml': (text) => text.replace('  - edge.yaml\n', '') });
    await up.said(/BareMetalHost\/\S+ .*deprovisioning/, 2 * minutesMs);
    up.child.kill('SIGKILL');
    await up.ended;
    await nothingIsLeft();

    up = start();
    await up.said('API ');
    const client = folder.client();
    await untilGone(client, Cluster, { namespace: 'datacenter', name: 'edge' }, 4 * minutesMs);
    await eventually('all hosts are available', async () => {
      const hosts = (await client.list(BareMetalHost)).items;
      return hosts.length === machines.length && hosts.every((host) => statusOf(host)?.provisioning?.state === 'available' && consumerOf(host) === undefined) ? true : undefined;
    }, { timeoutMs: 2 * minutesMs, describe: async () => (await client.list(BareMetalHost)).items.map((host) => ({ name: host.metadata.name, status: host['status'] })) });

    const entries = journal();
    assert.equal(bootstrapCount(entries), 1);
    assertNoProvisionedDiskWiped(entries, [...new Set(used)]);
    assert.deepEqual(destroyedSystems(entries).map(({ machine }) => machine).sort(), [...new Set(used)].sort(), 'each machine of the cluster was wiped once');
    assertNoMachineClaimedTwice(entries);
    for (const machine of used) assert.equal(eventCount(entries, 'disk-wipe', machine), 1, machine);
    const { machines: there } = JSON.parse(folder.run('lab', 'status', '-o', 'json').stdout) as LabStatus;
    assert.deepEqual(there.filter(({ disk }) => disk !== 'empty').map(({ name }) => name), []);
  });

  test('nothing of it runs on when it has ended', { timeout: minutesMs }, async () => {
    const { code, stderr } = await up.stop();
    assert.equal(code, 0, stderr);
    await nothingIsLeft();
  });
});
