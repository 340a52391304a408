import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import * as name from './name.ts';
import type { LabelSelector } from './selector.ts';
import {
  SelectorError,
  formatFieldSelector,
  formatLabelSelector,
  matchesFields,
  matchesLabels,
  parseFieldSelector,
  parseLabelSelector,
  selectorOf,
} from './selector.ts';

// Selectors and names of ours, and what apimachinery made of them (`source` in the file says which release).
interface Parsed {
  readonly text: string;
  readonly error?: string;
  readonly printed?: string;
  readonly matches?: readonly boolean[];
}
interface Golden {
  readonly labelSets: readonly Readonly<Record<string, string>>[];
  readonly fieldSets: readonly Readonly<Record<string, string>>[];
  readonly labels: readonly Parsed[];
  readonly fields: readonly Parsed[];
  readonly selectors: readonly { readonly selector: LabelSelector; readonly error?: string; readonly matches?: readonly boolean[] }[];
  readonly names: readonly Readonly<Record<'label' | 'subdomain' | 'label1035' | 'labelKey' | 'labelValue' | 'path', readonly string[] | null> & { text: string }>[];
}
const golden = JSON.parse(readFileSync(new URL('../testdata/selectors.json', import.meta.url), 'utf8')) as Golden;

function outcome<T>(run: () => T): T | { error: string } {
  try {
    return run();
  } catch (error) {
    if (error instanceof SelectorError) return { error: error.message };
    throw error;
  }
}

test('reads, prints and matches label selectors as upstream does', () => {
  for (const { text, error, printed, matches } of golden.labels) {
    const actual = outcome(() => {
      const selector = parseLabelSelector(text);
      return { printed: formatLabelSelector(selector), matches: golden.labelSets.map((labels) => matchesLabels(selector, labels)) };
    });
    assert.deepEqual(actual, error === undefined ? { printed: printed ?? '', matches } : { error }, JSON.stringify(text));
  }
});

test('reads, prints and matches field selectors as upstream does', () => {
  for (const { text, error, printed, matches } of golden.fields) {
    const actual = outcome(() => {
      const selector = parseFieldSelector(text);
      return { printed: formatFieldSelector(selector), matches: golden.fieldSets.map((fields) => matchesFields(selector, (path) => fields[path])) };
    });
    assert.deepEqual(actual, error === undefined ? { printed: printed ?? '', matches } : { error }, JSON.stringify(text));
  }
});

test('matches metav1 label selectors as upstream does', () => {
  for (const { selector, error, matches } of golden.selectors) {
    const actual = outcome(() => golden.labelSets.map((labels) => matchesLabels(selectorOf(selector), labels)));
    assert.deepEqual(actual, error === undefined ? matches : { error }, JSON.stringify(selector));
  }
});

test('an absent label selector matches nothing, an empty one everything', () => {
  assert.equal(matchesLabels(selectorOf(undefined), { a: 'b' }), false);
  assert.equal(matchesLabels(selectorOf({}), undefined), true);
});

test('does not take inherited properties for labels', () => {
  assert.equal(matchesLabels(parseLabelSelector('constructor'), {}), false);
});

test('complains about names in upstream words', () => {
  for (const { text, label, subdomain, label1035, labelKey, labelValue, path } of golden.names) {
    assert.deepEqual(name.checkDnsLabel(text), label ?? [], text);
    assert.deepEqual(name.checkDnsSubdomain(text), subdomain ?? [], text);
    assert.deepEqual(name.checkDns1035Label(text), label1035 ?? [], text);
    assert.deepEqual(name.checkQualifiedName(text), labelKey ?? [], text);
    assert.deepEqual(name.checkLabelValue(text), labelValue ?? [], text);
    assert.deepEqual(name.checkPathSegment(text), path ?? [], text);
    assert.equal(name.isDnsLabel(text), (label ?? []).length === 0);
    assert.equal(name.isDnsSubdomain(text), (subdomain ?? []).length === 0);
  }
});
