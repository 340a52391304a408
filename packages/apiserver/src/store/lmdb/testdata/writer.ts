// Started by lmdb-store.test.ts, which kills it: writes pairs of keys and says which commits were answered.
import { encodeText } from '@keelson/std';
import { openLmdbStore } from '../lmdb-store.ts';

const store = openLmdbStore({ directory: process.argv[2]! });
/** With `objects` the values are objects, as the server writes them. */
const asObject = process.argv[3] === 'objects';
const value = (name: string, revision: number, text: string) => encodeText(asObject ? JSON.stringify({ metadata: { name, resourceVersion: String(revision) }, text }) : text);
let next = store.count('test/numbers/');

async function writeOn(): Promise<void> {
  for (;;) {
    const number = ++next;
    const key = String(number).padStart(6, '0');
    await store.commit([
      { type: 'put', key: `test/numbers/${key}`, encode: (revision) => value(key, revision, `${number}@${revision}`) },
      { type: 'put', key: `test/pairs/${key}`, encode: (revision) => value(key, revision, 'x'.repeat(1000)) },
    ]);
    process.stdout.write(`${number}\n`);
  }
}

await Promise.all([writeOn(), writeOn(), writeOn(), writeOn()]);
