export * from './scripted-redfish.ts';
export * from './virtual-bmc.ts';
