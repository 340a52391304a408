/** openssl as the judge of our certificates and keys, in files and on the wire. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseYaml } from '@keelson/kube/yaml';
import { findProgram, runProgram } from '../program.ts';
import { collectSteps, type Check } from './check.ts';
import type { ReadyKeelson } from './ready-keelson.ts';

export const opensslCheck: Check = {
  name: 'openssl', program: 'openssl', protocols: ['x509'],
  async find() {
    const path = findProgram('openssl');
    return path === undefined ? undefined : { path, release: (await runProgram(path, ['version'])).out.split(' ')[1] ?? '' };
  },
  async run({ program, folder, keelson: ready }) {
    const keelson = await ready();
    const { steps, step } = collectSteps();
    const openssl = async (...args: readonly string[]) => {
      const ran = await runProgram(program.path, args);
      assert.equal(ran.code, 0, `openssl ${args.join(' ')}: ${ran.err}${ran.out}`);
      return ran.out + ran.err;
    };
    const file = (name: string, text: string) => {
      const path = join(folder, name);
      writeFileSync(path, text, { mode: 0o600 });
      return path;
    };
    const pki = (name: string) => join(keelson.dataDir, 'pki', name);
    await step('the chain of the API server: serving and client certificate, strictly', async () => {
      await openssl('verify', '-x509_strict', '-CAfile', pki('ca.crt'), '-purpose', 'sslserver', '-verify_ip', '127.0.0.1', pki('serving.crt'));
      await openssl('verify', '-x509_strict', '-CAfile', pki('ca.crt'), '-purpose', 'sslclient', pki('admin.crt'));
      for (const name of ['ca.key', 'serving.key', 'admin.key']) await openssl('pkey', '-check', '-noout', '-in', pki(name));
    });
    await step('a handshake with the API server, verified', async () => {
      const [, host, port] = /server: https:\/\/([^:]+):(\d+)/.exec(readFileSync(keelson.kubeconfig, 'utf8'))!;
      await openssl('s_client', '-connect', `${host}:${port}`, '-CAfile', pki('ca.crt'), '-verify_return_error', '-verify_ip', host!, '-brief');
    });
    const cluster = clusterCredentials(keelson);
    await step('the workload cluster\'s chain: client certificate, and a verified handshake with its API', async () => {
      const ca = file('edge-ca.crt', cluster.kubernetes.ca);
      const cert = file('edge-admin.crt', cluster.kubernetes.cert);
      await openssl('verify', '-x509_strict', '-CAfile', ca, '-purpose', 'sslclient', cert);
      const { hostname, port } = new URL(cluster.kubernetes.server);
      await openssl('s_client', '-connect', `${hostname}:${port}`, '-CAfile', ca, '-verify_return_error', '-verify_ip', hostname, '-cert', cert, '-key', file('edge-admin.key', cluster.kubernetes.key), '-brief');
    });
    await step('the Talos chain (Ed25519): client certificate, and a verified mTLS handshake with a node', async () => {
      const ca = file('talos-ca.crt', cluster.talos.ca);
      const cert = file('talos-admin.crt', cluster.talos.cert);
      // Talos writes PKCS#8 under a label of its own; openssl knows only the standard one.
      const key = file('talos-admin.key', cluster.talos.key.replaceAll('ED25519 PRIVATE KEY', 'PRIVATE KEY'));
      await openssl('verify', '-x509_strict', '-CAfile', ca, '-purpose', 'sslclient', cert);
      await openssl('pkey', '-check', '-noout', '-in', key);
      const said = await openssl('s_client', '-connect', `${cluster.talos.endpoint}:50000`, '-alpn', 'h2', '-CAfile', ca, '-verify_return_error', '-verify_ip', cluster.talos.endpoint, '-cert', cert, '-key', key, '-brief');
      assert.match(said, /Verification: OK/);
    });
    return { rows: [{ protocol: 'x509', steps }] };
  },
};

interface Credentials {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

function clusterCredentials({ edgeKubeconfig, edgeTalosconfig }: ReadyKeelson): { kubernetes: Credentials & { server: string }; talos: Credentials & { endpoint: string } } {
  const pem = (text: string) => Buffer.from(text, 'base64').toString('utf8');
  // The shapes are the public ones of the two files.
  const kubeconfig = parseYaml(readFileSync(edgeKubeconfig, 'utf8')) as { clusters: { cluster: Record<string, string> }[]; users: { user: Record<string, string> }[] };
  const { cluster } = kubeconfig.clusters[0]!;
  const { user } = kubeconfig.users[0]!;
  const talosconfig = parseYaml(readFileSync(edgeTalosconfig, 'utf8')) as { context: string; contexts: Record<string, { endpoints: string[]; ca: string; crt: string; key: string }> };
  const context = talosconfig.contexts[talosconfig.context]!;
  return {
    kubernetes: { server: cluster['server']!, ca: pem(cluster['certificate-authority-data']!), cert: pem(user['client-certificate-data']!), key: pem(user['client-key-data']!) },
    talos: { endpoint: context.endpoints[0]!, ca: pem(context.ca), cert: pem(context.crt), key: pem(context.key) },
  };
}
