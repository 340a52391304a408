/** talosctl against the lab's Talos nodes (does the lab read the protocol as its authors do?), and as the judge of the machine configurations we render. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseYaml } from '@keelson/kube/yaml';
import { findProgram, runProgram, startProgram, type RunningProgram } from '../program.ts';
import { collectSteps, type Check, type Steps } from './check.ts';
import type { ReadyKeelson } from './ready-keelson.ts';

export const talosctlCheck: Check = {
  name: 'talosctl', program: 'talosctl', protocols: ['talos-node', 'talos-machine-config', 'talosconfig'],
  async find() {
    const path = findProgram('talosctl');
    if (!path) return undefined;
    const { out } = await runProgram(path, ['version', '--client', '--short']);
    return { path, release: /v\d+\.\d+\.\S+/.exec(out)?.[0] ?? out.trim() };
  },
  async run(context) {
    const keelson = await context.keelson();
    const talos = await openTalos(context.program.path, keelson);
    const node = collectSteps();
    const configuration = collectSteps();
    const talosconfig = collectSteps();
    await talosconfig.step('our talosconfig is read, and its certificate is accepted by every node', async () => {
      assert.equal(talos.nodes.length, 5);
      for (const address of talos.nodes) await talos.t(address, 'version', '--short');
    });
    await observing(node, talos);
    await resources(node, talos);
    await etcd(node, talos);
    await kubeconfig(node, talos, context.folder);
    await machineConfigs(configuration, talos, context.folder);
    return { rows: [{ protocol: 'talosconfig', steps: talosconfig.steps }, { protocol: 'talos-node', steps: node.steps }, { protocol: 'talos-machine-config', steps: configuration.steps }] };
  },
};

interface Talos {
  readonly controlPlane: readonly string[];
  readonly nodes: readonly string[];
  /** Runs talosctl against a node; throws with what it said when it fails. */
  t(node: string, ...args: readonly string[]): Promise<string>;
  /** Runs talosctl against a node; it must fail. Answers what it said. */
  refused(node: string, ...args: readonly string[]): Promise<string>;
  /** Runs talosctl without a node. */
  offline(...args: readonly string[]): Promise<void>;
  /** Starts a command that goes on. */
  follow(node: string, ...args: readonly string[]): RunningProgram;
}

async function openTalos(path: string, keelson: ReadyKeelson): Promise<Talos> {
  const parsed = parseYaml(readFileSync(keelson.edgeTalosconfig, 'utf8')) as { context: string; contexts: Record<string, { endpoints: string[] }> };
  const controlPlane = parsed.contexts[parsed.context]!.endpoints;
  const target = (node: string) => ['--talosconfig', keelson.edgeTalosconfig, '--nodes', node, '--endpoints', controlPlane[0]!];
  const run = (node: string, args: readonly string[]) => runProgram(path, [...target(node), ...args], { timeoutMs: 60_000 });
  const t = async (node: string, ...args: readonly string[]): Promise<string> => {
    const { code, out, err } = await run(node, args);
    if (code !== 0) throw new Error(`talosctl ${args.join(' ')} on ${node} ended with ${code}: ${err}${out}`);
    return out;
  };
  const members = await t(controlPlane[0]!, 'get', 'members', '-o', 'json');
  const nodes = documentsOf(members).map(({ spec }) => (spec as { addresses: string[] }).addresses[0]!);
  return {
    controlPlane, nodes, t,
    follow: (node, ...args) => startProgram(path, [...target(node), ...args]),
    async offline(...args) {
      const { code, out, err } = await runProgram(path, args);
      assert.equal(code, 0, `talosctl ${args.join(' ')}: ${err}${out}`);
    },
    async refused(node, ...args) {
      const { code, out, err } = await run(node, args);
      assert.notEqual(code, 0, `talosctl ${args.join(' ')} was not refused: ${out}`);
      return err + out;
    },
  };
}

/** `-o json` prints one document after another. */
function documentsOf(text: string): { spec: unknown; metadata: { id: string } }[] {
  return text.split(/\n(?=\{)/).filter((part) => part.trim() !== '').map((part) => JSON.parse(part) as { spec: unknown; metadata: { id: string } });
}

async function observing({ step }: Steps, { t, refused, follow, controlPlane }: Talos): Promise<void> {
  const node = controlPlane[0]!;
  await step('version', async () => assert.match(await t(node, 'version'), /Server:[\s\S]*Tag:\s+v1\.14\.1/));
  await step('service, service kubelet', async () => {
    assert.match(await t(node, 'service'), /etcd\s+Running\s+OK/);
    assert.match(await t(node, 'service', 'kubelet', 'status'), /STATE\s+Running/);
  });
  await step('dmesg and logs', async () => {
    assert.match(await t(node, 'dmesg'), /\S/);
    assert.match(await t(node, 'logs', 'kubelet'), /\S/);
  });
  await step('read of a file and of one that is not there', async () => {
    assert.match(await t(node, 'read', '/proc/sys/kernel/random/boot_id'), /^[0-9a-f-]{36}/);
    assert.match(await refused(node, 'read', '/nothing/here'), /no such file/);
  });
  await step('events with their history', async () => {
    await using events = follow(node, 'events', '--tail=-1');
    await events.says(/MachineStatusEvent/, 20_000);
  });
  for (const command of ['time', 'memory', 'mounts']) {
    await step(command, async () => assert.match(await t(node, command), /\S/));
  }
  await step('health, as the server sees it', async () => void (await t(node, 'health', '--wait-timeout=30s', '--server=true')));
  await step('health, as the client sees it', async () => void (await t(node, 'health', '--wait-timeout=30s', '--server=false')));
  await step('what the lab has no model of is refused as unimplemented', async () => {
    for (const command of ['processes', 'stats', 'containers', 'list']) assert.match(await refused(node, command), /Unimplemented/, command);
  });
}

async function resources({ step }: Steps, { t, refused, nodes, controlPlane }: Talos): Promise<void> {
  const node = controlPlane[0]!;
  await step('get members through the endpoint, for every node', async () => {
    const found = await t(node, 'get', 'members');
    for (const address of nodes) assert.match(found, new RegExp(address.replaceAll('.', '\\.')));
  });
  await step('get machinestatus, of a worker through a control plane too', async () => {
    for (const address of [node, nodes.find((one) => !controlPlane.includes(one))!]) assert.match(await t(address, 'get', 'machinestatus'), /running\s+true/);
  });
  await step('get by plural, by short name, as YAML and JSON', async () => {
    assert.match(await t(node, 'get', 'disks'), /nvme0n1/);
    assert.match(await t(node, 'get', 'ms', '-o', 'yaml'), /stage: running/);
    assert.equal(documentsOf(await t(node, 'get', 'hostnamestatus', '-o', 'json')).length, 1);
  });
  await step('get rd and every type it lists', async () => {
    const types = documentsOf(await t(node, 'get', 'rd', '-o', 'json')).map(({ metadata }) => metadata.id);
    assert.ok(types.length > 20, `only ${types.length} types`);
    for (const type of types) await t(node, 'get', type);
  });
  await step('a type that is not there is refused', async () => assert.match(await refused(node, 'get', 'nothingofthatname'), /not (found|registered)|NotFound/i));
}

async function etcd({ step }: Steps, { t, controlPlane }: Talos): Promise<void> {
  await step('etcd members and status', async () => {
    const members = (await t(controlPlane[0]!, 'etcd', 'members')).trim().split('\n');
    assert.equal(members.length, 1 + controlPlane.length);
    assert.match(await t(controlPlane[0]!, 'etcd', 'status'), /MEMBER/);
    assert.match(await t(controlPlane[0]!, 'etcd', 'alarm', 'list'), /^$|MEMBER/m);
  });
}

async function kubeconfig({ step }: Steps, { t, controlPlane }: Talos, folder: string): Promise<void> {
  await step('kubeconfig, and its certificate lets kubectl in', async () => {
    const path = join(folder, 'kubeconfig-from-talos');
    await t(controlPlane[0]!, 'kubeconfig', path, '--merge=false');
    const kubectl = findProgram('kubectl');
    if (!kubectl) return assert.match(readFileSync(path, 'utf8'), /client-certificate-data/);
    const { out, err } = await runProgram(kubectl, ['--kubeconfig', path, '--cache-dir', join(folder, 'talos-cache'), 'get', 'nodes', '-o', 'name']);
    assert.equal(out.trim().split('\n').length, 5, err);
  });
}

async function machineConfigs({ step }: Steps, { t, offline, nodes, controlPlane }: Talos, folder: string): Promise<void> {
  for (const [role, address] of [['control plane', controlPlane[0]!], ['worker', nodes.find((one) => !controlPlane.includes(one))!]] as const) {
    const file = join(folder, `${role.replace(' ', '-')}.yaml`);
    await step(`validate --mode metal --strict accepts the ${role}'s configuration`, async () => {
      const [config] = documentsOf(await t(address, 'get', 'machineconfig', 'v1alpha1', '-o', 'json'));
      writeFileSync(file, config!.spec as string, { mode: 0o600 }); // the spec of a machine config is its text
      await offline('validate', '--mode', 'metal', '--strict', '--config', file);
    });
    await step(`apply-config --dry-run of the ${role}'s own configuration finds nothing to change`, async () => {
      await t(address, 'apply-config', '--dry-run', '--file', file);
    });
  }
  await step('patch mc --dry-run merges a patch into the running configuration', async () => {
    await t(controlPlane[0]!, 'patch', 'mc', '--dry-run', '--patch', '{"machine":{"sysctls":{"vm.swappiness":"10"}}}');
  });
}
