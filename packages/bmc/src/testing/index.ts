export * from './scripted-redfish.ts';
export * from './virtual-bmc.ts';
export * from './recording.ts';
