/** What users see, as sessions in testdata: `$ command`, its output, its stderr behind `2> `, and its exit code when it is not 0. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { Kustomization } from '@keelson/api';
import { startSessionWorld, type ContextChanges, type SessionWorld } from './testing/session-world.ts';

const folder = new URL('../testdata/', import.meta.url);
let world: SessionWorld;

before(async () => {
  world = await startSessionWorld();
});
after(() => world[Symbol.asyncDispose]());

/** `VAR=x keelson …` with words in quotes; `# terminal N` before it makes stdout a terminal of N columns. */
function parseLine(line: string): { readonly argv: string[]; readonly env: Record<string, string> } {
  const words = [...line.matchAll(/"([^"]*)"|(\S+)/g)].map((match) => match[1] ?? match[2]!);
  const env: Record<string, string> = {};
  while (/^[A-Z_]+=/.test(words[0] ?? '')) {
    const [name = '', value = ''] = words.shift()!.split('=');
    env[name] = value;
  }
  assert.equal(words.shift(), 'keelson', line);
  return { argv: words, env };
}

async function play(text: string): Promise<string> {
  const out: string[] = [];
  let terminal: ContextChanges = {};
  for (const line of text.split('\n')) {
    if (line.startsWith('# ')) {
      const columns = /^# terminal (\d+)/.exec(line)?.[1];
      terminal = columns ? { width: Number(columns), isTerminal: true } : {};
      out.push(...(out.length > 0 ? [''] : []), line);
    }
    if (!line.startsWith('$ ')) continue;
    const { argv, env } = parseLine(line.slice(2));
    const ran = await world.run(argv, { env, ...terminal });
    const plain = (part: string) => part.replaceAll(world.dir, '~').replaceAll('\u001b', '\\e').replaceAll(/127\.0\.0\.1:\d+/g, '127.0.0.1:PORT').replace(/\n$/, '');
    out.push(...(out.length > 0 && !out.at(-1)!.startsWith('# ') ? [''] : []), line, ...(ran.out ? [plain(ran.out)] : []), ...(ran.err ? plain(ran.err).split('\n').map((part) => `2> ${part}`) : []), ...(ran.code === 0 ? [] : [`(exit ${ran.code})`]));
  }
  return `${out.join('\n')}\n`;
}

for (const name of readdirSync(folder).filter((file) => file.endsWith('.session'))) {
  test(`the session ${name} goes as it is written`, async () => {
    const url = new URL(name, folder);
    const text = readFileSync(url, 'utf8');
    const played = await play(text);
    if (process.env['KEELSON_UPDATE_GOLDEN']) writeFileSync(url, played);
    else assert.equal(played, text);
  });
}

test('reconcile sets the annotation that Flux looks at, and touches nothing else', async () => {
  const read = async () => (await world.server.client.list(Kustomization)).items.find(({ metadata }) => metadata.name === 'hosts')!;
  const before = await read();
  assert.equal((await world.run(['reconcile', 'app/hosts'])).code, 0);
  const { metadata, ...after } = await read();
  assert.equal(metadata.annotations?.['reconcile.fluxcd.io/requestedAt'], '2026-01-01T01:00:00Z');
  assert.deepEqual([after['spec'], after['status'], metadata.generation], [before['spec'], before['status'], before.metadata.generation]);
});
