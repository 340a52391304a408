import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareVersions, parseRange, parseVersion } from './semver.ts';

const ranges: readonly (readonly [range: string, inside: readonly string[], outside: readonly string[]])[] = [
  ['1.2.3', ['1.2.3', 'v1.2.3', '1.2.3+build'], ['1.2.4', '1.2.3-rc.1']],
  ['1.2', ['1.2.0', '1.2.9'], ['1.3.0', '2.2.0']],
  ['1.x', ['1.0.0', '1.9.9'], ['2.0.0', '0.9.0', '1.5.0-rc.1']],
  ['*', ['0.0.1', '7.0.0'], ['1.0.0-alpha']],
  ['>=1.2.0 <2.0.0', ['1.2.0', '1.99.0'], ['1.1.9', '2.0.0', '2.0.0-rc.1']],
  ['>= 1.2.0, < 2', ['1.2.0'], ['2.0.0']],
  ['>=1.0.0-0', ['1.0.0-alpha', '1.0.0', '2.0.0-rc.1'], ['0.9.9']],
  ['~1.2.3', ['1.2.3', '1.2.9'], ['1.3.0', '1.2.2']],
  ['~1', ['1.0.0', '1.9.0'], ['2.0.0']],
  ['^1.2.3', ['1.2.3', '1.9.0'], ['2.0.0', '1.2.2']],
  ['^0.2.3', ['0.2.3', '0.2.9'], ['0.3.0']],
  ['^0.0.3', ['0.0.3'], ['0.0.4']],
  ['^0', ['0.9.0'], ['1.0.0']],
  ['1.2 - 1.4', ['1.2.0', '1.4.5'], ['1.5.0']],
  ['1.0.0 || >=3', ['1.0.0', '3.1.0'], ['2.0.0']],
  ['!=1.2.3', ['1.2.4'], ['1.2.3']],
  ['>1', ['2.0.0'], ['1.5.0']],
  ['<=1.4', ['1.4.9', '0.1.0'], ['1.5.0']],
];

test('a range holds exactly the versions its comparators name', () => {
  for (const [text, inside, outside] of ranges) {
    const allows = parseRange(text);
    assert.ok(allows, text);
    for (const version of inside) assert.equal(allows(parseVersion(version)!), true, `${version} in ${text}`);
    for (const version of outside) assert.equal(allows(parseVersion(version)!), false, `${version} in ${text}`);
  }
});

test('what is no range or version is refused', () => {
  for (const text of ['', 'main', '>=', '1.2.3.4', '>=1.a']) assert.equal(parseRange(text), undefined, text);
  for (const text of ['latest', '1.2.3.4', '1..2', '1.2.3-']) assert.equal(parseVersion(text), undefined, text);
});

test('precedence follows semver.org section 11', () => {
  const ordered = ['1.0.0-alpha', '1.0.0-alpha.1', '1.0.0-alpha.beta', '1.0.0-beta', '1.0.0-beta.2', '1.0.0-beta.11', '1.0.0-rc.1', '1.0.0', '1.0.1', '1.10.0'];
  for (let i = 1; i < ordered.length; i++) {
    assert.ok(compareVersions(parseVersion(ordered[i - 1]!)!, parseVersion(ordered[i]!)!) < 0, `${ordered[i - 1]} < ${ordered[i]}`);
  }
});
