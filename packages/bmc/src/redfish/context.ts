/** What every Redfish operation of one connection shares. */
import type { ComputerSystem, Manager, ServiceRoot } from '../wire/index.ts';
import type { RedfishClient } from './client.ts';
import type { Quirks } from './quirks.ts';

export interface RedfishContext {
  readonly client: RedfishClient;
  readonly root: ServiceRoot;
  readonly systemPath: string;
  /** The managers of the system, first the one that answers for it. */
  readonly managers: readonly (Manager & { readonly path: string })[];
  readonly quirks: Quirks & { readonly rows: readonly string[] };
}

/** The machine's resource, read anew. */
export function readSystem(context: RedfishContext): Promise<ComputerSystem> {
  return context.client.get<ComputerSystem>(context.systemPath);
}
