import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatAge } from '@keelson/std';
import { causeText, chainOf, type Chain } from './chain.ts';
import { refText } from './relations.ts';
import { snapshotOf } from './snapshot.ts';
import { assertGolden } from './testing/golden.ts';
import { readTestYaml, testNowMs, testSnapshot, type Changes } from './testing/objects.ts';

interface Case {
  readonly name: string;
  readonly target: { readonly kind: string; readonly name: string; readonly namespace?: string };
  readonly changes?: Changes;
}

const cases = readTestYaml('chains.yaml') as Case[]; // the shape of the file

function chainText(chain: Chain | undefined): string {
  if (!chain) return '  nothing\n';
  const lines = chain.links.map(({ level, ref, state, ageMs, waitsFor, detail }) => [
    `  ${level} ${refText(ref)}${ref.cluster ? ` in ${ref.cluster}` : ''}: ${state.state} ${state.phase}`, ageMs === undefined ? '' : ` for ${formatAge(ageMs)}`, detail ? ` (${detail})` : '', waitsFor ? ` waits: ${waitsFor}` : '',
  ].join(''));
  return `${[...lines, `  declared: ${chain.declared}`, ...(chain.cause ? [`  cause: ${chain.cause.level} ${causeText(chain.cause)}`] : [])].join('\n')}\n`;
}

test('chains are as the golden file shows them', () => {
  const text = cases.map(({ name, target, changes }) => `# ${name}\n${chainText(chainOf(testSnapshot(changes), { group: '', ...target }))}`).join('\n');
  assertGolden('chains.golden', text);
});

const chainIn = (name: string) => {
  const found = cases.find((one) => one.name === name)!;
  return chainOf(testSnapshot(found.changes), { group: '', ...found.target })!;
};

test('the host with the wrong password is named for an application that waits for its cluster', () => {
  const { cause } = chainIn('a wrong BMC password holds up an application');
  assert.equal(cause?.ref.name, 'r1u01');
  assert.equal(cause?.level, 'host');
  assert.match(cause?.waitsFor ?? '', /401/);
});

test('a Deployment leads to the machine that runs its pods, not to all', () => {
  const { links } = chainIn('a Deployment in a workload cluster');
  assert.deepEqual(links.map(({ level, ref }) => `${level} ${ref.name}`), ['commit 4f92755a', 'source datacenter', 'kustomization datacenter', 'kustomization edge', 'kustomization edge-apps', 'object hello', 'cluster edge', 'machine edge-w1', 'host r1u02']);
});

test('a workload cluster that was not read says so', () => {
  const chain = chainOf(testSnapshot({}, { remote: false }), { group: '', kind: 'Deployment', name: 'hello' });
  assert.equal(chain, undefined);
});

test('Kustomizations that apply each other come to an end', () => {
  const kustomization = (name: string, by: string) => ({ apiVersion: 'kustomize.toolkit.fluxcd.io/v1', kind: 'Kustomization', metadata: { name, namespace: 'x', labels: { 'kustomize.toolkit.fluxcd.io/name': by, 'kustomize.toolkit.fluxcd.io/namespace': 'x' } } });
  for (const objects of [[kustomization('a', 'a')], [kustomization('a', 'b'), kustomization('b', 'a')], [kustomization('a', 'b'), kustomization('b', 'b')]]) {
    const chain = chainOf(snapshotOf(objects, testNowMs), { group: '', kind: 'Kustomization', name: 'a' });
    assert.equal(chain?.links.at(-1)?.ref.name, 'a');
    assert.ok(chain.links.length <= objects.length);
  }
});
