/** Runs the engines over every schema of the contract data: registered only where ../shared/data lies beside the repository. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { serverSideApply } from './apply/index.ts';
import type { KubeObject } from './object.ts';
import type { Schema, SchemaOptions } from './schema/index.ts';
import { applyDefaults, compilePattern, prune, validate, validationRules } from './schema/index.ts';

const dataUrl = new URL('../../../../shared/data/', import.meta.url);
const read = (path: string): unknown => JSON.parse(readFileSync(new URL(path, dataUrl), 'utf8'));

if (existsSync(new URL('README.md', dataUrl))) registerContractTests();
else console.log('kube: ../shared/data is not here, so the contract tests are not registered');

interface Kind {
  readonly name: string;
  readonly schema: Schema;
  readonly options: SchemaOptions;
}

function customKinds(): Kind[] {
  const files = readdirSync(new URL('crds/', dataUrl)).filter((file) => file.endsWith('.json') && !file.includes('openapi'));
  return files.flatMap((file) => {
    const { kinds } = read(`crds/${file}`) as { kinds: Record<string, { versions: { name: string; schema: Schema }[] }> };
    return Object.entries(kinds).flatMap(([kind, { versions }]) => versions.map(({ name, schema }) => ({ name: `${kind} ${name}`, schema, options: {} })));
  });
}

function builtInKinds(): Kind[] {
  const { definitions } = read('kubernetes-1.36.json') as { definitions: Record<string, Schema> };
  const resolver = (ref: string): Schema => {
    const found = definitions[ref.slice('#/definitions/'.length)];
    if (!found) throw new Error(`no definition ${ref}`);
    return found;
  };
  return Object.entries(definitions)
    .filter(([, schema]) => schema['x-kubernetes-group-version-kind'] && schema.properties?.['metadata']?.$ref?.endsWith('.ObjectMeta'))
    .map(([name, schema]) => ({ name, schema, options: { resolver, dialect: 'openapi' } }));
}

function patternsOf(schema: unknown, found = new Set<string>()): Set<string> {
  if (Array.isArray(schema)) for (const item of schema) patternsOf(item, found);
  else if (typeof schema === 'object' && schema !== null) {
    for (const [name, item] of Object.entries(schema)) {
      if (name === 'pattern' && typeof item === 'string') found.add(item);
      else patternsOf(item, found);
    }
  }
  return found;
}

function registerContractTests(): void {
  test('every pattern of the borrowed kinds can be compiled', () => {
    const patterns = [...patternsOf(customKinds().map(({ schema }) => schema))];
    assert.ok(patterns.length > 20);
    for (const pattern of patterns) assert.ok(compilePattern(pattern) instanceof RegExp, `${pattern}: ${String(compilePattern(pattern))}`);
  });

  test('every kind takes a bare object through pruning, defaulting, validation and apply', () => {
    for (const { name, schema, options } of [...customKinds(), ...builtInKinds()]) {
      const bare: KubeObject = { apiVersion: 'x/v1', kind: 'X', metadata: { name: 'x', labels: { a: 'b' }, finalizers: ['a.b/c'] } };
      const { value, unknown } = prune(schema, { ...bare, nonsense: 1 }, options);
      assert.deepEqual([value, unknown], [bare, ['nonsense']], name);
      const filled = applyDefaults(schema, bare, options);
      // Required fields may be missing; nothing else may be wrong.
      for (const { reason, field } of validate(schema, filled, options)) {
        assert.ok(reason === 'FieldValueRequired' || field === '<nil>', `${name}: ${field}`);
      }
      const { object } = serverSideApply({ schema, resolver: options.resolver, manager: 'm', apiVersion: 'x/v1', time: 't', applied: filled });
      assert.deepEqual(object.metadata.finalizers, ['a.b/c'], name);
      validationRules(schema, options);
    }
  });
}
