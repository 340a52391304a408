import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readText, textResponse, TransportError } from '../http.ts';
import { generateKey, issueCertificate } from '../x509/index.ts';
import { virtualEnv } from './virtual-env.ts';
import { virtualProcess } from './process.ts';

test('runs timers in the order of their time, then of their making', async () => {
  const { clock } = virtualEnv();
  const ran: string[] = [];
  clock.after(20, () => ran.push('b'));
  clock.after(10, () => ran.push('a'));
  clock.after(20, () => ran.push('c'));
  clock.after(5, () => ran.push('never')).cancel();
  await clock.advance(20);
  assert.deepEqual(ran, ['a', 'b', 'c']);
});

test('runUntil follows a chain of sleeps and answers how long it took', async () => {
  const { clock } = virtualEnv();
  let steps = 0;
  void (async () => {
    for (; steps < 5; steps++) await clock.sleep(1000);
  })();
  assert.equal(await clock.runUntil(() => steps === 5), 5000);
});

test('runUntil says what does not hold when nothing is left to happen', async () => {
  const { clock } = virtualEnv();
  await assert.rejects(clock.runUntil(() => false, { what: 'the moon' }), /nothing is left .* the moon does not hold/);
});

test('the memory net refuses where nobody listens and answers where somebody does', async () => {
  const { net } = virtualEnv();
  const get = { method: 'GET', url: 'http://127.0.0.1:80/x?y=1', headers: {} };
  await assert.rejects(net.request(get), (error: unknown) => error instanceof TransportError && error.code === 'ECONNREFUSED');
  const listener = await net.listenHttp({ host: '127.0.0.1', port: 80 }, { handler: async (request) => textResponse(200, request.url) });
  assert.equal(await readText((await net.request(get)).body), '/x?y=1');
  await listener.close();
  await assert.rejects(net.request(get), TransportError);
});

test('the memory net checks both certificates as TLS would', async () => {
  const env = virtualEnv();
  const day = 86_400_000;
  const key = generateKey('ed25519');
  const notBeforeMs = env.clock.now() - day;
  const ca = { certificatePem: issueCertificate({ subject: { commonName: 'ca' }, publicKeyPem: key.publicKeyPem, selfKeyPem: key.privateKeyPem, notBeforeMs, notAfterMs: notBeforeMs + 30 * day, ca: true }), privateKeyPem: key.privateKeyPem };
  const leaf = (commonName: string) => issueCertificate({ subject: { commonName }, publicKeyPem: key.publicKeyPem, issuer: ca, notBeforeMs, notAfterMs: notBeforeMs + 10 * day, ipAddresses: ['127.0.0.1'] });
  await env.net.listenHttp({ host: '127.0.0.1', port: 443 }, {
    handler: async (request) => textResponse(200, request.peer?.certificate ? 'known' : 'unknown'),
    tls: { cert: leaf('server'), key: key.privateKeyPem, clientCa: ca.certificatePem },
  });
  const get = { method: 'GET', url: 'https://127.0.0.1/', headers: {} };
  await assert.rejects(env.net.request(get), /unknown authority/);
  assert.equal(await readText((await env.net.request(get, { tls: { ca: ca.certificatePem } })).body), 'unknown');
  assert.equal(await readText((await env.net.request(get, { tls: { ca: ca.certificatePem, cert: leaf('me'), key: key.privateKeyPem } })).body), 'known');
  await env.net.listenHttp({ host: '127.0.0.1', port: 444 }, {
    handler: async () => textResponse(200, 'in'),
    tls: { cert: leaf('server'), key: key.privateKeyPem, clientCa: ca.certificatePem, requireClientCert: true },
  });
  const closed = { ...get, url: 'https://127.0.0.1:444/' };
  await assert.rejects(env.net.request(closed, { tls: { ca: ca.certificatePem } }), /requires a client certificate/);
  assert.equal(await readText((await env.net.request(closed, { tls: { ca: ca.certificatePem, cert: leaf('me'), key: key.privateKeyPem } })).body), 'in');
  await env.clock.advance(11 * day);
  await assert.rejects(env.net.request(get, { tls: { ca: ca.certificatePem } }), /expired/);
});

test('a process killed before an effect has not had it, and nothing of it goes on', async () => {
  const world = virtualEnv();
  let after = 0;
  const process = virtualProcess(world, (effect, self) => {
    if (effect.when === 'before' && effect.what === '/second') self.kill();
  });
  void (async () => {
    await process.env.files.write('/first', '1');
    await process.env.files.write('/second', '2');
    after++;
  })();
  process.env.clock.after(10, () => after++);
  await world.clock.advance(100);
  assert.deepEqual([await world.files.list('/'), after, process.killed], [['first'], 0, true]);
});

test('the other side of a call sees a killed process as a connection that was closed', async () => {
  const world = virtualEnv();
  let ended = 0;
  await world.net.listenHttp({ host: '127.0.0.1', port: 80 }, { handler: async (request) => {
    request.signal?.addEventListener('abort', () => ended++);
    return { status: 200, headers: {}, body: (async function* () {
      try {
        yield new Uint8Array(1);
        await new Promise(() => {});
      } finally {
        ended++;
      }
    })() };
  } });
  const process = virtualProcess(world);
  const response = await process.env.net.request({ method: 'GET', url: 'http://127.0.0.1/', headers: {} });
  void (async () => {
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) assert.equal(chunk.length, 1);
  })().catch(() => {});
  await world.clock.settle();
  process.kill();
  await world.clock.settle();
  assert.ok(ended >= 1, 'the server learns that its client is gone');
});
