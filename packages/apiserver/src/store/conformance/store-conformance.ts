import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeText, randomInt, seededRandom } from '@keelson/std';
import type { Store, StoreEvent, StoreWrite } from '../store.ts';
import { CompactedError, FutureRevisionError } from '../store.ts';

export interface StoreUnderTest {
  readonly store: Store;
  /** Closes the store and opens what it has kept; absent for a store that keeps nothing. */
  reopen?(): Promise<Store>;
  dispose(): Promise<void>;
}

/** A store with a short history, so that compaction can be seen. */
export type MakeStore = (options: { historyLimit: number }) => Promise<StoreUnderTest>;

const text = (bytes: Uint8Array | undefined) => (bytes === undefined ? undefined : new TextDecoder().decode(bytes));
const put = (key: string, value: string, expect?: number): StoreWrite => ({ type: 'put', key, expect, encode: (revision) => encodeText(`${value}@${revision}`) });
const remove = (key: string, expect?: number): StoreWrite => ({ type: 'delete', key, expect });
const shown = (event: StoreEvent) => `${event.type} ${event.key} ${event.revision} ${text(event.value) ?? '-'} ${text(event.previous?.value) ?? '-'}`;

/** The contract of a store, to be run over every implementation. */
export function storeConformance(name: string, make: MakeStore): void {
  const check = (what: string, run: (under: StoreUnderTest) => Promise<void>, historyLimit = 1000) =>
    test(`${name}: ${what}`, async () => {
      const under = await make({ historyLimit });
      try {
        await run(under);
      } finally {
        await under.dispose();
      }
    });
  const list = (store: Store, prefix: string, more: object = {}) => store.list({ prefix, ...more }).entries.map((entry) => `${entry.key}=${text(entry.value)}`);

  check('a fresh store is at revision 1', async ({ store }) => {
    assert.equal(store.revision, 1);
    assert.deepEqual(store.list({ prefix: '' }), { entries: [], revision: 1, more: false });
  });

  check('every write takes the next revision, and the value is encoded with it', async ({ store }) => {
    assert.deepEqual(await store.commit([put('a/b/1', 'x'), put('a/b/2', 'y')]), { ok: true, revisions: [2, 3] });
    assert.equal(store.revision, 3);
    assert.equal(store.get('a/b/1')?.revision, 2);
    assert.equal(text(store.get('a/b/2')?.value), 'y@3');
    assert.equal(store.get('a/b/3'), undefined);
  });

  check('deleting what is not there writes nothing', async ({ store }) => {
    assert.deepEqual(await store.commit([remove('a/b/1')]), { ok: true, revisions: [0] });
    assert.equal(store.revision, 1);
  });

  check('a commit whose precondition fails writes nothing at all', async ({ store }) => {
    await store.commit([put('a/b/1', 'x')]);
    assert.deepEqual(await store.commit([put('a/b/2', 'y'), put('a/b/1', 'z', 7)]), { ok: false, key: 'a/b/1' });
    assert.deepEqual(await store.commit([put('a/b/1', 'z', 0)]), { ok: false, key: 'a/b/1' });
    assert.deepEqual(await store.commit([remove('a/b/9', 2)]), { ok: false, key: 'a/b/9' });
    assert.deepEqual(await store.commit([{ type: 'check', key: 'a/b/9', expect: 2 }, put('a/b/2', 'y')]), { ok: false, key: 'a/b/9' });
    assert.deepEqual(list(store, ''), ['a/b/1=x@2']);
    assert.equal(store.revision, 2);
  });

  check('a precondition that holds lets the commit through', async ({ store }) => {
    await store.commit([put('a/b/1', 'x', 0)]);
    assert.deepEqual(await store.commit([{ type: 'check', key: 'a/b/1', expect: 2 }, put('a/b/2', 'y', 0)]), { ok: true, revisions: [0, 3] });
    assert.deepEqual(await store.commit([put('a/b/1', 'z', 2), remove('a/b/2', 3)]), { ok: true, revisions: [4, 5] });
    assert.deepEqual(list(store, ''), ['a/b/1=z@4']);
  });

  check('of commits made at the same time on one revision exactly one goes through', async ({ store }) => {
    await store.commit([put('a/b/1', 'x')]);
    const results = await Promise.all(Array.from({ length: 20 }, (_, index) => store.commit([put('a/b/1', `w${index}`, 2)])));
    assert.equal(results.filter((result) => result.ok).length, 1);
    assert.equal(store.get('a/b/1')?.revision, 3);
  });

  check('the loser of a race sees the winner when it is told', async ({ store }) => {
    await store.commit([put('a/b/1', 'x')]);
    const winner = store.commit([put('a/b/1', 'y', 2)]);
    const loser = store.commit([put('a/b/1', 'z', 2)]).then((result) => [result.ok, text(store.get('a/b/1')?.value)]);
    assert.deepEqual(await loser, [false, 'y@3']);
    assert.ok((await winner).ok);
  });

  check('writes of one key that are made at the same time build on each other', async ({ store }) => {
    const results = await Promise.all([store.commit([put('a/b/1', 'x')]), store.commit([put('a/b/1', 'y')]), store.commit([remove('a/b/1')]), store.commit([put('a/b/1', 'z')])]);
    assert.deepEqual(results.flatMap((result) => (result.ok ? result.revisions : [])), [2, 3, 4, 5]);
    assert.deepEqual(list(store, ''), ['a/b/1=z@5']);
  });

  check('a commit that begins when another one has just been answered goes through', async ({ store }) => {
    for (let delay = 0; delay < 12; delay++) {
      await store.commit([put('a/b/1', 'x')]);
      for (let turn = 0; turn < delay; turn++) await Promise.resolve();
      await store.commit([put('a/b/1', 'y')]);
    }
    assert.equal(store.revision, 25);
  });

  check('an encoder that throws leaves the store as it was', async ({ store }) => {
    const broken: StoreWrite = { type: 'put', key: 'a/b/2', encode: () => assert.fail('cannot encode') };
    await assert.rejects(store.commit([put('a/b/1', 'x'), broken]), /cannot encode/);
    assert.deepEqual(await store.commit([put('a/b/1', 'x')]), { ok: true, revisions: [2] });
  });

  check('keys are listed in order, by prefix, in pages', async ({ store }) => {
    for (const key of ['a/b/ns2/x', 'a/b/ns1/y', 'a/b/ns1/x', 'a/c/ns1/x', 'a/b/ns10/x']) await store.commit([put(key, 'v')]);
    const keys = (more: object) => store.list({ prefix: 'a/b/', ...more }).entries.map((entry) => entry.key);
    assert.deepEqual(keys({}), ['a/b/ns1/x', 'a/b/ns1/y', 'a/b/ns10/x', 'a/b/ns2/x']);
    assert.deepEqual(keys({ prefix: 'a/b/ns1/' }), ['a/b/ns1/x', 'a/b/ns1/y']);
    const page = store.list({ prefix: 'a/b/', limit: 2 });
    assert.equal(page.more, true);
    assert.deepEqual(store.list({ prefix: 'a/b/', limit: 2, after: page.entries.at(-1)!.key }).more, false);
    assert.deepEqual(keys({ after: 'a/b/ns1/y' }), ['a/b/ns10/x', 'a/b/ns2/x']);
    assert.equal(store.count('a/b/'), 4);
    assert.equal(store.count('a/b/', 'a/b/ns1/y'), 2);
    assert.equal(store.count('a/b/', 'a/b/ns1/z'), 2);
  });

  check('a list at an older revision shows what was there then', async ({ store }) => {
    await store.commit([put('a/b/1', 'x'), put('a/b/2', 'y')]);
    await store.commit([put('a/b/1', 'x2')]);
    await store.commit([remove('a/b/2')]);
    await store.commit([put('a/b/0', 'new'), put('a/b/1', 'x3')]);
    assert.deepEqual(list(store, 'a/b/', { revision: 1 }), []);
    assert.deepEqual(list(store, 'a/b/', { revision: 2 }), ['a/b/1=x@2']);
    assert.deepEqual(list(store, 'a/b/', { revision: 3 }), ['a/b/1=x@2', 'a/b/2=y@3']);
    assert.deepEqual(list(store, 'a/b/', { revision: 4 }), ['a/b/1=x2@4', 'a/b/2=y@3']);
    assert.deepEqual(list(store, 'a/b/', { revision: 4, limit: 1, after: 'a/b/1' }), ['a/b/2=y@3']);
    assert.deepEqual(list(store, 'a/b/', { revision: 5 }), ['a/b/1=x2@4']);
    assert.deepEqual(list(store, 'a/b/'), ['a/b/0=new@6', 'a/b/1=x3@7']);
    assert.throws(() => store.list({ prefix: '', revision: 8 }), FutureRevisionError);
  });

  check('a watch gets every later write once and in order, with what was there before', async ({ store }) => {
    await store.commit([put('a/b/1', 'x')]);
    const seen: string[] = [];
    const watch = store.watch({ prefix: 'a/b/', onEvents: (events) => seen.push(...events.map(shown)) });
    await store.commit([put('a/b/1', 'y'), put('a/c/1', 'other'), put('a/b/2', 'z')]);
    await store.commit([remove('a/b/1')]);
    watch.close();
    await store.commit([put('a/b/3', 'late')]);
    assert.deepEqual(seen, ['put a/b/1 3 y@3 x@2', 'put a/b/2 5 z@5 -', 'delete a/b/1 6 - y@3']);
  });

  check('a watch from an older revision begins with what happened since', async ({ store }) => {
    await store.commit([put('a/b/1', 'x')]);
    await store.commit([put('a/b/1', 'y')]);
    await store.commit([remove('a/b/1')]);
    await store.commit([put('a/b/1', 'z'), put('a/d/1', 'w')]);
    const seen: string[] = [];
    store.watch({ prefix: 'a/b/', afterRevision: 2, onEvents: (events) => seen.push(...events.map(shown)) });
    await store.commit([put('a/b/1', 'live')]);
    assert.deepEqual(seen, ['put a/b/1 3 y@3 x@2', 'delete a/b/1 4 - y@3', 'put a/b/1 5 z@5 -', 'put a/b/1 7 live@7 z@5']);
    const all: string[] = [];
    store.watch({ prefix: '', afterRevision: 1, onEvents: (events) => all.push(...events.map((event) => `${event.revision}`)) });
    assert.deepEqual(all, ['2', '3', '4', '5', '6', '7']);
    assert.throws(() => store.watch({ prefix: '', afterRevision: 8, onEvents: () => {} }), FutureRevisionError);
  });

  check('a watch on one namespace is not told of another', async ({ store }) => {
    const seen: string[] = [];
    store.watch({ prefix: 'a/b/ns1/', onEvents: (events) => seen.push(...events.map((event) => event.key)) });
    await store.commit([put('a/b/ns1/x', '1'), put('a/b/ns10/x', '1'), put('a/b/ns2/x', '1')]);
    assert.deepEqual(seen, ['a/b/ns1/x']);
  });

  check('what is compacted can neither be listed nor watched from', async ({ store }) => {
    for (let index = 0; index < 10; index++) await store.commit([put('a/b/1', `v${index}`)]);
    await store.compact(6);
    assert.equal(store.oldestRevision, 6);
    assert.throws(() => store.list({ prefix: '', revision: 5 }), CompactedError);
    assert.throws(() => store.watch({ prefix: '', afterRevision: 5, onEvents: () => {} }), CompactedError);
    assert.deepEqual(list(store, '', { revision: 6 }), ['a/b/1=v4@6']);
    const seen: number[] = [];
    store.watch({ prefix: '', afterRevision: 6, onEvents: (events) => seen.push(...events.map((event) => event.revision)) });
    assert.deepEqual(seen, [7, 8, 9, 10, 11]);
  });

  check(
    'history has a limit',
    async ({ store }) => {
      for (let index = 0; index < 100; index++) await store.commit([put('a/b/1', `v${index}`)]);
      assert.ok(store.oldestRevision > 50, `oldest is ${store.oldestRevision}`);
      assert.ok(store.revision - store.oldestRevision >= 10, 'the limit is what is kept at least');
      assert.throws(() => store.watch({ prefix: '', afterRevision: 2, onEvents: () => {} }), CompactedError);
    },
    10,
  );

  check('closing ends the watches and refuses writes', async ({ store }) => {
    let ended = false;
    store.watch({ prefix: '', onEvents: () => {}, onEnd: () => (ended = true) });
    await store.close();
    assert.ok(ended);
    await assert.rejects(store.commit([put('a/b/1', 'x')]), /closed/);
  });

  check('random writes: list, history and watch agree with a model', async ({ store }) => {
    const random = seededRandom(7);
    const next = (below: number) => randomInt(random, below);
    const model = new Map<string, string>();
    const states: string[][] = [[]];
    const live: string[] = [];
    store.watch({ prefix: '', onEvents: (events) => live.push(...events.map(shown)) });
    for (let step = 0; step < 300; step++) {
      const key = `g/${next(2)}/${next(12)}`;
      if (next(4) === 0) {
        const before = store.revision;
        await store.commit([remove(key)]);
        model.delete(key);
        if (store.revision === before) continue;
      } else {
        await store.commit([put(key, `s${step}`)]);
        model.set(key, `s${step}@${store.revision}`);
      }
      states[store.revision - 1] = [...model].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, value]) => `${name}=${value}`);
    }
    states.forEach((state, index) => assert.deepEqual(list(store, '', { revision: index + 1 }), state, `at revision ${index + 1}`));
    for (const from of [1, 50, 123]) {
      const replayed: string[] = [];
      store.watch({ prefix: '', afterRevision: from, onEvents: (events) => replayed.push(...events.map(shown)) });
      assert.deepEqual(replayed, live.slice(from - 1));
    }
  });
}
