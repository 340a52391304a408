import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { ProblemError, seededRandom } from '@keelson/std';
import { checkCertificate, generateKey, isIssuedBy, parseCertificate, publicKeyOf } from '@keelson/std/x509';
import { parse } from 'yaml';
import {
  authorityOf, checkSecretsBundle, clientExpiryMs, currentContract, fromBase64, generateAdminKubeconfig, generateSecretsBundle, generateTalosconfig, issueTalosServer, mergeTalosconfig,
  offThreadKeys, parseSecretsBundle, parseTalosconfig, selectContext, serializeSecretsBundle, serializeTalosconfig, synchronousKeys, tlsOfContext, toBase64, toNodeKey, toTalosKey,
  type KeySource, type SecretsBundle,
} from './index.ts';

const nowMs = Date.parse('2026-11-20T12:00:00Z');
const yearMs = 365 * 24 * 3_600_000;
const random = seededRandom(7);
const bundle = await generateSecretsBundle({ contract: currentContract, nowMs, random, serviceAccountKey: 'p256' });
const upstream = readFileSync(new URL('../config/testdata/secrets.yaml', import.meta.url), 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'pki-'));
after(() => rmSync(folder, { recursive: true }));

describe('generateSecretsBundle', () => {
  it('makes a bundle in the structure of upstream', () => {
    const shape = (value: unknown): unknown => (typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key, shape(item)])) : typeof value);
    assert.deepEqual(shape(bundle), shape(parse(upstream)));
    assert.deepEqual(checkSecretsBundle(bundle), []);
    assert.match(bundle.secrets.bootstraptoken, /^[0-9a-z]{6}\.[0-9a-z]{16}$/);
    assert.match(bundle.trustdinfo.token, /^[0-9a-z]{6}\.[0-9a-z]{16}$/);
    for (const value of [bundle.cluster.id, bundle.cluster.secret, bundle.secrets.secretboxencryptionsecret!]) assert.equal(Buffer.from(value, 'base64').length, 32);
  });

  const authorities = [['os', 'talos', 'ed25519', 'ED25519 PRIVATE KEY'], ['k8s', 'kubernetes', 'ec', 'EC PRIVATE KEY'], ['etcd', 'etcd', 'ec', 'EC PRIVATE KEY'], ['k8saggregator', undefined, 'ec', 'EC PRIVATE KEY']] as const;
  for (const [name, organization, keyType, label] of authorities) {
    it(`makes the ${name} authority as upstream does`, () => {
      const info = parseCertificate(authorityOf(bundle, name).certificatePem);
      assert.deepEqual(info.organizations, organization ? [organization] : []);
      assert.equal(info.commonName, '');
      assert.ok(info.isCa);
      assert.equal(info.notBeforeMs, nowMs);
      assert.equal(info.notAfterMs, nowMs + 10 * yearMs);
      assert.ok(fromBase64(bundle.certs[name].key).startsWith(`-----BEGIN ${label}-----\n`));
      assert.equal(createPrivateKey(authorityOf(bundle, name).privateKeyPem).asymmetricKeyType, keyType);
      const theirs = parseCertificate(authorityOf(parseSecretsBundle(upstream), name).certificatePem);
      assert.deepEqual([info.organizations, info.commonName, info.isCa, info.notAfterMs - info.notBeforeMs], [theirs.organizations, theirs.commonName, theirs.isCa, theirs.notAfterMs - theirs.notBeforeMs]);
    });
  }

  it('asks for an RSA-4096 key for service accounts unless told otherwise', async () => {
    const asked: string[] = [];
    const short = generateKey('rsa2048');
    const keys: KeySource = { generate: (algorithm) => (asked.push(algorithm), algorithm === 'rsa4096' ? short : generateKey(algorithm)) };
    const made = await generateSecretsBundle({ contract: currentContract, nowMs, random, keys });
    assert.deepEqual(asked, ['p256', 'p256', 'p256', 'rsa4096', 'ed25519']);
    assert.ok(fromBase64(made.certs.k8sserviceaccount.key).startsWith('-----BEGIN RSA PRIVATE KEY-----\n'));
    assert.ok(fromBase64(bundle.certs.k8sserviceaccount.key).startsWith('-----BEGIN EC PRIVATE KEY-----\n'));
  });
  it('names the encryption secret by the contract', async () => {
    const old = await generateSecretsBundle({ contract: { major: 1, minor: 2 }, nowMs, random });
    assert.equal(old.secrets.secretboxencryptionsecret, undefined);
    assert.ok(old.secrets.aescbcencryptionsecret);
  });
});

describe('secrets.yaml', () => {
  it('reads a bundle of talosctl and writes what it reads', () => {
    const read = parseSecretsBundle(upstream);
    assert.deepEqual(parse(serializeSecretsBundle(read)), parse(upstream));
    assert.deepEqual(parseSecretsBundle(serializeSecretsBundle(bundle)), bundle);
  });
  const broken: readonly [string, (good: SecretsBundle) => unknown, RegExp][] = [
    ['no YAML', () => undefined, /not a mapping|not YAML/],
    ['a missing authority', (good) => ({ ...good, certs: { ...good.certs, etcd: undefined } }), /certs\.etcd\.crt is missing/],
    ['the key of another authority', (good) => ({ ...good, certs: { ...good.certs, k8s: { crt: good.certs.k8s.crt, key: good.certs.etcd.key } } }), /certs\.k8s\.key is not the key of certs\.k8s\.crt/],
    ['both encryption secrets', (good) => ({ ...good, secrets: { ...good.secrets, aescbcencryptionsecret: 'AA==' } }), /exactly one of/],
    ['a token of another form', (good) => ({ ...good, trustdinfo: { token: 'HUSH' } }), /trustdinfo\.token is not of the form/],
    ['a service account key that is none', (good) => ({ ...good, certs: { ...good.certs, k8sserviceaccount: { key: toBase64('x') } } }), /k8sserviceaccount\.key is not a private key/],
  ];
  for (const [what, breakIt, why] of broken) {
    it(`says that a bundle has ${what}, without quoting it`, () => {
      assert.throws(() => parseSecretsBundle(JSON.stringify(breakIt(bundle)) ?? '', 'Secret edge-secrets'), (error) => {
        assert.ok(error instanceof ProblemError && error.problem.code === 'TALOS.BAD_SECRETS' && error.problem.where === 'Secret edge-secrets');
        assert.match(error.problem.why, why);
        return !JSON.stringify(error.problem).includes('HUSH');
      });
    });
  }
});

describe('talosconfig', async () => {
  const config = await generateTalosconfig({ clusterName: 'edge', bundle, endpoints: ['10.0.0.2', '10.0.0.3:50000'], nowMs, random });
  const context = selectContext(config);

  it('holds an administrator\'s certificate of one year from the cluster\'s authority', () => {
    const tls = tlsOfContext(context);
    const info = parseCertificate(tls.cert!);
    assert.deepEqual(info.organizations, ['os:admin']);
    assert.equal(info.commonName, '');
    assert.equal(info.isCa, false);
    assert.equal(clientExpiryMs(context), nowMs + yearMs);
    assert.equal(checkCertificate(tls.cert!, tls.ca!, nowMs + 1000), undefined);
    assert.equal(publicKeyOf(tls.key!), info.publicKeyPem);
    assert.ok(fromBase64(context.key!).startsWith('-----BEGIN ED25519 PRIVATE KEY-----'));
  });
  it('reads back what it writes', () => assert.deepEqual(parseTalosconfig(serializeTalosconfig(config)), config));
  it('gives the asked-for roles and lifetime', async () => {
    const reader = selectContext(await generateTalosconfig({ clusterName: 'edge', bundle, endpoints: [], nodes: ['n'], nowMs, random, roles: ['os:reader', 'os:etcd:backup'], lifetimeMs: 60_000 }));
    const info = parseCertificate(fromBase64(reader.crt!));
    assert.deepEqual([info.organizations, info.notAfterMs, reader.nodes], [['os:reader', 'os:etcd:backup'], nowMs + 60_000, ['n']]);
  });
  it('renames what it merges when the name is taken', () => {
    const merged = mergeTalosconfig(mergeTalosconfig(config, config), { context: 'other', contexts: { other: { endpoints: [] } } });
    assert.deepEqual([Object.keys(merged.contexts), merged.context], [['edge', 'edge-1', 'other'], 'other']);
  });
  it('names the contexts that there are when the asked-for one is not', () => {
    assert.throws(() => selectContext(config, 'nope'), /it has no context nope; it has edge/);
    assert.throws(() => parseTalosconfig('contexts: {a: {endpoints: {}}}'), /endpoints of context a is not a list/);
    assert.throws(() => parseTalosconfig('a: ['), /not YAML/);
  });
});

describe('generateAdminKubeconfig', () => {
  it('has upstream\'s names and a certificate that the cluster accepts', async () => {
    const config = parse(await generateAdminKubeconfig({ clusterName: 'edge', endpoint: 'https://10.0.0.1:6443', bundle, nowMs, random }));
    assert.deepEqual([config.kind, config['current-context'], config.contexts[0].context], ['Config', 'admin@edge', { cluster: 'edge', namespace: 'default', user: 'admin@edge' }]);
    assert.equal(config.clusters[0].cluster.server, 'https://10.0.0.1:6443');
    const ca = fromBase64(config.clusters[0].cluster['certificate-authority-data']);
    const { 'client-certificate-data': crt, 'client-key-data': key } = config.users[0].user;
    const info = parseCertificate(fromBase64(crt));
    assert.deepEqual([info.commonName, info.organizations, info.notBeforeMs, info.notAfterMs], ['admin', ['system:masters'], nowMs - 10_000, nowMs + yearMs]);
    assert.ok(isIssuedBy(fromBase64(crt), ca));
    assert.equal(publicKeyOf(fromBase64(key)), info.publicKeyPem);
  });
});

describe('issueTalosServer', () => {
  it('names the machine and lasts a day', () => {
    const pem = issueTalosServer({ authority: authorityOf(bundle, 'os'), key: generateKey('ed25519'), nowMs, random, commonName: 'cp-1', dnsNames: ['cp-1'], ipAddresses: ['10.0.0.2'] });
    const info = parseCertificate(pem);
    assert.deepEqual([info.commonName, info.dnsNames, info.ipAddresses, info.notAfterMs - nowMs], ['cp-1', ['cp-1'], ['10.0.0.2'], 24 * 3_600_000]);
  });
});

describe('PEM', () => {
  for (const [algorithm, label] of [['ed25519', 'ED25519 PRIVATE KEY'], ['p256', 'EC PRIVATE KEY'], ['rsa2048', 'RSA PRIVATE KEY']] as const) {
    it(`turns a ${algorithm} key to Talos' form and back`, () => {
      const { privateKeyPem, publicKeyPem } = generateKey(algorithm);
      const talos = toTalosKey(privateKeyPem);
      assert.ok(talos.startsWith(`-----BEGIN ${label}-----\n`) && talos.trimEnd().endsWith(`-----END ${label}-----`));
      assert.equal(publicKeyOf(toNodeKey(talos)), publicKeyPem);
      assert.equal(toTalosKey(talos), talos);
    });
  }
});

describe('key sources', () => {
  it('make the same kinds of keys on and off the thread', async () => {
    for (const algorithm of ['ed25519', 'p256', 'rsa2048'] as const) {
      for (const keys of [synchronousKeys, offThreadKeys]) {
        const key = await keys.generate(algorithm);
        assert.equal(publicKeyOf(key.privateKeyPem), key.publicKeyPem);
      }
    }
    assert.ok(offThreadKeys.generate('rsa2048') instanceof Promise);
    assert.ok(!(synchronousKeys.generate('ed25519') instanceof Promise));
  });
});

const openssl = spawnSync('openssl', ['version'], { encoding: 'utf8' });
if (openssl.status !== 0) {
  console.log('openssl is not here: the check of our certificates by a foreign program is left out');
} else {
  describe('OpenSSL', async () => {
    const client = selectContext(await generateTalosconfig({ clusterName: 'edge', bundle, endpoints: [], nowMs, random }));
    const file = (name: string, content: string) => {
      writeFileSync(join(folder, name), content);
      return join(folder, name);
    };
    const run = (...args: string[]) => spawnSync('openssl', args, { encoding: 'utf8' });
    const os = authorityOf(bundle, 'os');
    const at = ['-attime', String(nowMs / 1000 + 60)];

    it('verifies the administrator\'s certificate for client use, and for nothing else', () => {
      const ca = file('ca.pem', os.certificatePem);
      const crt = file('client.pem', fromBase64(client.crt!));
      assert.match(run('verify', ...at, '-purpose', 'sslclient', '-CAfile', ca, crt).stdout, /: OK/);
      assert.notEqual(run('verify', ...at, '-purpose', 'sslserver', '-CAfile', ca, crt).status, 0);
    });
    it('verifies every authority, and a server certificate with its address', () => {
      for (const name of ['os', 'k8s', 'etcd', 'k8saggregator'] as const) {
        const ca = file(`${name}.pem`, authorityOf(bundle, name).certificatePem);
        assert.match(run('verify', ...at, '-CAfile', ca, ca).stdout, /: OK/, name);
      }
      const server = file('server.pem', issueTalosServer({ authority: os, key: generateKey('ed25519'), nowMs, random, commonName: 'cp-1', ipAddresses: ['10.0.0.2'] }));
      assert.match(run('verify', ...at, '-purpose', 'sslserver', '-verify_ip', '10.0.0.2', '-CAfile', join(folder, 'os.pem'), server).stdout, /: OK/);
      assert.notEqual(run('verify', ...at, '-verify_ip', '10.0.0.3', '-CAfile', join(folder, 'os.pem'), server).status, 0);
    });
    it('reads the private keys', () => {
      assert.equal(run('pkey', '-noout', '-check', '-in', file('key.pem', toNodeKey(fromBase64(client.key!)))).status, 0);
      assert.equal(run('pkey', '-noout', '-check', '-in', file('ec.pem', fromBase64(bundle.certs.k8s.key))).status, 0);
    });
  });
}
