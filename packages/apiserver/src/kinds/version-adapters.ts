import type { ResourceVersion } from '../registry/resource.ts';

/** Conversions of built-in kinds whose versions or groups differ in more than their apiVersion. */
export function versionAdapters(group: string, kind: string, version: string): Pick<ResourceVersion, 'fromStorage' | 'toStorage'> {
  void group, kind, version;
  return {};
}
