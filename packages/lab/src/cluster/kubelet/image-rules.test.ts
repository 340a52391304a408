import assert from 'node:assert/strict';
import { test } from 'node:test';
import { behaviourOf, fullImageName, parseImage, pullFailure } from './image-rules.ts';

const names: readonly (readonly [text: string, full: string | undefined])[] = [
  ['nginx', 'docker.io/library/nginx:latest'],
  ['nginx:1.29', 'docker.io/library/nginx:1.29'],
  ['stefanprodan/podinfo:6.9.0', 'docker.io/stefanprodan/podinfo:6.9.0'],
  ['ghcr.io/org/app:v1', 'ghcr.io/org/app:v1'],
  ['registry.lab:5000/app', 'registry.lab:5000/app:latest'],
  ['localhost/app:x', 'localhost/app:x'],
  ['ghcr.io/org/app@sha256:abc', 'ghcr.io/org/app@sha256:abc'],
  ['Not/Valid', undefined],
  ['', undefined],
];
for (const [text, full] of names) {
  test(`${JSON.stringify(text)} is ${full ?? 'no image'}`, () => {
    const reference = parseImage(text);
    assert.equal(reference && fullImageName(reference), full);
  });
}

const failures: readonly (readonly [image: string, secrets: boolean, why: RegExp | undefined])[] = [
  ['ghcr.io/org/app:1', false, undefined],
  ['ghcr.io/org/app:missing', false, /ghcr\.io\/org\/app:missing: not found$/],
  ['ghcr.io/org/app:missing-2', false, /not found$/],
  ['registry.invalid/app:1', false, /lookup registry\.invalid: no such host$/],
  ['private.lab/app:1', false, /no basic auth credentials$/],
  ['private.lab/app:1', true, undefined],
  ['Not/Valid', false, /invalid reference format/],
];
for (const [image, secrets, why] of failures) {
  test(`${image}${secrets ? ' with credentials' : ''} ${why ? 'cannot be pulled' : 'can be pulled'}`, () => {
    if (why) assert.match(pullFailure(image, secrets) ?? '', why);
    else assert.equal(pullFailure(image, secrets), undefined);
  });
}

test('tags say how a container behaves', () => {
  assert.deepEqual(['a:1', 'a:crash', 'a:crash-2', 'a:unready', 'crash'].map(behaviourOf), ['runs', 'crashes', 'crashes', 'never-ready', 'runs']);
});
