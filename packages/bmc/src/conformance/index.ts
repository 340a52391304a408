/**
 * What any driver with any BMC must do together. The same list runs against the lab's BMCs, against recorded exchanges and
 * against foreign programs (sushy-emulator) in the reality tests.
 */
import assert from 'node:assert/strict';
import type { Env } from '@keelson/std';
import { BmcError, type Bmc, type BmcDriver, type BmcTarget, type PowerState } from '../driver.ts';

export interface ConformanceContext {
  readonly env: Env;
  readonly driver: BmcDriver;
  /** With credentials that are right. The machine may be changed at will. */
  readonly target: BmcTarget;
  /** URL of a small image that the BMC can fetch. */
  readonly imageUrl: string;
  /** What this BMC is known to lack; a check that needs it is skipped. */
  readonly lacks?: readonly ConformanceNeed[];
  /** Runs a piece of work while time passes; virtual time advances its clock here. The work itself by default. */
  drive?<T>(work: Promise<T>): Promise<T>;
}

export type ConformanceNeed = 'credentials' | 'soft-off' | 'one-time-boot' | 'disks' | 'nics';

export interface ConformanceCheck {
  readonly name: string;
  readonly needs?: readonly ConformanceNeed[];
  run(context: ConformanceContext): Promise<void>;
}

export interface ConformanceResult {
  readonly name: string;
  readonly outcome: 'passed' | 'failed' | 'skipped';
  /** The failure, or what the BMC lacks. */
  readonly detail: string;
}

const powerLimitMs = 10 * 60_000;

async function withBmc<T>(context: ConformanceContext, work: (bmc: Bmc) => Promise<T>): Promise<T> {
  const bmc = await context.driver.connect(context.env, context.target);
  try {
    return await work(bmc);
  } finally {
    await bmc.close();
  }
}

/** Waits until the machine has a power state, asking every second. */
async function waitPower(context: ConformanceContext, bmc: Bmc, wanted: PowerState): Promise<void> {
  const deadline = context.env.clock.now() + powerLimitMs;
  while (true) {
    const { power } = await bmc.readPower();
    if (power === wanted) return;
    assert.ok(context.env.clock.now() < deadline, `the machine is ${power}, not ${wanted}, after ${powerLimitMs} ms`);
    await context.env.clock.sleep(1_000);
  }
}

async function bring(context: ConformanceContext, bmc: Bmc, to: 'on' | 'off'): Promise<void> {
  await bmc.changePower(to === 'on' ? 'on' : 'off-hard');
  await waitPower(context, bmc, to);
}

/** The suite, in the order in which it runs. It leaves the machine off, without medium and override. */
export const conformanceChecks: readonly ConformanceCheck[] = [
  {
    name: 'identifies the same machine on every connection',
    async run(context) {
      const first = await withBmc(context, (bmc) => bmc.identify());
      const second = await withBmc(context, (bmc) => bmc.identify());
      assert.deepEqual(second, first);
      assert.ok(first.uuid !== '' || first.serialNumber !== '', 'neither UUID nor serial number');
    },
  },
  {
    name: 'refuses a wrong password as unauthorized',
    needs: ['credentials'],
    async run(context) {
      const { credentials } = context.target;
      assert.ok(credentials);
      const target = { ...context.target, credentials: { ...credentials, password: `${credentials.password}-wrong` } };
      await assert.rejects(context.driver.connect(context.env, target).then(async (bmc) => {
        await bmc.readPower().finally(() => bmc.close());
      }), (error) => error instanceof BmcError && error.kind === 'unauthorized' && !error.message.includes(credentials.password));
    },
  },
  {
    name: 'names a system that is not there as not found',
    async run(context) {
      const target = { ...context.target, systemPath: '/redfish/v1/Systems/no-such-system' };
      await assert.rejects(context.driver.connect(context.env, target).then((bmc) => bmc.close()), (error) => error instanceof BmcError && error.kind === 'not-found');
    },
  },
  {
    name: 'powers off and on, and takes a state that is reached as success',
    run: (context) => withBmc(context, async (bmc) => {
      await bring(context, bmc, 'off');
      await bmc.changePower('off-hard');
      await bring(context, bmc, 'on');
      await bmc.changePower('on');
      assert.equal((await bmc.readPower()).power, 'on');
      await bring(context, bmc, 'off');
    }),
  },
  {
    name: 'powers off softly what runs from the image',
    needs: ['soft-off'],
    run: (context) => withBmc(context, async (bmc) => {
      await bring(context, bmc, 'off');
      await bmc.insertMedia(context.imageUrl);
      await bmc.setBootOnce('cd', 'uefi');
      await bring(context, bmc, 'on');
      // A system that is still on its way up does not hear the button.
      for (let tries = 0; tries < 30 && (await bmc.readPower()).power !== 'off'; tries++) {
        await bmc.changePower('off-soft');
        await context.env.clock.sleep(20_000);
      }
      assert.equal((await bmc.readPower()).power, 'off');
      await bmc.ejectMedia();
    }),
  },
  {
    name: 'inserts an image, replaces it, and ejects it, each also when done already',
    run: (context) => withBmc(context, async (bmc) => {
      await bmc.ejectMedia();
      await bmc.ejectMedia();
      assert.ok((await bmc.readMedia()).some((slot) => slot.bootable && !slot.inserted), 'no free CD slot');
      const slot = await bmc.insertMedia(context.imageUrl);
      assert.ok(slot.inserted);
      assert.equal((await bmc.insertMedia(context.imageUrl)).id, slot.id);
      const seen = (await bmc.readMedia()).find((one) => one.id === slot.id);
      assert.equal(seen?.inserted, true);
      await bmc.ejectMedia();
      assert.ok((await bmc.readMedia()).every((one) => !one.bootable || !one.inserted), 'a medium is left');
    }),
  },
  {
    name: 'points the next boot at the CD and takes it back',
    run: (context) => withBmc(context, async (bmc) => {
      await bring(context, bmc, 'off');
      await bmc.setBootOnce('cd', 'uefi');
      assert.equal((await bmc.readBoot()).device, 'cd');
      await bmc.clearBoot();
      const after = await bmc.readBoot();
      assert.ok(after.device === 'none' || after.device === 'disk', `the override still says ${after.device}`);
    }),
  },
  {
    name: 'uses the boot override up in one boot',
    needs: ['one-time-boot'],
    run: (context) => withBmc(context, async (bmc) => {
      await bring(context, bmc, 'off');
      await bmc.setBootOnce('cd', 'uefi');
      assert.equal((await bmc.readBoot()).lasts, 'once');
      await bring(context, bmc, 'on');
      const deadline = context.env.clock.now() + powerLimitMs;
      while ((await bmc.readBoot()).lasts !== 'off') {
        assert.ok(context.env.clock.now() < deadline, 'the override outlived the boot');
        await context.env.clock.sleep(1_000);
      }
      await bring(context, bmc, 'off');
    }),
  },
  {
    name: 'tells network interfaces',
    needs: ['nics'],
    run: (context) => withBmc(context, async (bmc) => {
      const { nics } = await bmc.readInventory();
      assert.ok(nics.length > 0);
      for (const nic of nics) assert.match(nic.mac, /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/);
    }),
  },
  {
    name: 'tells disks with their size',
    needs: ['disks'],
    run: (context) => withBmc(context, async (bmc) => {
      const { disks } = await bmc.readInventory();
      assert.ok(disks.length > 0 && disks.every((disk) => disk.sizeBytes > 0));
    }),
  },
  {
    name: 'leaves the machine off, empty and without an override',
    run: (context) => withBmc(context, async (bmc) => {
      await bring(context, bmc, 'off');
      await bmc.ejectMedia();
      await bmc.clearBoot();
    }),
  },
];

/** Runs the suite and answers a row per check; never throws for what the BMC does. */
export async function runConformance(context: ConformanceContext): Promise<readonly ConformanceResult[]> {
  const results: ConformanceResult[] = [];
  for (const check of conformanceChecks) {
    const lacking = check.needs?.find((need) => context.lacks?.includes(need));
    if (lacking) {
      results.push({ name: check.name, outcome: 'skipped', detail: `this BMC has no ${lacking}` });
      continue;
    }
    try {
      const work = check.run(context);
      await (context.drive ? context.drive(work) : work);
      results.push({ name: check.name, outcome: 'passed', detail: '' });
    } catch (error) {
      results.push({ name: check.name, outcome: 'failed', detail: error instanceof Error ? error.message : String(error) });
    }
  }
  return results;
}
