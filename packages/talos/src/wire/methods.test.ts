import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { messageFields } from './schema.gen.ts';
import { talosMethods } from './methods.gen.ts';
import type { TalosMethod } from './method.ts';

const ours: readonly TalosMethod[] = Object.values(talosMethods).flatMap((service) => Object.values(service));
const upstream = readFileSync(new URL('testdata/upstream-methods.txt', import.meta.url), 'utf8').trim().split('\n').slice(1);

describe('talosMethods', () => {
  it('has the methods that upstream registers, with their messages and streams', () => {
    const lines = ours.map((method) => `${method.path} ${method.request} ${method.response} ${method.requestStream} ${method.responseStream}`).sort();
    const isNewer = (line: string) => line.startsWith('/machine.StorageService/');
    assert.deepEqual(lines.filter((line) => !isNewer(line)), [...upstream].sort());
    assert.equal(lines.filter(isNewer).length, 1, 'Statfs, of the release after the recorded one');
  });
  it('names only messages that are declared', () => {
    for (const method of ours) for (const name of [method.request, method.response]) assert.ok(Object.hasOwn(messageFields, name), name);
  });
});
