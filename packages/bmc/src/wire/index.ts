/** Redfish as data, for drivers and for devices: paths, headers, enumerations, messages, shapes of resources. */
export * from './headers.ts';
export * from './messages.ts';
export * from './paths.ts';
export * from './resources.ts';
export * from './values.ts';
