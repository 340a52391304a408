import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HttpHandler } from '@keelson/std';
import { jsonResponse, readText } from '@keelson/std';
import { virtualEnv } from '@keelson/std/testing';
import { generateKey, issueCertificate } from '@keelson/std/x509';
import { createApiServer } from '../server.ts';
import { createMemoryStore } from '../store/memory/memory-store.ts';
import { rawRequest } from '../testing/index.ts';

interface Review {
  readonly request: {
    readonly uid: string; readonly operation: string; readonly name?: string; readonly namespace?: string; readonly dryRun: boolean; readonly subResource?: string;
    readonly object: { metadata: { name: string; labels?: Record<string, string> }; data?: Record<string, string> } | null; readonly oldObject: object | null;
    readonly userInfo: { username: string }; readonly resource: { resource: string }; readonly options: { kind: string };
  };
}

const key = generateKey('p256');
const rule = (operations: string[], resources = ['configmaps'], more: object = {}) => ({ operations, apiGroups: ['*'], apiVersions: ['*'], resources, ...more });

/** A server, and webhooks that answer what `answer` says and remember what they were asked. */
async function world() {
  const env = virtualEnv();
  const now = env.clock.now();
  const ca = issueCertificate({ subject: { commonName: 'hooks' }, publicKeyPem: key.publicKeyPem, selfKeyPem: key.privateKeyPem, ca: true, notBeforeMs: now - 1000, notAfterMs: now + 86_400_000 });
  const cert = issueCertificate({ subject: { commonName: 'hooks' }, publicKeyPem: key.publicKeyPem, issuer: { certificatePem: ca, privateKeyPem: key.privateKeyPem }, notBeforeMs: now - 1000, notAfterMs: now + 86_400_000, ipAddresses: ['127.0.0.1'], dnsNames: ['hook.default.svc'], usages: ['server'] });
  const asked: { path: string; request: Review['request'] }[] = [];
  const answers = new Map<string, (request: Review['request']) => object | Promise<object>>();
  const handler: HttpHandler = async (request) => {
    const path = request.url.split('?')[0]!;
    const review = JSON.parse(await readText(request.body)) as Review;
    asked.push({ path, request: review.request });
    const response = await (answers.get(path) ?? (() => ({ allowed: true })))(review.request);
    return jsonResponse(200, { kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1', response: { uid: review.request.uid, ...response } });
  };
  const listener = await env.net.listenHttp({ host: '127.0.0.1', port: 0 }, { handler, tls: { cert, key: key.privateKeyPem } });
  const base = `https://127.0.0.1:${listener.address.port}`;
  const server = await createApiServer({ env, store: createMemoryStore(), resolveService: ({ namespace, name }) => (name === 'hook' && namespace === 'default' ? { url: base } : undefined) });
  const caBundle = Buffer.from(ca).toString('base64');
  const hook = (path: string, more: object = {}) => ({ name: `${path}.hooks.example.com`, clientConfig: { url: `${base}/${path}`, caBundle }, rules: [rule(['CREATE', 'UPDATE'])], admissionReviewVersions: ['v1'], sideEffects: 'None', ...more });
  const send = (method: string, path: string, body?: object, type?: string) => rawRequest(server.localHandler, method, path, { body, ...(type && { headers: { 'content-type': type } }) });
  const configure = async (kind: 'Mutating' | 'Validating', webhooks: object[], name = 'hooks') => {
    const answer = await send('POST', `/apis/admissionregistration.k8s.io/v1/${kind.toLowerCase()}webhookconfigurations`, { apiVersion: 'admissionregistration.k8s.io/v1', kind: `${kind}WebhookConfiguration`, metadata: { name }, webhooks });
    return answer;
  };
  const create = (name: string, more: { labels?: object; data?: object; query?: string; namespace?: string } = {}) => {
    const namespace = more.namespace ?? 'default';
    return send('POST', `/api/v1/namespaces/${namespace}/configmaps${more.query ?? ''}`, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, labels: more.labels ?? {} }, data: more.data ?? {} });
  };
  const answer = (path: string, response: object | ((request: Review['request']) => object | Promise<object>)) => answers.set(`/${path}`, typeof response === 'function' ? (response as (request: Review['request']) => object) : () => response);
  return { env, server, hook, send, configure, create, answer, asked, caBundle };
}

const patchOf = (...operations: object[]) => ({ allowed: true, patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(operations)).toString('base64') });
const setData = (name: string, value: string) => patchOf({ op: 'add', path: `/data/${name}`, value });

test('a mutating webhook is told of the request and changes the object before it is stored', async () => {
  const { hook, configure, create, answer, asked, send } = await world();
  await configure('Mutating', [hook('a')]);
  answer('a', setData('added', 'yes'));
  const made = await create('one', { data: { own: '1' } });
  assert.deepEqual([made.status, made.body['data']], [201, { own: '1', added: 'yes' }]);
  assert.deepEqual((await send('GET', '/api/v1/namespaces/default/configmaps/one')).body['data'], { own: '1', added: 'yes' });
  const { request } = asked[0]!;
  assert.deepEqual([request.operation, request.name, request.namespace, request.dryRun, request.oldObject, request.userInfo.username, request.resource.resource, request.options.kind], ['CREATE', 'one', 'default', false, null, 'system:apiserver', 'configmaps', 'CreateOptions']);
});

test('a change by a webhook counts as a generation, is pruned and validated, and names and versions stay', async () => {
  const { hook, configure, answer, send } = await world();
  await configure('Mutating', [hook('a', { rules: [rule(['CREATE', 'UPDATE'], ['deployments'])] })]);
  const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'd' }, spec: { selector: { matchLabels: { a: 'b' } }, template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'x' }] } } } };
  const path = '/apis/apps/v1/namespaces/default/deployments';
  await send('POST', path, deployment);
  answer('a', patchOf({ op: 'replace', path: '/spec/replicas', value: 5 }, { op: 'add', path: '/spec/nonsense', value: 1 }, { op: 'replace', path: '/metadata/name', value: 'other' }, { op: 'replace', path: '/metadata/uid', value: 'x' }));
  const changed = await send('PATCH', `${path}/d`, { metadata: { labels: { l: 'm' } } }, 'application/merge-patch+json');
  const body = changed.body as unknown as { metadata: { name: string; generation: number; uid: string }; spec: { replicas: number; nonsense?: number } };
  assert.deepEqual([changed.status, body.metadata.name, body.metadata.generation, body.spec.replicas, body.spec.nonsense], [200, 'd', 2, 5, undefined]);
  assert.notEqual(body.metadata.uid, 'x');
  answer('a', patchOf({ op: 'replace', path: '/spec/replicas', value: -1 }));
  assert.equal((await send('PATCH', `${path}/d`, { metadata: { labels: { l: 'n' } } }, 'application/merge-patch+json')).status, 422);
});

test('a webhook that refuses says why, with a code that refuses', async () => {
  const { hook, configure, create, answer } = await world();
  await configure('Validating', [hook('a')]);
  const cases: [object, number, string][] = [
    [{ allowed: false }, 400, 'admission webhook "a.hooks.example.com" denied the request without explanation'],
    [{ allowed: false, status: { message: 'no', code: 403 } }, 403, 'admission webhook "a.hooks.example.com" denied the request: no'],
    [{ allowed: false, status: { reason: 'Because', code: 200 } }, 400, 'admission webhook "a.hooks.example.com" denied the request: Because'],
  ];
  for (const [response, code, message] of cases) {
    answer('a', response);
    const made = await create('x');
    assert.deepEqual([made.status, made.body['message']], [code, message]);
  }
});

test('warnings of a webhook reach the client', async () => {
  const { hook, configure, create, answer } = await world();
  await configure('Validating', [hook('a')]);
  answer('a', { allowed: true, warnings: ['mind the gap'] });
  assert.equal((await create('x')).headers['warning'], '299 - "mind the gap"');
});

test('a webhook that does not answer well fails the request, or is left out where its policy says so', async () => {
  const { hook, configure, create, answer, caBundle, send } = await world();
  const bad: [string, object, object][] = [
    ['a wrong uid', {}, { uid: 'other', allowed: true }],
    ['a patch of another type', {}, { allowed: true, patchType: 'Other', patch: 'e30=' }],
    ['a patch that does not fit', {}, patchOf({ op: 'remove', path: '/data/none' })],
    ['nobody listens', { clientConfig: { url: 'https://127.0.0.1:1/a', caBundle } }, {}],
    ['an authority that is not its own', { clientConfig: undefined }, {}],
    ['a service nobody knows', { clientConfig: { service: { namespace: 'default', name: 'unknown' }, caBundle } }, {}],
  ];
  for (const failurePolicy of ['Fail', 'Ignore']) {
    for (const [name, more, response] of bad) {
      const base = hook('a') as { clientConfig: { url: string } };
      const webhook = { ...base, failurePolicy, ...more, ...(name.startsWith('an authority') && { clientConfig: { url: base.clientConfig.url } }) };
      await configure('Mutating', [webhook]);
      answer('a', response);
      const made = await create('x', { query: '?dryRun=All' });
      if (failurePolicy === 'Ignore') assert.equal(made.status, 201, name);
      else assert.match(`${made.status} ${String(made.body['message'])}`, /^500 Internal error occurred: failed calling webhook "a\.hooks\.example\.com": /, name);
      assert.equal((await send('DELETE', '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/hooks')).status, 200, 'a broken webhook can always be taken away');
    }
  }
});

test('a webhook has its time and no more', async () => {
  const { env, hook, configure, create, answer } = await world();
  await configure('Validating', [hook('a', { timeoutSeconds: 3 })]);
  answer('a', () => new Promise<object>(() => {}));
  const made = create('x');
  await env.clock.advance(3_000);
  assert.match((await made).text, /failed calling webhook .*(no answer|time)/i);
});

test('a service is asked where the resolver says, and must prove its name', async () => {
  const { hook, configure, create, asked, caBundle } = await world();
  await configure('Validating', [hook('a', { clientConfig: { service: { namespace: 'default', name: 'hook', path: '/by/service' }, caBundle } })]);
  assert.equal((await create('x')).status, 201);
  assert.deepEqual(asked.map(({ path }) => path), ['/by/service']);
});

test('rules, selectors and scopes say which requests are asked about', async () => {
  const { hook, configure, create, asked, send } = await world();
  await send('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'marked', labels: { hooks: 'on' } } });
  await configure('Validating', [
    hook('create', { rules: [rule(['CREATE'])] }),
    hook('delete', { rules: [rule(['DELETE'])] }),
    hook('status', { rules: [rule(['*'], ['configmaps/status'])] }),
    hook('cluster', { rules: [rule(['*'], ['*'], { scope: 'Cluster' })] }),
    hook('star', { rules: [rule(['*'], ['*/*'])] }),
    hook('label', { objectSelector: { matchLabels: { tier: 'front' } } }),
    hook('namespace', { namespaceSelector: { matchLabels: { hooks: 'on' } } }),
    hook('group', { rules: [{ ...rule(['*']), apiGroups: ['apps'] }] }),
    hook('version', { rules: [{ ...rule(['*']), apiVersions: ['v2'] }] }),
  ]);
  const paths = () => asked.splice(0).map(({ path }) => path.slice(1)).sort();
  await create('plain');
  assert.deepEqual(paths(), ['create', 'star']);
  await create('front', { labels: { tier: 'front' } });
  assert.deepEqual(paths(), ['create', 'label', 'star']);
  await create('there', { namespace: 'marked' });
  assert.deepEqual(paths(), ['create', 'namespace', 'star']);
  await send('PATCH', '/api/v1/namespaces/default/configmaps/front', { metadata: { labels: { tier: null } } }, 'application/merge-patch+json');
  assert.deepEqual(paths(), ['label', 'star'], 'it had the label');
  await send('DELETE', '/api/v1/namespaces/default/configmaps/front');
  const [deletion] = asked;
  assert.deepEqual([deletion?.request.object, deletion?.request.oldObject === null, paths()], [null, false, ['delete', 'star']]);
  await send('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'new' } });
  assert.deepEqual(paths().filter((path) => path === 'cluster'), ['cluster']);
});

test('a webhook for another version of the kind sees it in that version', async () => {
  const { hook, configure, asked, send } = await world();
  const versions = ['v1', 'v2'].map((name) => ({ name, served: true, storage: name === 'v1', schema: { openAPIV3Schema: { type: 'object', properties: { size: { type: 'integer' } } } } }));
  await send('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'things.example.com' }, spec: { group: 'example.com', scope: 'Namespaced', names: { plural: 'things', kind: 'Thing' }, versions } });
  const only = { ...rule(['CREATE'], ['things']), apiVersions: ['v1'] };
  await configure('Validating', [hook('equivalent', { rules: [only] }), hook('exact', { rules: [only], matchPolicy: 'Exact' })]);
  const made = await send('POST', '/apis/example.com/v2/namespaces/default/things', { apiVersion: 'example.com/v2', kind: 'Thing', metadata: { name: 't' }, size: 1 });
  assert.equal(made.status, 201, made.text);
  assert.deepEqual(asked.map(({ path, request }) => [path, (request.object as unknown as { apiVersion: string }).apiVersion]), [['/equivalent', 'example.com/v1']]);
});

test('webhooks are asked in the order of their names; one that wants it sees what later ones did', async () => {
  const { hook, configure, create, answer, asked } = await world();
  await configure('Mutating', [hook('late')], 'b');
  await configure('Mutating', [hook('never'), hook('again', { reinvocationPolicy: 'IfNeeded' })], 'a');
  answer('late', setData('late', '1'));
  answer('again', (request) => setData('seen', Object.keys(request.object?.data ?? {}).filter((name) => name !== 'seen').join(',')));
  const made = await create('x');
  assert.deepEqual([made.body['data'], asked.map(({ path }) => path)], [{ late: '1', seen: 'late' }, ['/never', '/again', '/late', '/again']]);
});

test('a dry run is told to webhooks', async () => {
  const { hook, configure, create, asked } = await world();
  await configure('Validating', [hook('a', { sideEffects: 'NoneOnDryRun' })]);
  assert.equal((await create('x', { query: '?dryRun=All' })).status, 201);
  assert.equal(asked[0]?.request.dryRun, true);
});

test('a configuration that cannot work is refused, with the reason', async () => {
  const { hook, configure } = await world();
  const cases: [object, RegExp][] = [
    [{ matchConditions: [{ name: 'c', expression: 'true' }] }, /webhooks\[0\]\.matchConditions: Forbidden: this server does not evaluate the conditions/],
    [{ name: 'short' }, /at least three segments/],
    [{ sideEffects: 'Some' }, /webhooks\[0\]\.sideEffects: Unsupported value: "Some"/],
    [{ clientConfig: { url: 'http://a.example/x' } }, /'https' is the only allowed URL scheme/],
    [{ clientConfig: { url: 'https://a.example/x?y' } }, /query parameters are not permitted/],
    [{ clientConfig: {} }, /exactly one of url or service is required/],
    [{ admissionReviewVersions: ['v1beta1'] }, /must include v1/],
    [{ timeoutSeconds: 31 }, /between 1 and 30 seconds/],
    [{ rules: [rule(['READ'])] }, /webhooks\[0\]\.rules\[0\]\.operations\[0\]: Unsupported value: "READ"/],
  ];
  for (const [more, message] of cases) {
    const answer = await configure('Validating', [hook('a', more)]);
    assert.equal(answer.status, 422, JSON.stringify(more));
    assert.match(String(answer.body['message']), message);
  }
});

test('policies in CEL are stored, with a warning that nothing is done with them', async () => {
  const { send } = await world();
  const policy = { apiVersion: 'admissionregistration.k8s.io/v1', kind: 'ValidatingAdmissionPolicy', metadata: { name: 'p' }, spec: { matchConstraints: { resourceRules: [rule(['CREATE'])] }, validations: [{ expression: 'true' }] } };
  const answer = await send('POST', '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies', policy);
  assert.deepEqual([answer.status, answer.headers['warning']], [201, '299 - "this server stores ValidatingAdmissionPolicy objects but does not enforce them"']);
});

test('a server starts although a webhook on everything is out of reach', async () => {
  const { hook, configure, server, caBundle } = await world();
  await configure('Validating', [hook('a', { clientConfig: { url: 'https://127.0.0.1:1/a', caBundle }, rules: [rule(['*'], ['*'])] })]);
  await server.close();
  const store = server.store;
  await store.commit([{ type: 'delete', key: 'core/namespaces/kube-public', expect: store.get('core/namespaces/kube-public')!.revision }]);
  const again = await createApiServer({ env: virtualEnv(), store });
  assert.ok(store.get('core/namespaces/kube-public'));
  await again.close();
});
