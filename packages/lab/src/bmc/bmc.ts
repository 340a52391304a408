/** A BMC on its address: HTTPS with a self-signed certificate of its own, as BMCs come from the factory. */
import type { Listener, TlsServerOptions } from '@keelson/std';
import { generateKey, issueCertificate } from '@keelson/std/x509';
import { readState } from '../state-file.ts';
import type { Machine } from '../machine/machine.ts';
import { redfishService } from './redfish.ts';

export interface Bmc extends AsyncDisposable {
  readonly url: string;
  /** PEM of the certificate it presents. */
  readonly certificatePem: string;
}

const yearMs = 365 * 24 * 3_600_000;

/** Listens at the machine's BMC address; opens and closes with the fault `bmc-unreachable`. */
export async function startBmc(machine: Machine, folder: string): Promise<Bmc> {
  const tls = await certificateOf(machine, folder);
  const handler = redfishService(machine);
  let listener: Listener | undefined;
  let closed = false;
  let turn: Promise<void> = Promise.resolve();
  const follow = async () => {
    const wanted = !closed && !machine.hasFault('bmc-unreachable');
    if (wanted && !listener) listener = await machine.env.net.listenHttp(machine.bmcAddress, { handler, tls });
    if (!wanted && listener) {
      const old = listener;
      listener = undefined;
      await old.close();
    }
  };
  const next = () => (turn = turn.then(follow));
  const stop = machine.watch(() => {
    if (machine.hasFault('bmc-unreachable') === (listener !== undefined)) {
      next().catch((error: unknown) => machine.env.log.error('lab BMC cannot follow its fault', { machine: machine.name, error }));
    }
  });
  await next();
  return {
    url: `https://${machine.bmcAddress.host}:${machine.bmcAddress.port}`,
    certificatePem: tls.cert,
    async [Symbol.asyncDispose]() {
      closed = true;
      stop();
      await next();
    },
  };
}

/** The BMC's own certificate, made once and kept. */
async function certificateOf(machine: Machine, folder: string): Promise<TlsServerOptions> {
  const path = `${folder}/bmc-tls.json`;
  const kept = await readState<{ cert: string; key: string }>(machine.env.files, path, `BMC ${machine.name}`);
  if (kept) return kept;
  const { privateKeyPem, publicKeyPem } = generateKey('p256');
  const nowMs = machine.env.clock.now();
  const cert = issueCertificate({
    subject: { commonName: `bmc-${machine.name}`, organizations: [machine.spec.manufacturer] },
    publicKeyPem, selfKeyPem: privateKeyPem, notBeforeMs: nowMs - 3_600_000, notAfterMs: nowMs + 10 * yearMs,
    ipAddresses: [machine.bmcAddress.host], usages: ['server'],
  });
  await machine.env.files.write(path, JSON.stringify({ cert, key: privateKeyPem }), { mode: 0o600 });
  return { cert, key: privateKeyPem };
}
