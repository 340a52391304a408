/** Holds proto/ and the generated tables to the contract data, where it is there (../shared/data beside the repository). */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { talosMethods } from './methods.gen.ts';
import { enumValues, messageFields } from './schema.gen.ts';

const dataUrl = new URL('../../../../../shared/data/proto/talos.json', import.meta.url);

interface DataType {
  readonly methods?: Readonly<Record<string, string>>;
  readonly fields?: Readonly<Record<string, readonly [number, string]>>;
  readonly enum?: Readonly<Record<string, number>>;
}

it('has tables that are generated from proto/', () => {
  const run = spawnSync(process.execPath, [fileURLToPath(new URL('../../scripts/generate-wire.ts', import.meta.url)), '--check'], { encoding: 'utf8' });
  assert.equal(run.status, 0, run.stderr);
});

if (!existsSync(dataUrl)) {
  console.log('contract data is not here: the comparison with the published field numbers is left out');
} else {
  const types: Readonly<Record<string, DataType>> = JSON.parse(readFileSync(dataUrl, 'utf8')).types;
  const camel = (name: string) => name.replace(/_([a-z0-9])/g, (_all, letter: string) => letter.toUpperCase());
  const byHand = /^(cosi|google)\./;

  describe('the published contract', () => {
    it('has every message of ours with the same numbers, names and types', () => {
      let compared = 0;
      for (const [name, lines] of Object.entries(messageFields)) {
        if (byHand.test(name)) continue;
        const fields = types[name]?.fields ?? assert.fail(`${name} is not in the contract`);
        const ours = Object.fromEntries(lines.map((line) => [line.split(' ')[1]!, line]));
        assert.deepEqual(Object.keys(ours).sort(), Object.keys(fields).map(camel).sort(), name);
        for (const [field, [number, type]] of Object.entries(fields)) {
          const line = ours[camel(field)]!;
          assert.equal(Number(line.split(' ')[0]), number, `${name}.${field}`);
          assert.ok(sameType(line, type), `${name}.${field}: ${line} and ${type}`);
          compared++;
        }
      }
      assert.ok(compared > 900, `${compared} fields were compared`);
    });
    it('has every enum of ours with the same values', () => {
      for (const [name, values] of Object.entries(enumValues)) if (!byHand.test(name)) assert.deepEqual({ ...values }, types[name]?.enum, name);
    });
    it('has no method of a node that we lack', () => {
      for (const [name, type] of Object.entries(types)) {
        if (!type.methods || name.startsWith('signerapi.')) continue;
        const service = (talosMethods as Readonly<Record<string, Readonly<Record<string, unknown>>>>)[name] ?? assert.fail(`service ${name} is missing`);
        assert.deepEqual(Object.keys(service).sort(), Object.keys(type.methods).sort(), name);
      }
    });
  });
}

/** Our line `4 name []:full.Type` against upstream's `repeated Type`, whose name may be relative. */
function sameType(line: string, type: string): boolean {
  const ours = line.split(' ').slice(2).join(' ');
  const map = /^map<\s*string\s*,\s*([\w.]+)\s*>$/.exec(type);
  const label = map ? 'map:' : type.startsWith('repeated ') ? '[]:' : '';
  const name = map ? map[1]! : type.replace(/^(repeated|optional) /, '');
  const ourName = ours.slice(ours.lastIndexOf(':') + 1);
  if (label === '[]:' ? !ours.startsWith('[]:') : label === 'map:' ? !ours.startsWith('map:') : /^(\[\]|map):/.test(ours)) return false;
  if (name === 'google.api.expr.v1alpha1.CheckedExpr') return ourName === 'bytes';
  return ourName === name || ourName.endsWith(`.${name}`);
}
