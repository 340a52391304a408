/** Metal: Metal3's BareMetalHost without Ironic. */
import { redfishDriver } from '@keelson/bmc/redfish';
import type { BmcDriver } from '@keelson/bmc';
import type { Controller } from '@keelson/controller';
import { bareMetalHostController } from './controllers/bare-metal-host.ts';
import { talosNodeWiper, type NodeWiper } from './node-wiper.ts';

export * from './annotations.ts';
export * from './host-view.ts';
export { planHost } from './plan.ts';
export { metalProblems } from './problems.ts';
export * from './steps.ts';
export { talosNodeWiper, type NodeRequest, type NodeWiper } from './node-wiper.ts';

export interface MetalOptions {
  /** How BMCs are spoken to; Redfish when absent. */
  readonly driver?: BmcDriver;
  /** How nodes are asked and wiped; the Talos API when absent. */
  readonly nodes?: NodeWiper;
  readonly concurrency?: number;
}

/** The controllers of the metal domain. */
export function metalControllers(options: MetalOptions = {}): Controller[] {
  return [bareMetalHostController({ driver: options.driver ?? redfishDriver, nodes: options.nodes ?? talosNodeWiper(), ...(options.concurrency === undefined ? {} : { concurrency: options.concurrency }) })];
}
