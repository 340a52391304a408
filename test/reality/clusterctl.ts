/** clusterctl against our API server: does Cluster API's own tool read the clusters we build? */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { mkdirSync, writeFileSync } from 'node:fs';
import { findProgram, runProgram } from '../program.ts';
import { collectSteps, type Check } from './check.ts';

export const clusterctlCheck: Check = {
  name: 'clusterctl', program: 'clusterctl', protocols: ['cluster-api-kinds'],
  async find() {
    const path = findProgram('clusterctl');
    return path === undefined ? undefined : { path, release: (await runProgram(path, ['version', '-o', 'short'])).out.trim() };
  },
  async run({ program, folder, keelson: ready }) {
    const keelson = await ready();
    const { steps, step } = collectSteps();
    // It must not look for its own newest release.
    const env = { ...process.env, CLUSTERCTL_DISABLE_VERSIONCHECK: 'true', XDG_CONFIG_HOME: folder };
    const clusterctl = async (...args: readonly string[]) => {
      const ran = await runProgram(program.path, [...args, '--kubeconfig', keelson.kubeconfig, '-n', 'datacenter'], { env, timeoutMs: 60_000 });
      assert.equal(ran.code, 0, `clusterctl ${args.join(' ')}: ${ran.err}${ran.out}`);
      return ran.out;
    };
    await step('describe cluster: the Cluster, its MachineDeployment and Machines, with all conditions', async () => {
      const tree = await clusterctl('describe', 'cluster', 'edge', '--show-conditions=all', '--grouping=false');
      for (const name of ['Cluster datacenter/edge', 'MachineDeployment datacenter/edge-workers', 'Machine datacenter/edge-workers-', 'Available']) assert.ok(tree.includes(name), `${name} is not in\n${tree}`);
    });
    await step('describe cluster: what its references lead to', async () => {
      const tree = await clusterctl('describe', 'cluster', 'edge', '--echo', '--grouping=false');
      for (const name of ['Metal3Cluster datacenter/edge', 'TalosControlPlane datacenter/edge', 'Metal3Machine datacenter/edge-', 'TalosConfig datacenter/edge-']) assert.ok(tree.includes(name), `${name} is not in\n${tree}`);
    });
    await step('move to a directory, as a dry run', async () => {
      const target = join(folder, 'moved');
      mkdirSync(target);
      await clusterctl('move', '--to-directory', target, '--dry-run');
    });
    await step('get kubeconfig, and it opens the cluster', async () => {
      const kubeconfig = await clusterctl('get', 'kubeconfig', 'edge');
      const kubectl = findProgram('kubectl');
      if (!kubectl) return assert.match(kubeconfig, /client-certificate-data/);
      const path = join(folder, 'kubeconfig-from-clusterctl');
      writeFileSync(path, kubeconfig, { mode: 0o600 });
      const { out, err } = await runProgram(kubectl, ['--kubeconfig', path, 'get', 'nodes', '-o', 'name']);
      assert.equal(out.trim().split('\n').length, 5, err);
    });
    return { rows: [{ protocol: 'cluster-api-kinds', steps }] };
  },
};
