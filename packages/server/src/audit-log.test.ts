import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AuditEntry } from '@keelson/apiserver';
import { createLog, type Env } from '@keelson/std';
import { virtualEnv } from '@keelson/std/testing';
import { openAuditLog } from './audit-log.ts';

const entry = (name: string): AuditEntry => ({ time: '2026-01-01T00:00:00.000000Z', user: 'u', groups: [], verb: 'get', path: `/${name}`, code: 200, latencyMs: 1, decision: 'allow' });
const lineBytes = JSON.stringify(entry('00')).length + 1;

async function paths(env: Env, file: string): Promise<string[] | undefined> {
  const bytes = await env.files.read(`/data/${file}`);
  return bytes && new TextDecoder().decode(bytes).split('\n').filter((line) => line !== '').map((line) => (JSON.parse(line) as AuditEntry).path);
}

test('entries are lines in the order in which they came, also over a restart', async () => {
  const env = virtualEnv();
  for (const names of [['01', '02'], ['03']]) {
    const log = openAuditLog(env, '/data');
    for (const name of names) log.sink(entry(name));
    await log.flushed();
  }
  assert.deepEqual(await paths(env, 'audit.log'), ['/01', '/02', '/03']);
});

test('a full file is set aside, and only so many are kept', async () => {
  const env = virtualEnv();
  const options = { maxBytes: 2 * lineBytes, keep: 2 };
  const log = openAuditLog(env, '/data', options);
  for (let index = 10; index < 19; index++) {
    log.sink(entry(String(index)));
    if (index % 3 === 0) await log.flushed();
  }
  await log.flushed();
  const files = await env.files.list('/data');
  assert.deepEqual(files, ['audit.log', 'audit.log.1', 'audit.log.2']);
  const kept = (await Promise.all(['audit.log.2', 'audit.log.1', 'audit.log'].map((file) => paths(env, file)))).flat();
  assert.deepEqual(kept, [...Array(kept.length).keys()].map((index) => `/${19 - kept.length + index}`), 'the newest, none missing between them');
  for (const file of files) assert.ok((await env.files.read(`/data/${file}`))!.length <= options.maxBytes, file);
  const next = openAuditLog(env, '/data', options);
  next.sink(entry('20'));
  next.sink(entry('21'));
  await next.flushed();
  assert.equal((await paths(env, 'audit.log'))?.at(-1), '/21', 'the size is known after a restart');
  assert.ok((await env.files.read('/data/audit.log'))!.length <= options.maxBytes);
});

test('a disk that takes nothing is reported and stops nobody', async () => {
  const lines: string[] = [];
  const world = virtualEnv({ log: createLog((record) => void lines.push(JSON.stringify(record))) });
  let isFull = true;
  const env: Env = { ...world, files: { ...world.files, append: (path, content) => (isFull ? Promise.reject(new Error('no space left')) : world.files.append(path, content)) } };
  const log = openAuditLog(env, '/data');
  log.sink(entry('01'));
  await log.flushed();
  assert.match(lines.join('\n'), /the audit log cannot be written/);
  isFull = false;
  log.sink(entry('02'));
  await log.flushed();
  assert.deepEqual(await paths(env, 'audit.log'), ['/02']);
});

test('what a slow disk cannot take is counted, not kept', async () => {
  const env = virtualEnv();
  const log = openAuditLog(env, '/data');
  for (let index = 0; index < 10_005; index++) log.sink(entry('x'));
  await log.flushed();
  const text = new TextDecoder().decode(await env.files.read('/data/audit.log'));
  assert.equal(text.trimEnd().split('\n').length, 10_001);
  assert.ok(text.endsWith('{"leftOut":5}\n'));
});
