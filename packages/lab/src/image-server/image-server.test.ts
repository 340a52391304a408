import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readBody, type HttpResponse } from '@keelson/std';
import { defaultSchematic, type TalosImage } from '../datacenter.ts';
import { decodeImage, imageSize } from './image.ts';
import { imagePath, imageServer } from './image-server.ts';

const image: TalosImage = { version: 'v1.14.1', arch: 'amd64', schematics: [defaultSchematic], haltIfInstalled: true };
const serve = imageServer([image]);
const get = (url: string, headers: Record<string, string> = {}, method = 'GET'): Promise<HttpResponse> => serve({ method, url, headers });

test('an image says in its first bytes what it starts', async () => {
  const response = await get(imagePath(image));
  const body = await readBody(response.body);
  assert.deepEqual([response.status, body.length, response.headers['content-length']], [200, imageSize, String(imageSize)]);
  const decoded = decodeImage(body.subarray(0, 4096), 'u');
  assert.deepEqual([decoded?.version, decoded?.arch, decoded?.schematic], ['v1.14.1', 'amd64', defaultSchematic]);
  assert.ok(decoded?.kernelArgs.includes('talos.halt_if_installed=1'));
});

test('ranges and HEAD are answered as a BMC reads', async () => {
  const url = imagePath(image);
  const part = await get(url, { range: 'bytes=0-9' });
  assert.deepEqual([part.status, part.headers['content-range'], (await readBody(part.body)).length], [206, `bytes 0-9/${imageSize}`, 10]);
  const tail = await get(url, { range: 'bytes=-5' });
  assert.deepEqual([tail.status, (await readBody(tail.body)).length], [206, 5]);
  assert.equal((await get(url, { range: `bytes=${imageSize}-` })).status, 416);
  const head = await get(url, {}, 'HEAD');
  assert.deepEqual([head.status, head.body, head.headers['content-length']], [200, undefined, String(imageSize)]);
});

test('an image that is not in the lab file is not found', async () => {
  for (const url of [imagePath({ ...image, version: 'v1.0.0' }), imagePath(image, 'f'.repeat(64)), '/image/x/v1.14.1/metal-amd64.iso', '/']) {
    assert.equal((await get(url)).status, 404, url);
  }
  assert.equal((await get(imagePath(image), {}, 'POST')).status, 405);
});

test('bytes that are no lab image start nothing', () => {
  for (const text of ['', 'ISO9660', '{"keelsonLabImage":1,', '{"keelsonLabImage":1,"os":"other"}\n', '{"keelsonLabImage":1,]\n']) {
    assert.equal(decodeImage(new TextEncoder().encode(text), 'u'), undefined);
  }
});
