import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { GrpcError, grpcStatus, unary } from '../grpc.ts';
import { encodeText, readText, textResponse, TransportError, type Bytes } from '../http.ts';
import { generateKey, issueCertificate, parseCertificate } from '../x509/index.ts';
import { nodeNet } from './node-net.ts';

const net = nodeNet();
const day = 86_400_000;
const now = Date.now();
const caKey = generateKey('ed25519');
const caPem = issueCertificate({ subject: { commonName: 'ca' }, publicKeyPem: caKey.publicKeyPem, selfKeyPem: caKey.privateKeyPem, notBeforeMs: now - day, notAfterMs: now + day, ca: true });
const key = generateKey('p256');
const leaf = (commonName: string) => issueCertificate({ subject: { commonName, organizations: ['os:admin'] }, publicKeyPem: key.publicKeyPem, issuer: { certificatePem: caPem, privateKeyPem: caKey.privateKeyPem }, notBeforeMs: now - day, notAfterMs: now + day, ipAddresses: ['127.0.0.1'], usages: ['server', 'client'] });
const serverPem = leaf('server');
const clientTls = { ca: caPem, cert: leaf('client'), key: key.privateKeyPem };

const method = { path: '/test.Echo/Say', requestStream: false, responseStream: true };
async function* echo(call: { messages: AsyncIterable<Bytes>; peer?: { certificate?: string } }): AsyncGenerator<Bytes> {
  for await (const message of call.messages) {
    const text = new TextDecoder().decode(message);
    if (text === 'fail') throw new GrpcError(grpcStatus.failedPrecondition, 'not now');
    yield encodeText(`${text} from ${call.peer?.certificate ? parseCertificate(call.peer.certificate).organizations[0] : 'nobody'}`);
  }
}

test('HTTPS carries the client certificate to the handler and streams the answer', async (t) => {
  const listener = await net.listenHttp({ host: '127.0.0.1', port: 0 }, {
    tls: { cert: serverPem, key: key.privateKeyPem, clientCa: caPem },
    handler: async (request) => ({ status: 200, headers: {}, body: (async function* () {
      yield encodeText(await readText(request.body));
      yield encodeText(` ${request.peer?.certificate ? parseCertificate(request.peer.certificate).commonName : 'unknown'}`);
    })() }),
  });
  t.after(() => listener.close());
  const url = `https://127.0.0.1:${listener.address.port}/`;
  const post = { method: 'POST', url, headers: {}, body: encodeText('hello') };
  assert.equal(await readText((await net.request(post, { tls: clientTls })).body), 'hello client');
  assert.equal(await readText((await net.request(post, { tls: { ca: caPem } })).body), 'hello unknown');
  await assert.rejects(net.request(post, { tls: {} }), TransportError);
  await assert.rejects(net.request(post, { tls: { insecureSkipVerify: true, pinnedSha256: '00' } }), /pinned/);
  const pinned = parseCertificate(serverPem).sha256Fingerprint;
  assert.equal((await net.request(post, { tls: { insecureSkipVerify: true, pinnedSha256: pinned } })).status, 200);
});

test('a handler that streams without end is returned when the client goes away', async (t) => {
  let returned: () => void = () => {};
  const ended = new Promise<void>((resolve) => (returned = resolve));
  const listener = await net.listenHttp({ host: '127.0.0.1', port: 0 }, {
    handler: async (request) => ({ status: 200, headers: {}, body: (async function* () {
      try {
        yield encodeText('first');
        await new Promise<void>((resolve) => request.signal?.addEventListener('abort', () => resolve(), { once: true }));
      } finally {
        returned();
      }
    })() }),
  });
  t.after(() => listener.close());
  const response = await net.request({ method: 'GET', url: `http://127.0.0.1:${listener.address.port}/`, headers: {} });
  for await (const chunk of response.body as AsyncIterable<Bytes>) {
    assert.equal(new TextDecoder().decode(chunk), 'first');
    break;
  }
  await ended;
});

test('a request without an answer in time fails with ETIMEDOUT, one to nobody with ECONNREFUSED', async (t) => {
  const listener = await net.listenHttp({ host: '127.0.0.1', port: 0 }, { handler: () => new Promise(() => {}) });
  t.after(() => listener.close());
  const url = `http://127.0.0.1:${listener.address.port}/`;
  await assert.rejects(net.request({ method: 'GET', url, headers: {} }, { timeoutMs: 20 }), (error: unknown) => error instanceof TransportError && error.code === 'ETIMEDOUT');
  await listener.close();
  await assert.rejects(net.request({ method: 'GET', url, headers: {} }), (error: unknown) => error instanceof TransportError && error.code === 'ECONNREFUSED');
});

test('a handler that throws answers 500 without its stack', async (t) => {
  const listener = await net.listenHttp({ host: '127.0.0.1', port: 0 }, { handler: async () => { throw new Error('broken'); } });
  t.after(() => listener.close());
  const response = await net.request({ method: 'GET', url: `http://127.0.0.1:${listener.address.port}/`, headers: {} });
  assert.deepEqual([response.status, await readText(response.body)], [500, 'internal error: broken\n']);
  assert.equal((await textResponse(200, 'x')).status, 200);
});

const grpcListener = await net.listenGrpc({ host: '127.0.0.1', port: 0 }, { methods: [method], handler: echo, tls: { cert: serverPem, key: key.privateKeyPem, clientCa: caPem, requireClientCert: true } });
const openListener = await net.listenGrpc({ host: '127.0.0.1', port: 0 }, { methods: [method], handler: echo, tls: { cert: serverPem, key: key.privateKeyPem } });
after(() => Promise.all([grpcListener.close(), openListener.close()]));

test('gRPC carries messages and the client certificate over mTLS, and a status back', async (t) => {
  const channel = net.grpc(grpcListener.address, clientTls);
  t.after(() => channel.close());
  assert.equal(new TextDecoder().decode(await unary(channel, method, encodeText('hi'))), 'hi from os:admin');
  await assert.rejects(unary(channel, method, encodeText('fail')), (error: unknown) => error instanceof GrpcError && error.code === grpcStatus.failedPrecondition && error.message.includes('not now'));
});

test('gRPC without a client certificate is refused by a listener that requires one', async (t) => {
  const channel = net.grpc(grpcListener.address, { ca: caPem });
  t.after(() => channel.close());
  await assert.rejects(unary(channel, method, encodeText('hi'), { timeoutMs: 2000 }), GrpcError);
});

test('gRPC takes a self-signed server as it is when told to, and only the pinned one when pinned', async (t) => {
  const open = net.grpc(openListener.address, { insecureSkipVerify: true });
  const wrong = net.grpc(openListener.address, { insecureSkipVerify: true, pinnedSha256: '00' });
  t.after(() => [open, wrong].forEach((channel) => channel.close()));
  assert.equal(new TextDecoder().decode(await unary(open, method, encodeText('hi'))), 'hi from nobody');
  await assert.rejects(unary(wrong, method, encodeText('hi')), /pinned/);
});
