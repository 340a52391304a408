import type { Controller } from '@keelson/controller';
import { metalControllers } from '@keelson/metal';

/** Bare metal: BMCs over Redfish, nodes over the Talos API. */
export function wireMetal(): Controller[] {
  return metalControllers();
}
