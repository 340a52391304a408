import assert from 'node:assert/strict';
import { constants, gzipSync } from 'node:zlib';
import { describe, it } from 'node:test';
import { GrpcError, grpcStatus, ProblemError, seededRandom, type GrpcCall, type GrpcHandler, type TlsServerOptions } from '@keelson/std';
import { virtualEnv } from '@keelson/std/testing';
import { generateKey, parseCertificate } from '@keelson/std/x509';
import { authorityOf, currentContract, generateSecretsBundle, generateTalosconfig, issueAuthority, issueTalosServer, selectContext, tlsOfContext } from '../pki/index.ts';
import { decode, encode, eventTypePrefix, talosMethods, type Encodable, type RequestOf, type ResponseOf, type TalosMethod } from '../wire/index.ts';
import { createTalosClient, createTalosClientFromConfig, formatAddress, grpcCodeOf, isTalosProblem, parseTalosEndpoint, stateTypes, type TalosClient, type TalosTls } from './index.ts';

const env = virtualEnv({ startMs: Date.parse('2026-11-20T12:00:00Z') });
const nowMs = env.clock.now();
const random = seededRandom(3);
const bundle = await generateSecretsBundle({ contract: currentContract, nowMs, random, serviceAccountKey: 'p256' });
const talosconfig = await generateTalosconfig({ clusterName: 'edge', bundle, endpoints: ['10.0.0.2'], nowMs, random });
const address = { host: '10.0.0.2', port: 50_000 };
const machine = talosMethods['machine.MachineService'];
const state = talosMethods['cosi.resource.State'];
const allMethods: readonly TalosMethod[] = Object.values(talosMethods).flatMap((service) => Object.values(service));

const configuredTls = (): TlsServerOptions => {
  const key = generateKey('ed25519');
  const cert = issueTalosServer({ authority: authorityOf(bundle, 'os'), key, nowMs, random, commonName: 'cp-1', ipAddresses: ['10.0.0.2'] });
  return { cert, key: key.privateKeyPem, clientCa: authorityOf(bundle, 'os').certificatePem, requireClientCert: true };
};
const maintenanceTls = (): TlsServerOptions => {
  const key = generateKey('ed25519');
  return { cert: issueAuthority({ key, nowMs, random, organization: 'maintenance' }), key: key.privateKeyPem };
};

type Answer<M extends TalosMethod> = (request: RequestOf<M>, call: GrpcCall) => Iterable<Encodable<ResponseOf<M>>> | AsyncIterable<Encodable<ResponseOf<M>>>;

/** A node in a few lines: answers by method, each with one request. */
class Node {
  readonly answers = new Map<string, Answer<TalosMethod>>();
  readonly calls: { readonly path: string; readonly request: unknown; readonly metadata: GrpcCall['metadata'] }[] = [];

  on<M extends TalosMethod>(method: M, answer: Answer<M>): this {
    // Keyed by the method's path, so the request is of this method when it is called.
    this.answers.set(method.path, answer as unknown as Answer<TalosMethod>);
    return this;
  }

  readonly handler: GrpcHandler = (call) => this.answer(call);

  private async *answer(call: GrpcCall): AsyncGenerator<Uint8Array> {
    const method = allMethods.find(({ path }) => path === call.path)!;
    const answer = this.answers.get(call.path);
    if (!answer) throw new GrpcError(grpcStatus.unimplemented, 'not in this test');
    for await (const message of call.messages) {
      const request = decode(method.request, message);
      this.calls.push({ path: call.path, request, metadata: call.metadata });
      for await (const reply of answer(request, call)) yield encode(method.response, reply as never);
    }
  }
}

async function withNode<T>(node: Node, work: (client: TalosClient) => Promise<T>, { tls = tlsOfContext(selectContext(talosconfig)), serverTls = configuredTls() }: { tls?: TalosTls; serverTls?: TlsServerOptions } = {}): Promise<T> {
  await using _listener = await env.net.listenGrpc(address, { methods: allMethods, handler: node.handler, tls: serverTls });
  using client = createTalosClient({ net: env.net, address, tls });
  return await work(client);
}

const refusal = (code: number, message: string): never => {
  throw new GrpcError(code, message);
};

async function problemOf(work: Promise<unknown>): Promise<ProblemError> {
  try {
    await work;
  } catch (error) {
    assert.ok(error instanceof ProblemError, String(error));
    return error;
  }
  return assert.fail('nothing was thrown');
}

describe('TalosClient', () => {
  it('tells the version and the platform', async () => {
    const node = new Node().on(machine.Version, () => [{ messages: [{ version: { tag: 'v1.14.1', arch: 'amd64' }, platform: { name: 'metal', mode: 'metal' }, features: { rbac: true } }] }]);
    const version = await withNode(node, (client) => client.version());
    assert.deepEqual(version, { tag: 'v1.14.1', sha: '', built: '', goVersion: '', os: '', arch: 'amd64', platform: 'metal', mode: 'metal', rbac: true });
  });

  it('applies a configuration with its mode and reports what the node says', async () => {
    const node = new Node().on(machine.ApplyConfiguration, () => [{ messages: [{ warnings: ['old field'], mode: 'NO_REBOOT', modeDetails: 'Applied configuration without a reboot' }] }]);
    const result = await withNode(node, (client) => client.applyConfiguration('version: v1alpha1\n', { mode: 'TRY', dryRun: true, tryTimeoutMs: 90_500 }));
    assert.deepEqual(result, { mode: 'NO_REBOOT', modeDetails: 'Applied configuration without a reboot', warnings: ['old field'] });
    assert.deepEqual(node.calls[0]!.request, { data: new TextEncoder().encode('version: v1alpha1\n'), mode: 'TRY', dryRun: true, tryModeTimeout: { seconds: 90n, nanos: 500_000_000 } });
  });

  it('takes a cluster that is bootstrapped already for bootstrapped', async () => {
    const fresh = new Node().on(machine.Bootstrap, () => [{ messages: [{}] }]);
    const done = new Node().on(machine.Bootstrap, () => refusal(grpcStatus.alreadyExists, 'etcd data directory is not empty'));
    assert.deepEqual(await withNode(fresh, (client) => client.bootstrap()), { bootstrapped: true });
    assert.deepEqual(await withNode(done, (client) => client.bootstrap()), { bootstrapped: false });
  });

  it('lists services with their health, where they have one', async () => {
    const node = new Node().on(machine.ServiceList, () => [
      { messages: [{ services: [{ id: 'etcd', state: 'Preparing', health: { unknown: true }, events: { events: [{ msg: 'Running pre state' }] } }, { id: 'kubelet', state: 'Running', health: { healthy: true, lastMessage: 'ok' } }] }] },
    ]);
    assert.deepEqual(await withNode(node, (client) => client.serviceList()), [
      { id: 'etcd', state: 'Preparing', healthy: undefined, lastMessage: 'Running pre state' },
      { id: 'kubelet', state: 'Running', healthy: true, lastMessage: 'ok' },
    ]);
  });

  it('streams events without the first, empty one, and ends with the signal', async () => {
    const stop = new AbortController();
    const node = new Node().on(machine.Events, async function* (_request, call) {
      yield {};
      yield { id: 'e1', actorId: 'a1', data: { typeUrl: `${eventTypePrefix}machine.SequenceEvent`, value: encode('machine.SequenceEvent', { sequence: 'boot', action: 'START' }) } };
      yield { id: 'e2', data: { typeUrl: `${eventTypePrefix}machine.FutureEvent`, value: new Uint8Array() } };
      await new Promise<void>((resolve) => call.signal.addEventListener('abort', () => resolve(), { once: true }));
    });
    const seen = await withNode(node, async (client) => {
      const out: unknown[] = [];
      for await (const event of client.events({ tailEvents: -1, actorId: 'a1', signal: stop.signal })) {
        out.push(event);
        if (out.length === 2) stop.abort();
      }
      return out;
    });
    assert.deepEqual(seen, [
      { id: 'e1', actorId: 'a1', type: 'machine.SequenceEvent', value: { sequence: 'boot', action: 'START' } },
      { id: 'e2', actorId: '', type: 'machine.FutureEvent', value: undefined },
    ]);
    assert.deepEqual(node.calls[0]!.request, { tailEvents: -1, tailId: '', tailSeconds: 0, withActorId: 'a1' });
  });

  it('ends a stream quietly at its deadline', async () => {
    const node = new Node().on(machine.Events, async function* (_request, call) {
      yield {};
      await new Promise<void>((resolve) => call.signal.addEventListener('abort', () => resolve(), { once: true }));
    });
    await withNode(node, async (client) => {
      const work = (async () => {
        for await (const _event of client.events({ timeoutMs: 5000 })) assert.fail('there is no event');
        return 'ended';
      })();
      await env.clock.advance(5001);
      assert.equal(await work, 'ended');
    });
  });

  it('sends a reset as it was asked for', async () => {
    const node = new Node().on(machine.Reset, () => [{ messages: [{ actorId: 'actor-1' }] }]);
    await withNode(node, async (client) => {
      assert.equal(await client.reset({ graceful: false, reboot: true, mode: 'SYSTEM_DISK', systemPartitionsToWipe: ['STATE', 'EPHEMERAL'], userDisksToWipe: ['/dev/sdb'] }), 'actor-1');
      await client.reset();
    });
    const partitions = [{ label: 'STATE', wipe: true }, { label: 'EPHEMERAL', wipe: true }];
    assert.deepEqual(node.calls.map((call) => call.request), [
      { graceful: false, reboot: true, systemPartitionsToWipe: partitions, userDisksToWipe: ['/dev/sdb'], mode: 'SYSTEM_DISK' },
      { graceful: true, reboot: false, systemPartitionsToWipe: [], userDisksToWipe: [], mode: 'ALL' },
    ]);
  });

  it('reboots, shuts down and reads the boot id', async () => {
    const node = new Node()
      .on(machine.Reboot, () => [{ messages: [{ actorId: 'r' }] }])
      .on(machine.Shutdown, () => [{ messages: [{ actorId: 's' }] }])
      .on(machine.Read, () => [{ bytes: new TextEncoder().encode('1234-') }, { bytes: new TextEncoder().encode('5678\n') }]);
    await withNode(node, async (client) => {
      assert.equal(await client.reboot({ mode: 'POWERCYCLE', node: '10.0.0.9' }), 'r');
      assert.equal(await client.shutdown({ force: true }), 's');
      assert.equal(await client.bootId(), '1234-5678');
    });
    assert.deepEqual(node.calls.map(({ request }) => request), [{ mode: 'POWERCYCLE' }, { force: true }, { path: '/proc/sys/kernel/random/boot_id' }]);
    assert.deepEqual(node.calls.map(({ metadata }) => metadata['node']), ['10.0.0.9', undefined, undefined]);
  });

  it('reads etcd\'s members with ids above 2^53, and asks to leave', async () => {
    const id = 0xfedcba9876543210n;
    const node = new Node()
      .on(machine.EtcdMemberList, () => [{ messages: [{ members: [{ id, hostname: 'cp-1', peerUrls: ['https://10.0.0.2:2380'] }] }] }])
      .on(machine.EtcdForfeitLeadership, () => [{ messages: [{ member: 'cp-2' }] }])
      .on(machine.EtcdLeaveCluster, () => [{ messages: [{}] }])
      .on(machine.EtcdRemoveMemberByID, () => [{ messages: [{}] }]);
    await withNode(node, async (client) => {
      assert.deepEqual(await client.etcdMemberList({ queryLocal: true }), [{ id, hostname: 'cp-1', peerUrls: ['https://10.0.0.2:2380'], clientUrls: [], isLearner: false }]);
      assert.equal(await client.etcdForfeitLeadership(), 'cp-2');
      await client.etcdLeaveCluster();
      await client.etcdRemoveMember(id);
    });
    assert.deepEqual(node.calls.map(({ request }) => request), [{ queryLocal: true }, {}, {}, { memberId: id }]);
  });
});

describe('TalosClient.kubeconfig', () => {
  const tarOf = (name: string, content: string) => {
    const header = Buffer.alloc(512);
    header.write(name, 0);
    header.write('0000600\0', 100);
    header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124);
    header.write('0', 156);
    header.write('ustar\x0000', 257);
    return Buffer.concat([header, Buffer.from(content)]);
  };
  const kubeconfig = 'apiVersion: v1\nkind: Config\n';

  it('unpacks an archive without its end, in several messages', async () => {
    const archive = new Uint8Array(gzipSync(tarOf('kubeconfig', kubeconfig), { finishFlush: constants.Z_SYNC_FLUSH }));
    const node = new Node().on(machine.Kubeconfig, () => [{ bytes: archive.subarray(0, 20) }, { bytes: archive.subarray(20) }]);
    assert.equal(await withNode(node, (client) => client.kubeconfig()), kubeconfig);
  });
  it('says when the archive is cut short', async () => {
    const node = new Node().on(machine.Kubeconfig, () => [{ bytes: new Uint8Array(gzipSync(tarOf('kubeconfig', kubeconfig).subarray(0, 520))) }]);
    await assert.rejects(withNode(node, (client) => client.kubeconfig()), /ends within kubeconfig: 8 of 28 bytes/);
  });
});

describe('TalosClient on COSI state', () => {
  const status = { metadata: { namespace: 'runtime', type: stateTypes.machineStatus.type, id: 'machine', version: '3', phase: 'running' }, spec: { yamlSpec: 'stage: running\nstatus:\n    ready: false\n    unmetConditions:\n        - name: nodeReady\n          reason: not yet\n' } };

  it('reads the machine status, and nothing where there is none', async () => {
    const there = new Node().on(state.Get, () => [{ resource: status }]);
    const absent = new Node().on(state.Get, () => refusal(grpcStatus.notFound, 'resource runtime/machine is not found'));
    assert.deepEqual(await withNode(there, (client) => client.machineStatus()), { stage: 'running', ready: false, unmetConditions: [{ name: 'nodeReady', reason: 'not yet' }] });
    assert.deepEqual(there.calls[0]!.request, { namespace: 'runtime', type: 'MachineStatuses.runtime.talos.dev', id: 'machine' });
    assert.equal(await withNode(absent, (client) => client.machineStatus()), undefined);
  });

  it('lists disks and volumes, and finds the system disk', async () => {
    const resource = (type: string, id: string, yamlSpec: string) => ({ resource: { metadata: { namespace: 'runtime', type, id }, spec: { yamlSpec } } });
    const node = new Node()
      .on(state.List, ({ type }) =>
        type === stateTypes.disks.type
          ? [resource(type, 'sda', 'dev_path: /dev/sda\nsize: 500107862016\nserial: S1\ntransport: sata\nrotational: true\nsymlinks: [/dev/disk/by-id/x]\n'), resource(type, 'sr0', 'dev_path: /dev/sr0\nsize: 1\ncdrom: true\nreadonly: true\n')]
          : [resource(type, 'EPHEMERAL', 'phase: ready\nlocation: /dev/sda6\nsize: 1024\nfilesystem: xfs\n')],
      )
      .on(state.Get, () => [resource(stateTypes.systemDisk.type, 'system-disk', 'diskID: sda\ndevPath: /dev/sda\n')]);
    await withNode(node, async (client) => {
      const disks = await client.disks();
      assert.deepEqual(disks.map(({ id, sizeBytes, serial, rotational, cdrom, symlinks }) => ({ id, sizeBytes, serial, rotational, cdrom, symlinks })), [
        { id: 'sda', sizeBytes: 500_107_862_016, serial: 'S1', rotational: true, cdrom: false, symlinks: ['/dev/disk/by-id/x'] },
        { id: 'sr0', sizeBytes: 1, serial: '', rotational: false, cdrom: true, symlinks: [] },
      ]);
      assert.equal(await client.systemDisk(), 'sda');
      assert.deepEqual(await client.volumes(), [{ id: 'EPHEMERAL', phase: 'ready', location: '/dev/sda6', sizeBytes: 1024, filesystem: 'xfs', errorMessage: '' }]);
    });
  });

  it('watches one resource or a type, past the acknowledgement', async () => {
    const node = new Node().on(state.Watch, () => [{}, { event: [{ eventType: 'CREATED', resource: status }] }, { event: [{ eventType: 'BOOTSTRAPPED' }, { eventType: 'ERRORED', error: 'overflow' }] }]);
    await withNode(node, async (client) => {
      const kinds: unknown[] = [];
      for await (const event of client.stateWatch(stateTypes.machineStatus)) kinds.push([event.kind, event.resource?.metadata.id, event.error]);
      assert.deepEqual(kinds, [['created', 'machine', undefined], ['bootstrapped', undefined, undefined], ['errored', undefined, 'overflow']]);
      for await (const _event of client.stateWatch(stateTypes.machineStatus, { id: 'machine' })) break;
    });
    assert.deepEqual(node.calls.map(({ request }) => request), [
      { namespace: 'runtime', type: stateTypes.machineStatus.type, apiVersion: 1, options: { bootstrapContents: true, tailEvents: 0, labelQuery: [], aggregated: false, bootstrapBookmark: false } },
      { namespace: 'runtime', type: stateTypes.machineStatus.type, id: 'machine', apiVersion: 1 },
    ]);
  });
});

describe('TalosClient.upgrade', () => {
  const version = (tag: string) => () => [{ messages: [{ version: { tag } }] }];
  it('pulls and writes the image on 1.13 and later, and leaves the reboot to the caller', async () => {
    const lines: string[] = [];
    const node = new Node()
      .on(machine.Version, version('v1.14.1'))
      .on(talosMethods['machine.ImageService'].Pull, () => [{ pullProgress: { layerId: 'l' } }, { name: 'installer@sha256:1' }])
      .on(talosMethods['machine.LifecycleService'].Upgrade, () => [{ progress: { message: 'writing' } }, { progress: { exitCode: 0 } }]);
    const result = await withNode(node, (client) => client.upgrade({ image: 'installer:v1.14.2', onProgress: (line) => lines.push(line) }));
    assert.deepEqual([result, lines], [{ needsReboot: true, actorId: '' }, ['writing']]);
    const containerd = { driver: 'CONTAINERD', namespace: 'NS_SYSTEM' };
    assert.deepEqual(node.calls.slice(1).map(({ request }) => request), [{ containerd, imageRef: 'installer:v1.14.2' }, { containerd, source: { imageName: 'installer@sha256:1' } }]);
  });
  it('fails with the installer\'s last line when it ends badly', async () => {
    const node = new Node()
      .on(machine.Version, version('v1.14.1'))
      .on(talosMethods['machine.ImageService'].Pull, () => [{ name: 'x' }])
      .on(talosMethods['machine.LifecycleService'].Upgrade, () => [{ progress: { message: 'disk is too small' } }, { progress: { exitCode: 3 } }]);
    const error = await problemOf(withNode(node, (client) => client.upgrade({ image: 'x' })));
    assert.match(error.problem.why, /exit code 3: disk is too small/);
  });
  it('uses the call of old on 1.12', async () => {
    const node = new Node().on(machine.Version, version('v1.12.4')).on(machine.Upgrade, () => [{ messages: [{ actorId: 'u' }] }]);
    assert.deepEqual(await withNode(node, (client) => client.upgrade({ image: 'x:v1.12.5' })), { needsReboot: false, actorId: 'u' });
    assert.deepEqual(node.calls[1]!.request, { image: 'x:v1.12.5', preserve: true, stage: false, force: false, rebootMode: 'DEFAULT' });
  });
});

describe('failures of a TalosClient', () => {
  const admin = tlsOfContext(selectContext(talosconfig));
  const version = new Node().on(machine.Version, () => [{ messages: [{ version: { tag: 'v1.14.1' } }] }]);

  it('says that nobody answers', async () => {
    using client = createTalosClient({ net: env.net, address, tls: admin });
    const error = await problemOf(client.version());
    assert.equal(error.problem.code, 'TALOS.UNREACHABLE');
    assert.equal(error.problem.where, '10.0.0.2:50000');
    assert.ok(isTalosProblem(error, 'unreachable') && grpcCodeOf(error) === grpcStatus.unavailable);
  });
  it('says that an answer takes too long', async () => {
    const slow = new Node().on(machine.Version, async function* (_request, call) {
      await new Promise<void>((resolve) => call.signal.addEventListener('abort', () => resolve(), { once: true }));
    });
    await withNode(slow, async (client) => {
      const work = problemOf(client.version({ timeoutMs: 2000 }));
      await env.clock.advance(2001);
      assert.equal((await work).problem.code, 'TALOS.UNREACHABLE');
    });
  });
  it('does not talk to a machine that another authority vouches for', async () => {
    const error = await problemOf(withNode(version, (client) => client.version(), { serverTls: maintenanceTls() }));
    assert.equal(error.problem.code, 'TALOS.UNTRUSTED');
  });
  it('throws the signal\'s reason when it was told to stop', async () => {
    const reason = new Error('enough');
    await assert.rejects(withNode(version, (client) => client.version({ signal: AbortSignal.abort(reason) })), reason);
  });

  it('talks to a machine in maintenance without a certificate, pinned where asked', async () => {
    const serverTls = maintenanceTls();
    const pinnedSha256 = parseCertificate(serverTls.cert).sha256Fingerprint;
    assert.equal((await withNode(version, (client) => client.version(), { tls: { maintenance: true }, serverTls })).tag, 'v1.14.1');
    assert.equal((await withNode(version, (client) => client.version(), { tls: { maintenance: true, pinnedSha256 }, serverTls })).tag, 'v1.14.1');
    const error = await problemOf(withNode(version, (client) => client.version(), { tls: { maintenance: true, pinnedSha256: '00'.repeat(32) }, serverTls }));
    assert.equal(error.problem.code, 'TALOS.UNTRUSTED');
  });
  it('says that a machine is not in maintenance when it asks for a certificate', async () => {
    const error = await problemOf(withNode(version, (client) => client.version(), { tls: { maintenance: true } }));
    assert.equal(error.problem.code, 'TALOS.NOT_IN_MAINTENANCE');
  });

  it('says that a machine does not take the certificate of another cluster', async () => {
    const other = await generateSecretsBundle({ contract: currentContract, nowMs, random, serviceAccountKey: 'p256' });
    const foreign = tlsOfContext(selectContext(await generateTalosconfig({ clusterName: 'other', bundle: other, endpoints: [], nowMs, random })));
    const error = await problemOf(withNode(version, (client) => client.version(), { tls: { ...foreign, ca: admin.ca! } }));
    assert.equal(error.problem.code, 'TALOS.UNAUTHORIZED');
  });

  /** Messages of real connections to a server of upstream's gRPC library. */
  const recorded: readonly [string, TalosTls, string, string][] = [
    ['No connection established. Last error: Error: connect ECONNREFUSED 127.0.0.1:50999. Resolution note: ', admin, 'TALOS.UNREACHABLE', 'No connection established. Last error: Error: connect ECONNREFUSED 127.0.0.1:50999'],
    [
      'No connection established. Last error: 40DD052A377F0000:error:0A00045C:SSL routines:ssl3_read_bytes:tlsv13 alert certificate required:../deps/openssl/openssl/ssl/record/rec_layer_s3.c:918:SSL alert number 116\n (2026-11-20T11:44:29.796Z). Resolution note: ',
      { maintenance: true },
      'TALOS.NOT_IN_MAINTENANCE',
      'No connection established. Last error: error:0A00045C:SSL routines:ssl3_read_bytes:tlsv13 alert certificate required:../deps/openssl/openssl/ssl/record/rec_layer_s3.c:918:SSL alert number 116',
    ],
    [
      'No connection established. Last error: 40DD052A377F0000:error:0A000418:SSL routines:ssl3_read_bytes:tlsv1 alert unknown ca:../deps/openssl/openssl/ssl/record/rec_layer_s3.c:918:SSL alert number 48\n (2026-11-20T11:44:29.816Z). Resolution note: ',
      admin,
      'TALOS.UNAUTHORIZED',
      'No connection established. Last error: error:0A000418:SSL routines:ssl3_read_bytes:tlsv1 alert unknown ca:../deps/openssl/openssl/ssl/record/rec_layer_s3.c:918:SSL alert number 48',
    ],
    ['No connection established. Last error: Error: self-signed certificate; if the root CA is installed locally, try running Node.js with --use-system-ca. Resolution note: ', admin, 'TALOS.UNTRUSTED', 'No connection established. Last error: Error: self-signed certificate; if the root CA is installed locally, try running Node.js with --use-system-ca'],
  ];
  for (const [message, tls, code, why] of recorded) {
    it(`reads the message of a real connection as ${code}, the same at every try`, async () => {
      const channel = {
        async *call() {
          throw new GrpcError(grpcStatus.unavailable, message);
        },
        close() {},
      };
      using client = createTalosClient({ net: { ...env.net, grpc: () => channel }, address, tls });
      const { problem } = await problemOf(client.version());
      assert.deepEqual([problem.code, problem.why], [code, why]);
    });
  }

  const mapped: readonly [string, keyof typeof machine, number, string, TalosTls | undefined, string][] = [
    ['a role that does not suffice', 'Version', grpcStatus.permissionDenied, 'not authorized', undefined, 'TALOS.UNAUTHORIZED'],
    ['a method of a configured machine in maintenance', 'Version', grpcStatus.permissionDenied, 'not authorized', { maintenance: true }, 'TALOS.IN_MAINTENANCE'],
    ['a bootstrap that is too early', 'Bootstrap', grpcStatus.failedPrecondition, 'bootstrap is not available yet', undefined, 'TALOS.NOT_READY'],
    ['a method that a worker has not', 'Bootstrap', grpcStatus.unimplemented, 'Bootstrap is only available on control plane nodes', undefined, 'TALOS.UNSUPPORTED'],
    ['a configuration that is refused', 'ApplyConfiguration', grpcStatus.invalidArgument, 'unknown keys found', undefined, 'TALOS.INVALID_CONFIG'],
    ['a fault of the machine', 'Version', grpcStatus.internal, 'boom', undefined, 'TALOS.CALL_FAILED'],
  ];
  for (const [what, method, code, message, tls, expected] of mapped) {
    it(`names ${what}`, async () => {
      const node = new Node().on(machine[method], () => refusal(code, message));
      const call = (client: TalosClient): Promise<unknown> => (method === 'Bootstrap' ? client.bootstrap() : method === 'ApplyConfiguration' ? client.applyConfiguration('x') : client.version());
      const error = await problemOf(withNode(node, call, tls ? { tls, serverTls: maintenanceTls() } : {}));
      assert.deepEqual([error.problem.code, error.problem.why, grpcCodeOf(error)], [expected, message, code]);
    });
  }
});

describe('createTalosClientFromConfig', () => {
  it('goes to the first endpoint, or to the one that is asked for', () => {
    assert.equal(createTalosClientFromConfig({ net: env.net, talosconfig }).address, '10.0.0.2:50000');
    assert.equal(createTalosClientFromConfig({ net: env.net, talosconfig, endpoint: 'https://lb.example' }).address, 'lb.example:443');
    assert.throws(() => createTalosClientFromConfig({ net: env.net, talosconfig: { context: 'a', contexts: { a: { endpoints: [] } } } }), /context a has no endpoints/);
  });
});

describe('parseTalosEndpoint', () => {
  const cases: readonly [string, string | undefined][] = [
    ['10.0.0.2', '10.0.0.2:50000'], ['10.0.0.3:50001', '10.0.0.3:50001'], ['cp.example', 'cp.example:50000'], ['https://lb.example', 'lb.example:443'], ['https://lb.example:8443/', 'lb.example:8443'],
    ['fd00::2', '[fd00::2]:50000'], ['[fd00::2]', '[fd00::2]:50000'], ['[fd00::2]:50001', '[fd00::2]:50001'], ['', undefined], ['a b', undefined], ['host:0', undefined], ['host:99999', undefined], ['http://x', undefined],
  ];
  for (const [text, expected] of cases) {
    it(`reads ${JSON.stringify(text)}`, () => {
      const parsed = parseTalosEndpoint(text);
      assert.equal(parsed && formatAddress(parsed), expected);
    });
  }
});
