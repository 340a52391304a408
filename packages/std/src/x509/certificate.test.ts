import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { checkCertificate, generateKey, isIssuedBy, issueCertificate, parseCertificate, type KeyAlgorithm } from './index.ts';

const now = Date.UTC(2026, 0, 1);
const year = 365 * 86_400_000;

function authority(algorithm: KeyAlgorithm) {
  const key = generateKey(algorithm);
  const certificatePem = issueCertificate({
    subject: { organizations: ['talos'] }, publicKeyPem: key.publicKeyPem, selfKeyPem: key.privateKeyPem,
    notBeforeMs: now, notAfterMs: now + 10 * year, ca: true,
  });
  return { certificatePem, privateKeyPem: key.privateKeyPem };
}

for (const algorithm of ['ed25519', 'p256', 'rsa2048'] as const) {
  test(`issues a certificate under an authority with an ${algorithm} key that reads back as it was asked for`, () => {
    const ca = authority(algorithm);
    const key = generateKey('p256');
    const pem = issueCertificate({
      subject: { commonName: 'node-1', organizations: ['system:masters', 'os:admin'] }, publicKeyPem: key.publicKeyPem, issuer: ca,
      notBeforeMs: now, notAfterMs: now + year, dnsNames: ['node-1.example'], ipAddresses: ['127.0.0.1'], usages: ['server', 'client'],
    });
    const info = parseCertificate(pem);
    assert.equal(info.commonName, 'node-1');
    assert.deepEqual(info.organizations, ['system:masters', 'os:admin']);
    assert.deepEqual([info.dnsNames, info.ipAddresses], [['node-1.example'], ['127.0.0.1']]);
    assert.deepEqual([info.notBeforeMs, info.notAfterMs, info.isCa], [now, now + year, false]);
    assert.equal(checkCertificate(pem, ca.certificatePem, now + 1000), undefined);
    assert.match(checkCertificate(pem, ca.certificatePem, now + 2 * year) ?? '', /expired/);
    assert.match(checkCertificate(pem, ca.certificatePem, now - 1000) ?? '', /not valid before/);
    assert.match(checkCertificate(pem, authority('p256').certificatePem, now) ?? '', /unknown authority/);
    assert.equal(isIssuedBy(ca.certificatePem, ca.certificatePem), true);
  });
}

const openssl = spawnSync('openssl', ['version']).status === 0;
test('openssl verifies the chain', { skip: openssl ? false : 'openssl is not installed' }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'keelson-x509-'));
  try {
    const ca = authority('ed25519');
    const key = generateKey('ed25519');
    const leaf = issueCertificate({ subject: { commonName: 'a' }, publicKeyPem: key.publicKeyPem, issuer: ca, notBeforeMs: now, notAfterMs: now + year, usages: ['server'] });
    writeFileSync(join(folder, 'ca.pem'), ca.certificatePem);
    writeFileSync(join(folder, 'leaf.pem'), leaf);
    const run = spawnSync('openssl', ['verify', '-attime', String(now / 1000 + 60), '-x509_strict', '-CAfile', join(folder, 'ca.pem'), join(folder, 'leaf.pem')], { encoding: 'utf8' });
    assert.equal(run.status, 0, run.stdout + run.stderr);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
