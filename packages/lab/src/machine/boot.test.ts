import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bootAttempts, spentOverride } from './boot.ts';
import type { BootOverride } from './state.ts';

const override = (enabled: BootOverride['enabled'], target: string): BootOverride => ({ enabled, target, mode: 'UEFI', httpBootUri: '' });

test('the override is tried first, then the firmware goes on with its own order', () => {
  const cases: readonly (readonly [BootOverride, boolean, readonly string[]])[] = [
    [override('Disabled', 'Cd'), false, ['disk', 'cd']],
    [override('Once', 'Cd'), false, ['cd', 'disk']],
    [override('Once', 'Cd'), true, ['disk', 'cd']],
    [override('Continuous', 'Pxe'), false, ['network', 'disk', 'cd']],
    [override('Once', 'BiosSetup'), false, ['setup']],
    [override('Once', 'None'), false, ['disk', 'cd']],
  ];
  for (const [now, ignored, devices] of cases) assert.deepEqual(bootAttempts(now, ['disk', 'cd'], ignored).map((attempt) => attempt.device), devices);
});

test('a one-shot override is spent by a boot, a continuous one stays', () => {
  assert.deepEqual(spentOverride(override('Once', 'Cd')), override('Disabled', 'None'));
  assert.deepEqual(spentOverride(override('Continuous', 'Cd')), override('Continuous', 'Cd'));
});
