/** Killing Keelson at an effect boundary of a build, starting it again, and looking at what the hardware saw. */
import assert from 'node:assert/strict';
import { Event } from '@keelson/api';
import type { Effect } from '@keelson/std/testing';
import { assertNoMachineClaimedTwice, assertNoProvisionedDiskWiped, bootstrapCount } from '@keelson/lab/testing';
import { virtualDatacenter, type DatacenterOptions, type VirtualDatacenter } from './virtual-datacenter.ts';

export interface CrashRun {
  /** Virtual milliseconds from the first start to everything ready. */
  readonly readyMs: number;
  /** The boundaries at which the process was killed. */
  readonly crashes: readonly Effect[];
}

const buildLimitMs = 4 * 3_600_000;

/** Calls that only look: the world is the same before and after them. */
const readingCalls = /\/(Get|List|Watch|Version|ServiceList|EtcdMemberList|EtcdStatus|Read|Events|Kubeconfig|Hostname|SystemStat|Memory|Disks)$/;
const readingRequests = /^(GET|HEAD|git) |[?&]dryRun=All(&|$)/;
/**
 * A commit of nothing but Events. People and the read models look at Events, no controller does (countBoundaries holds
 * them to it), so a process that starts after one goes on exactly as one that starts after the commit before it.
 */
const eventCommit = /^(check [^,]+, )*put core\/events\/[^,]+$/;

/**
 * Whether a crash here leaves a world that no other boundary leaves. Only what changes something counts, and the moment
 * before an effect has the world of the moment after the effect before it.
 */
export function isBoundary(effect: Effect): boolean {
  if (effect.when === 'before') return false;
  switch (effect.kind) {
    case 'request':
      return !readingRequests.test(effect.what);
    case 'grpc':
      return !readingCalls.test(effect.what);
    case 'store':
      return !eventCommit.test(effect.what);
    default:
      return true;
  }
}

/** How many effect boundaries a build has that nothing disturbs. */
export async function countBoundaries(options: DatacenterOptions): Promise<number> {
  const datacenter = await virtualDatacenter(options);
  let boundaries = 0;
  const running = datacenter.start((effect) => void (isBoundary(effect) && boundaries++));
  await datacenter.untilReady(running, buildLimitMs);
  assert.deepEqual(running.keelson!.running.cache.list(Event), [], 'no controller reads Events, so that one more or less changes nothing');
  running.process.kill();
  await datacenter.lab.close();
  return boundaries;
}

/** Builds, killing the process at the given boundaries (counted from 0 over all processes), and checks what must hold after any crash. */
export async function buildWithCrashes(options: DatacenterOptions, boundaries: readonly number[]): Promise<CrashRun> {
  const datacenter = await virtualDatacenter(options);
  const startMs = datacenter.env.clock.now();
  const crashes: Effect[] = [];
  const due = new Set(boundaries);
  let seen = 0;
  const start = () => datacenter.start((effect, process) => {
    if (!isBoundary(effect) || !due.delete(seen++)) return;
    crashes.push(effect);
    process.kill();
  });
  let running = start();
  while (true) {
    // The process ends either by the crash that is due or in readiness.
    await datacenter.env.clock.runUntil(() => running.process.killed || (running.keelson !== undefined && running.keelson.missing().length === 0), {
      limitMs: buildLimitMs,
      what: () => `the build after ${crashes.map(describe).join(', ')} (missing: ${running.keelson?.missing().join('; ') ?? 'the start'}; ${JSON.stringify(running.keelson?.running.states())})`,
    });
    if (!running.process.killed) break;
    running = start();
  }
  const readyMs = datacenter.env.clock.now() - startMs;
  checkHardware(datacenter, crashes);
  running.process.kill();
  await datacenter.lab.close();
  return { readyMs, crashes };
}

/** Crashes a small build once at each boundary of the share, always from the beginning. */
export async function crashAtBoundaries(isInShare: (boundary: number) => boolean): Promise<void> {
  const small = { files: smallest };
  const boundaries = await countBoundaries(small);
  assert.ok(boundaries > 200, `a build has only ${boundaries} effect boundaries`);
  for (let at = 0; at < boundaries; at++) {
    if (!isInShare(at)) continue;
    const { crashes } = await buildWithCrashes(small, [at]);
    assert.equal(crashes.length, 1, `boundary ${at} of ${boundaries} was not reached`);
  }
}

function describe(effect: Effect): string {
  return `${effect.when} ${effect.kind} ${effect.what}`;
}

/** Etcd was bootstrapped once, no provisioned disk was wiped, no host was claimed twice. */
export function checkHardware(datacenter: VirtualDatacenter, crashes: readonly Effect[]): void {
  const journal = datacenter.lab.journal();
  try {
    assert.equal(bootstrapCount(journal), 1, 'etcd is bootstrapped once');
    assertNoProvisionedDiskWiped(journal);
    assertNoMachineClaimedTwice(journal);
  } catch (error) {
    throw new Error(`after a crash ${crashes.map(describe).join(', ')}`, { cause: error });
  }
}

/** The example made small: two hosts, one control-plane node, one worker. Every layer is still there. */
export function smallest(files: Map<string, string>): void {
  const edit = (path: string, change: (text: string) => string) => {
    const before = files.get(path);
    if (before === undefined) throw new Error(`the example has no ${path}`);
    const after = change(before);
    if (after === before) throw new Error(`nothing changed in ${path}`);
    files.set(path, after);
  };
  edit('hosts/kustomization.yaml', (text) => text.replace(/ {2}- r1u0[3-6]\.yaml\n/g, ''));
  edit('clusters/edge/cluster.yaml', (text) => text.replace('replicas: 3', 'replicas: 1'));
  edit('clusters/edge/workers.yaml', (text) => text.replace('replicas: 2', 'replicas: 1'));
  edit('apps/edge/kustomization.yaml', (text) => text.replace('replicas: 3', 'replicas: 1'));
}
