import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressAt, nextPodAddress, nextPodCidr } from './pod-network.ts';

test('nodes get the lowest free range', () => {
  assert.equal(nextPodCidr('10.244.0.0/16', []), '10.244.0.0/24');
  assert.equal(nextPodCidr('10.244.0.0/16', ['10.244.0.0/24', '10.244.2.0/24']), '10.244.1.0/24');
  assert.equal(nextPodCidr('10.244.0.0/23', ['10.244.0.0/24', '10.244.1.0/24']), undefined);
  assert.equal(nextPodCidr('fd00::/48', []), undefined);
});

test('pods get the lowest free address after the bridge', () => {
  assert.equal(nextPodAddress('10.244.1.0/24', new Set()), '10.244.1.2');
  assert.equal(nextPodAddress('10.244.1.0/24', new Set(['10.244.1.2', '10.244.1.3'])), '10.244.1.4');
  assert.equal(nextPodAddress('10.244.1.0/30', new Set(['10.244.1.2'])), undefined);
});

test('services have the addresses that clients expect', () => {
  assert.equal(addressAt('10.96.0.0/12', 1), '10.96.0.1');
  assert.equal(addressAt('10.96.0.0/12', 10), '10.96.0.10');
  assert.equal(addressAt('10.96.0.0/30', 10), undefined);
});
