/**
 * Resource paths of a Redfish service. Only the root is fixed by the specification (DSP0266); a client follows links.
 * The others are what services use in practice, and the fallbacks a client tries when a link is missing.
 */
export const versionsPath = '/redfish';
export const serviceRootPath = '/redfish/v1/';
export const systemsPath = '/redfish/v1/Systems';
export const managersPath = '/redfish/v1/Managers';
export const chassisPath = '/redfish/v1/Chassis';
export const sessionServicePath = '/redfish/v1/SessionService';
export const sessionsPath = '/redfish/v1/SessionService/Sessions';
export const tasksPath = '/redfish/v1/TaskService/Tasks';
export const taskMonitorsPath = '/redfish/v1/TaskService/TaskMonitors';

/** Names of the collections and resources below a system. */
export const systemChildren = {
  ethernetInterfaces: 'EthernetInterfaces',
  processors: 'Processors',
  memory: 'Memory',
  storage: 'Storage',
  simpleStorage: 'SimpleStorage',
  virtualMedia: 'VirtualMedia',
  secureBoot: 'SecureBoot',
  bios: 'Bios',
  settings: 'Settings',
} as const;

/** Joins a collection's path and a member's id. */
export function memberPath(collectionPath: string, id: string): string {
  return `${collectionPath.replace(/\/$/, '')}/${encodeURIComponent(id)}`;
}

/** The usual target of an action: `<resource>/Actions/ComputerSystem.Reset`. */
export function actionPath(resourcePath: string, action: ActionName): string {
  return `${resourcePath.replace(/\/$/, '')}/Actions/${action.slice(1)}`;
}

/** Keys of `Actions` that we name. */
export const actionNames = {
  resetSystem: '#ComputerSystem.Reset',
  resetManager: '#Manager.Reset',
  insertMedia: '#VirtualMedia.InsertMedia',
  ejectMedia: '#VirtualMedia.EjectMedia',
} as const;
export type ActionName = (typeof actionNames)[keyof typeof actionNames];
