/** The Redfish driver (DMTF DSP0266). */
import type { Bmc, BmcDriver } from '../driver.ts';
import { clearBoot, readBoot, setBootOnce } from './boot-device.ts';
import { identify, openRedfish } from './connect.ts';
import type { RedfishContext } from './context.ts';
import { readInventory } from './inventory.ts';
import { changePower, readPower } from './power.ts';
import { ejectMedia, insertMedia, readMedia } from './virtual-media.ts';

export { clientLimits } from './client.ts';
export { quirkRows, quirksFor, standardQuirks, type QuirkRow, type Quirks } from './quirks.ts';

/** Redfish over `env.net.request`. */
export const redfishDriver: BmcDriver = {
  name: 'redfish',
  connect: async (env, target, signal) => redfishBmc(await openRedfish(env, target, signal)),
};

/** The driver's methods over an open conversation. */
export function redfishBmc(context: RedfishContext): Bmc {
  const close = () => context.client.close();
  return {
    driver: 'redfish',
    identify: () => identify(context),
    readPower: () => readPower(context),
    changePower: (change) => changePower(context, change),
    readBoot: () => readBoot(context),
    setBootOnce: (device, mode) => setBootOnce(context, device, mode),
    clearBoot: () => clearBoot(context),
    readMedia: () => readMedia(context),
    insertMedia: (url) => insertMedia(context, url),
    ejectMedia: () => ejectMedia(context),
    readInventory: () => readInventory(context),
    close,
    [Symbol.asyncDispose]: close,
  };
}
