/** Measures the store alone, on the disk of the data directory: what a durable commit costs, and what lists and restarts take. */
import { closeSync, fdatasyncSync, mkdirSync, openSync, statSync, writeSync } from 'node:fs';
import { availableParallelism, cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { backupStore, checkStore, createMemoryStore, encryptedStore, formatKeyFile, newKeyLine, openLmdbStore, parseKeyFile, type Store } from '@keelson/apiserver/store';
import { encodeText } from '@keelson/std';

export interface StoreFigure {
  readonly what: string;
  readonly value: number;
  readonly unit: '/s' | 'ms' | 'MB';
  readonly how: string;
  /** At least, for /s; at most otherwise. */
  readonly target?: number;
}

const objectBytes = 2_000;
const objects = 10_000;
const sequential = 1_000;
const writers = 16;
const written = 20_000;

/** Runs every case once, in a folder of its own. */
export async function measureStore(folder: string, say: (line: string) => void): Promise<StoreFigure[]> {
  mkdirSync(folder, { recursive: true });
  const figures: StoreFigure[] = [];
  const add = (figure: StoreFigure) => {
    figures.push({ ...figure, value: figure.value >= 10 ? Math.round(figure.value) : Math.round(figure.value * 10) / 10 });
    say(`${figure.what}: ${figures.at(-1)!.value} ${figure.unit}`);
  };
  const directory = join(folder, 'store');
  const store = openLmdbStore({ directory });
  const syncs = () => add({ what: 'fdatasync of the disk', value: syncsPerSecond(join(folder, 'sync')), unit: '/s', how: '4 kB written and synced, 500 times; a commit takes two of them, so half of this is the limit of one writer' });
  syncs();
  add({ what: 'creates, one after the other', value: await rateOf(sequential, 1, (index) => put(store, `core/pods/seq/p${index}`)), unit: '/s', how: `${sequential} objects of ${objectBytes / 1000} kB, each awaited` });
  add({ what: `creates, ${writers} writers`, value: await rateOf(objects, writers, (index) => put(store, `core/pods/ns/p${index}`)), unit: '/s', how: `${objects} objects; writers share transactions`, target: 3_000 });
  add({ what: `updates, ${writers} writers`, value: await rateOf(written, writers, (index) => put(store, `core/pods/ns/p${scattered(index)}`)), unit: '/s', how: `${written} updates of scattered objects until the history is full`, target: 3_000 });
  add({ what: 'updates, one after the other, history full', value: await rateOf(sequential, 1, (index) => put(store, `core/pods/ns/p${scattered(index)}`)), unit: '/s', how: 'each also takes the oldest record out of the history' });
  const sealed = encryptedStore(store, { keys: parseKeyFile(formatKeyFile([newKeyLine()])) });
  add({ what: `creates of Secrets, ${writers} writers`, value: await rateOf(2_000, writers, (index) => put(sealed, `core/secrets/ns/s${index}`)), unit: '/s', how: 'sealed with AES-256-GCM' });
  syncs();
  add({ what: 'list of 10,000 objects', value: medianMs(() => store.list({ prefix: 'core/pods/ns/' })), unit: 'ms', how: 'stored bytes, as LIST passes them on; median of 5', target: 150 });
  add({ what: 'list of 10,000 objects 5,000 writes ago', value: medianMs(() => store.list({ prefix: 'core/pods/ns/', revision: store.revision - 5_000 })), unit: 'ms', how: 'undoes the history' });
  add({ what: 'list of 2,000 Secrets', value: medianMs(() => sealed.list({ prefix: 'core/secrets/' })), unit: 'ms', how: 'opened one by one' });
  let began = performance.now();
  await backupStore(directory, join(folder, 'one.backup'));
  add({ what: 'backup', value: performance.now() - began, unit: 'ms', how: 'LMDB copies, the sum is made; the store stays open' });
  began = performance.now();
  await checkStore(directory, undefined);
  add({ what: 'check', value: performance.now() - began, unit: 'ms', how: 'every object and record of the history is read, parsed and compared' });
  began = performance.now();
  await store.compact(store.revision - 100);
  add({ what: 'compaction of 20,000 records', value: performance.now() - began, unit: 'ms', how: 'in transactions of 200' });
  add({ what: 'updates, one after the other, after it', value: await rateOf(sequential, 1, (index) => put(store, `core/pods/ns/p${scattered(index)}`)), unit: '/s', how: 'no write cliff is left behind' });
  add({ what: 'file', value: statSync(join(directory, 'data.mdb')).size / 1e6, unit: 'MB', how: 'after all of this; a file of LMDB does not shrink, its backup is compact' });
  await store.close();
  began = performance.now();
  await openLmdbStore({ directory }).close();
  add({ what: 'open and close', value: performance.now() - began, unit: 'ms', how: 'of what was written above' });
  const memory = createMemoryStore();
  add({ what: 'updates in memory', value: await rateOf(written, 1, (index) => put(memory, `core/pods/ns/p${scattered(index)}`)), unit: '/s', how: 'the store of tests, for comparison' });
  return figures;
}

/** True when no figure misses its target. */
export function isMet({ value, unit, target }: StoreFigure): boolean {
  return target === undefined || (unit === '/s' ? value >= target : value <= target);
}

export function renderStoreReport(figures: readonly StoreFigure[], command: string): string {
  const machine = `${availableParallelism()} cores (${cpus()[0]?.model ?? 'unknown'}), ${Math.round(totalmem() / 2 ** 30)} GB, Linux ${release()}, Node ${process.version}`;
  const wanted = ({ unit, target }: StoreFigure) => (target === undefined ? '' : `${unit === '/s' ? 'at least' : 'at most'} ${target} ${unit}`);
  return `# Performance of the store

Written by \`${command}\` on ${new Date().toISOString().slice(0, 10)}. Do not edit.

Measured: the LMDB store in one process, without HTTP, objects of ${objectBytes / 1000} kB, every commit durable before it is answered.
Machine: ${machine}.

| figure | measured | wanted | | how |
| --- | --- | --- | --- | --- |
${figures.map((figure) => `| ${figure.what} | ${figure.value} ${figure.unit} | ${wanted(figure)} | ${figure.target === undefined ? '' : isMet(figure) ? 'met' : 'missed'} | ${figure.how} |`).join('\n')}

One writer that awaits each commit is as fast as the disk syncs: LMDB syncs the data and then the page that names them, so a commit takes two syncs.
The rate of syncs stands in the table twice, before and after, because other programs on the same disk change it more than anything in the store does.
Writers at the same time share a transaction and its two syncs, which is where the other rates come from.
[How the store works](../explain/store.md) says what is synced when.
`;
}

const put = (store: Store, key: string) => store.commit([{ type: 'put', key, encode: (revision) => encodeText(`{"metadata":{"name":"${key.slice(key.lastIndexOf('/') + 1)}","resourceVersion":"${revision}"},"data":"${'x'.repeat(objectBytes)}"}`) }]);

/** Every object in turn, in an order that is far from that of the keys. */
const scattered = (index: number) => (index * 7_919) % objects;

async function rateOf(count: number, parallel: number, write: (index: number) => Promise<unknown>): Promise<number> {
  let next = 0;
  const began = performance.now();
  await Promise.all(Array.from({ length: parallel }, async () => {
    while (next < count) await write(next++);
  }));
  return count / ((performance.now() - began) / 1000);
}

function medianMs(run: () => unknown): number {
  const times = Array.from({ length: 5 }, () => {
    const began = performance.now();
    run();
    return performance.now() - began;
  });
  return times.sort((a, b) => a - b)[2]!;
}

function syncsPerSecond(path: string): number {
  const count = 500;
  const bytes = Buffer.alloc(4096, 1);
  const file = openSync(path, 'w');
  const began = performance.now();
  for (let index = 0; index < count; index++) {
    writeSync(file, bytes, 0, bytes.length, index * bytes.length);
    fdatasyncSync(file);
  }
  const seconds = (performance.now() - began) / 1000;
  closeSync(file);
  return count / seconds;
}
