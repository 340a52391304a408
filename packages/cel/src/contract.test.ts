/** Every rule of the borrowed kinds: registered only where ../shared/data lies beside the repository. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { compile, optionalType, readerOf } from './index.ts';
import type { StructuralSchema } from './index.ts';

const dataUrl = new URL('../../../../shared/data/', import.meta.url);
if (existsSync(new URL('crds/', dataUrl))) registerContractTests();
else console.log('cel: ../shared/data is not here, so the contract tests are not registered');

interface Ruled extends StructuralSchema {
  readonly 'x-kubernetes-validations'?: readonly { readonly rule: string; readonly messageExpression?: string; readonly optionalOldSelf?: boolean }[];
}

function registerContractTests(): void {
  test('every rule of the borrowed kinds compiles over the type of its schema', () => {
    let count = 0;
    const visit = (schema: Ruled, place: string, isRoot: boolean): void => {
      const rules = schema['x-kubernetes-validations'] ?? [];
      const reader = rules.length > 0 ? readerOf(schema, isRoot) : undefined;
      for (const { rule, messageExpression, optionalOldSelf } of rules) {
        assert.ok(reader, `${place} has no type`);
        // One kind of Crossplane's SQL provider asks oldSelf.hasValue(); the data carries that rule without its flag.
        const isOptional = optionalOldSelf ?? rule.includes('oldSelf.hasValue()');
        const variables = new Map([['self', reader.type], ['oldSelf', isOptional ? optionalType(reader.type) : reader.type]]);
        for (const [source, type] of [[rule, 'bool'], [messageExpression, 'string']] as const) {
          if (source === undefined) continue;
          const { program, message } = compile(source, variables);
          assert.ok(program, `${place}: ${message}`);
          assert.equal(program.type.kind, type, place);
          count++;
        }
      }
      for (const [name, property] of Object.entries(schema.properties ?? {})) visit(property, `${place}.${name}`, false);
      if (schema.items) visit(schema.items, `${place}[]`, false);
      if (typeof schema.additionalProperties === 'object') visit(schema.additionalProperties, `${place}{}`, false);
    };
    for (const file of readdirSync(new URL('crds/', dataUrl))) {
      if (!file.endsWith('.json') || file.includes('openapi')) continue;
      const { kinds } = JSON.parse(readFileSync(new URL(`crds/${file}`, dataUrl), 'utf8')) as { kinds: Record<string, { versions: { name: string; schema: Ruled }[] }> };
      for (const [kind, { versions }] of Object.entries(kinds)) for (const { name, schema } of versions) visit(schema, `${kind} ${name}`, true);
    }
    assert.ok(count >= 300, `only ${count} rules were found`);
  });
}
