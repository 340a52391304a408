import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { ProblemError } from '@keelson/std';
import { documentId, isRecord, type MachineConfig } from './machine-config.ts';
import { patchMachineConfig } from './patch.ts';
import { parseMachineConfig } from './yaml.ts';

interface Recorded {
  readonly base: string;
  readonly results: readonly { readonly patch: string; readonly error?: string; readonly added?: readonly string[]; readonly removed?: readonly string[] }[];
}
const recorded: Recorded = JSON.parse(readFileSync(new URL('testdata/patch-results.json', import.meta.url), 'utf8'));
const base = parseMachineConfig(recorded.base);

/** Upstream writes its structures: what is empty may be there or not. */
function normalized(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(normalized);
  if (!isRecord(value)) return value;
  const isEmpty = (item: unknown) => item === '' || item === null || (Array.isArray(item) && item.length === 0) || (isRecord(item) && Object.keys(item).length === 0);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, normalized(item)] as const).filter(([, item]) => !isEmpty(item)));
}

function byId(config: MachineConfig): Record<string, unknown> {
  return Object.fromEntries(config.map((document) => [documentId(document), normalized(document)]));
}

const parseParts = (parts: readonly string[] = []) => parts.map((part) => parseMachineConfig(part)[0]!);

/** Upstream drops a volume's `provisioning` when a patch does not repeat it; we keep it. */
function isKnownDifference(patch: string): boolean {
  return /kind: (User)?VolumeConfig/.test(patch);
}

describe('patches, as talosctl carries them out', () => {
  assert.ok(recorded.results.length > 60);
  for (const { patch, error, added, removed } of recorded.results) {
    const title = patch.replaceAll('\n', ' ⏎ ').slice(0, 150);
    if (error !== undefined) {
      it(`refuses: ${title}`, () => {
        assert.throws(() => patchMachineConfig(base, [patch]), (thrown) => thrown instanceof ProblemError && thrown.problem.code === 'TALOS.BAD_PATCH', error);
      });
      continue;
    }
    it(`${isKnownDifference(patch) ? 'keeps provisioning, other than upstream, in' : 'merges'}: ${title}`, () => {
      const gone = new Set(parseParts(removed).map(documentId));
      const expected = byId([...base.filter((document) => !gone.has(documentId(document))), ...parseParts(added)]);
      const actual = byId(patchMachineConfig(base, [patch]));
      if (isKnownDifference(patch)) {
        for (const id of ['VolumeConfig/EPHEMERAL', 'UserVolumeConfig/data']) {
          const ours = actual[id] as Record<string, unknown>;
          const theirs = expected[id] as Record<string, unknown>;
          assert.ok(isRecord(ours['provisioning']));
          expected[id] = { ...theirs, provisioning: ours['provisioning'] };
        }
      }
      assert.deepEqual(actual, expected);
    });
  }
});

describe('patchMachineConfig', () => {
  const single: MachineConfig = [{ version: 'v1alpha1', machine: { type: 'worker', certSANs: ['a'] } }];

  it('carries out a JSON patch on a configuration of one document', () => {
    const patch = '- op: add\n  path: /machine/certSANs/-\n  value: b\n- {op: replace, path: /machine/type, value: controlplane}\n';
    assert.deepEqual(patchMachineConfig(single, [patch]), [{ version: 'v1alpha1', machine: { type: 'controlplane', certSANs: ['a', 'b'] } }]);
    assert.deepEqual(patchMachineConfig(single, ['[{"op":"remove","path":"/machine/certSANs/0"}]']), [{ version: 'v1alpha1', machine: { type: 'worker', certSANs: [] } }]);
  });
  it('leaves the given configuration as it was', () => {
    const before = structuredClone(base);
    patchMachineConfig(base, ['machine: {certSANs: [x], nodeLabels: {a: {$patch: delete}}}\n']);
    assert.deepEqual(base, before);
  });
  it('applies patches in order', () => {
    const patched = patchMachineConfig(single, ['machine: {certSANs: [b]}', 'machine: {certSANs: {$patch: delete}}', 'machine: {certSANs: [c]}']);
    assert.deepEqual(patched, [{ version: 'v1alpha1', machine: { type: 'worker', certSANs: ['c'] } }]);
  });

  const refused: readonly [string, string, RegExp][] = [
    ['a misspelt field', 'apiVersion: v1alpha1\nkind: KubeletConfig\nextraargs: {a: b}\n', /KubeletConfig extraargs: there is no such field \(did you mean extraArgs\?\)/],
    ['a JSON patch whose path is absent', '- {op: remove, path: /machine/nothing}\n', /nothing/],
    ['text that is not YAML', 'a: [', /not YAML/],
    ['another directive', 'machine: {kubelet: {$patch: replace}}\n', /\$patch/],
  ];
  for (const [what, patch, why] of refused) {
    it(`names the patch that holds ${what}`, () => {
      assert.throws(
        () => patchMachineConfig(single, ['machine: {}\n', patch], ['common.yaml', 'worker.yaml']),
        (error) => error instanceof ProblemError && error.problem.summary.includes('worker.yaml') && why.test(error.problem.why),
      );
    });
  }
});
