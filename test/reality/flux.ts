/** The flux CLI against our API server: does a tool written for Flux find its own objects here? */
import assert from 'node:assert/strict';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram, runProgram } from '../program.ts';
import { collectSteps, type Check } from './check.ts';

export const fluxCheck: Check = {
  name: 'flux', program: 'flux', protocols: ['flux-kinds'],
  async find() {
    const path = findProgram('flux');
    return path === undefined ? undefined : { path, release: /(\d+\.\d+\.\d+\S*)/.exec((await runProgram(path, ['--version'])).out)?.[1] ?? '' };
  },
  async run({ program, folder, keelson: ready }) {
    const keelson = await ready();
    const { steps, step } = collectSteps();
    const run = (...args: readonly string[]) => runProgram(program.path, ['--kubeconfig', keelson.kubeconfig, ...args], { timeoutMs: 60_000 });
    const flux = async (...args: readonly string[]) => {
      const ran = await run(...args);
      assert.equal(ran.code, 0, `flux ${args.join(' ')}: ${ran.err}${ran.out}`);
      return ran.out + ran.err;
    };
    await step('get sources git, kustomizations, receivers, all', async () => {
      assert.match(await flux('get', 'sources', 'git', '-A'), /datacenter\s+main@sha1:\w+\s+False\s+True/);
      assert.match(await flux('get', 'kustomizations', '-A'), /edge-apps/);
      assert.match(await flux('get', 'receivers', '-A'), /datacenter\s+False\s+True/);
      assert.match(await flux('get', 'all', '-A'), /kustomization\/edge/);
    });
    await step('reconcile a source and a Kustomization with its source, and wait', async () => {
      assert.match(await flux('reconcile', 'source', 'git', 'datacenter'), /fetched revision main@sha1:/);
      assert.match(await flux('reconcile', 'kustomization', 'hosts', '--with-source'), /applied revision main@sha1:/);
    });
    await step('suspend and resume', async () => {
      await flux('suspend', 'kustomization', 'hosts');
      assert.match(await flux('get', 'kustomizations', 'hosts'), /True\s+True/);
      assert.match(await flux('resume', 'kustomization', 'hosts'), /applied revision/);
    });
    await step('tree, trace, events, export, stats', async () => {
      assert.match(await flux('tree', 'kustomization', 'hosts'), /BareMetalHost\/datacenter\/r1u01/);
      assert.match(await flux('trace', '-n', 'datacenter', 'baremetalhost', 'r1u01'), /Kustomization:\s+hosts/);
      assert.match(await flux('events', '--for', 'Kustomization/hosts'), /Kustomization\/hosts/);
      assert.match(await flux('export', 'source', 'git', 'datacenter'), /kind: GitRepository/);
      assert.match(await flux('stats'), /GitRepository/);
    });
    await step('diff of a Kustomization: nothing with what the repository has, a change with what it has not', async () => {
      await flux('diff', 'kustomization', 'hosts', '--path', join(keelson.clone, 'hosts'));
      const changed = join(folder, 'hosts');
      cpSync(join(keelson.clone, 'hosts'), changed, { recursive: true });
      const file = join(changed, 'r1u06.yaml');
      writeFileSync(file, readFileSync(file, 'utf8').replace('online: ', 'description: changed\n  online: '));
      const { code, out } = await run('diff', 'kustomization', 'hosts', '--path', changed);
      assert.equal(code, 1, out);
      assert.match(out, /BareMetalHost\/datacenter\/r1u06 drifted[\s\S]*description/);
    });
    await step('create and delete of a source and a Kustomization', async () => {
      await flux('create', 'source', 'git', 'other', `--url=http://${keelson.prefix}0.10:3000/lab/datacenter.git`, '--branch=main', '--interval=1m');
      await flux('create', 'kustomization', 'other', '--source=GitRepository/other', '--path=./infrastructure', '--prune=true', '--interval=5m');
      await flux('delete', 'kustomization', 'other', '--silent');
      await flux('delete', 'source', 'git', 'other', '--silent');
    });
    return { rows: [{ protocol: 'flux-kinds', steps }] };
  },
};
