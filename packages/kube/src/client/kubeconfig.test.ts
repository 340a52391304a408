import assert from 'node:assert/strict';
import { test } from 'node:test';
import { virtualEnv } from '@keelson/std/testing';
import type { Kubeconfig } from './kubeconfig.ts';
import { createNetKubeClient, filesOfKubeconfig, formatKubeconfig, KubeconfigError, parseKubeconfig } from './kubeconfig.ts';

const full: Kubeconfig = {
  server: 'https://10.0.0.1:6443', clusterName: 'edge', userName: 'admin', contextName: 'admin@edge', namespace: 'apps', caPem: 'CA\n', clientCertificatePem: 'CERT\n', clientKeyPem: 'KEY\n',
};
const defined = (config: Kubeconfig) => Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined));

test('what is written is read back', () => {
  assert.deepEqual(defined(parseKubeconfig(formatKubeconfig(full))), full);
  const token: Kubeconfig = { server: 'https://x', clusterName: 'c', userName: 'u', contextName: 'x', token: 't', insecureSkipTlsVerify: true };
  assert.deepEqual(defined(parseKubeconfig(formatKubeconfig(token))), token);
});

const two = `
apiVersion: v1
kind: Config
current-context: one
clusters:
- {name: a, cluster: {server: "https://a", certificate-authority: /etc/ca.pem}}
- {name: b, cluster: {server: "https://b", tls-server-name: api.b}}
users:
- {name: u, user: {token: secret}}
- {name: e, user: {exec: {command: aws}}}
contexts:
- {name: one, context: {cluster: a, user: u, namespace: n}}
- {name: two, context: {cluster: b, user: u}}
- {name: exec, context: {cluster: b, user: e}}
- {name: broken, context: {cluster: nothing, user: u}}
`;

test('the current context is taken, or the one that is named', () => {
  const one = parseKubeconfig(two, { files: { '/etc/ca.pem': 'CA' } });
  assert.deepEqual([one.server, one.caPem, one.token, one.namespace], ['https://a', 'CA', 'secret', 'n']);
  const other = parseKubeconfig(two, { context: 'two' });
  assert.deepEqual([other.server, other.tlsServerName, other.namespace], ['https://b', 'api.b', undefined]);
});

test('files a kubeconfig refers to are named, and missed when they are not given', () => {
  assert.deepEqual(filesOfKubeconfig(two), ['/etc/ca.pem']);
  assert.throws(() => parseKubeconfig(two), (error) => error instanceof KubeconfigError && /certificate-authority names the file \/etc\/ca\.pem, which was not given/.test(error.message));
});

const wrong: readonly (readonly [string, string | undefined, RegExp])[] = [
  ['current-context: [', undefined, /not YAML/],
  ['just text', undefined, /is not a map/],
  ['kind: Config', undefined, /no current-context/],
  [two, 'three', /no context "three"/],
  [two, 'broken', /no cluster "nothing"/],
  [two, 'exec', /user e uses exec, which is not supported/],
];
for (const [text, context, pattern] of wrong) {
  test(`a kubeconfig that cannot be used is refused: ${pattern.source}`, () => {
    assert.throws(() => parseKubeconfig(text, { context }), (error) => error instanceof KubeconfigError && pattern.test(error.message));
  });
}

test('a client over the network sends the token', async () => {
  const env = virtualEnv();
  const seen: (string | undefined)[] = [];
  await env.net.listenHttp({ host: '10.0.0.1', port: 6443 }, { handler: async (request) => (seen.push(request.headers['authorization']), { status: 404, headers: {} }) });
  const client = createNetKubeClient(env.net, { server: 'http://10.0.0.1:6443', clusterName: 'c', userName: 'u', contextName: 'x', token: 'secret' });
  await client.raw('GET', '/version');
  assert.deepEqual(seen, ['Bearer secret']);
});
