import { compareVersions } from '../discovery/version-order.ts';
import type { Resource, ServedVersion } from './resource.ts';

/** The kinds a server serves now. */
export interface Registry {
  /** The served version a path names. */
  find(group: string, version: string, plural: string): ServedVersion | undefined;
  /** The served version of a kind, as an object's apiVersion and kind name it. */
  findKind(group: string, version: string, kind: string): ServedVersion | undefined;
  /** A resource by group and plural, whatever is served of it. */
  resource(group: string, plural: string): Resource | undefined;
  /** The resource a store key belongs to. */
  ofKey(key: string): Resource | undefined;
  all(): readonly Resource[];
  /** Groups in the order of their first kind, core first. */
  groups(): readonly string[];
  /** Served versions of a group, the preferred one first. */
  versionsOf(group: string): readonly string[];
  install(resource: Resource): void;
  remove(group: string, plural: string): void;
  /** Counts installs and removals, for those who keep something derived. */
  readonly generation: number;
  /** Calls `run` after every install and removal. */
  onChange(run: () => void): void;
}

/** A registry without kinds. */
export function createRegistry(): Registry {
  const resources = new Map<string, Resource>();
  const byKind = new Map<string, Resource>();
  const listeners: (() => void)[] = [];
  let generation = 0;
  const served = (resource: Resource | undefined, name: string): ServedVersion | undefined => {
    const version = resource?.versions.find((one) => one.name === name && one.served);
    return resource && version && { resource, version };
  };
  const changed = () => {
    generation++;
    for (const run of listeners) run();
  };
  return {
    find: (group, version, plural) => served(resources.get(`${group}/${plural}`), version),
    findKind: (group, version, kind) => served(byKind.get(`${group}/${kind}`), version),
    resource: (group, plural) => resources.get(`${group}/${plural}`),
    ofKey(key) {
      const [group = '', plural = ''] = key.split('/', 2);
      return resources.get(`${group === 'core' ? '' : group}/${plural}`);
    },
    all: () => [...resources.values()],
    groups: () => [...new Set([...resources.values()].map((resource) => resource.group))].sort((a, b) => Number(a !== '') - Number(b !== '')),
    versionsOf(group) {
      const names = [...resources.values()].filter((resource) => resource.group === group).flatMap((resource) => resource.versions.filter((version) => version.served));
      return [...new Set(names.map((version) => version.name))].sort(compareVersions);
    },
    install(resource) {
      const key = `${resource.group}/${resource.plural}`;
      const known = resources.get(key);
      if (known) byKind.delete(`${known.group}/${known.kind}`);
      resources.set(key, resource);
      byKind.set(`${resource.group}/${resource.kind}`, resource);
      changed();
    },
    remove(group, plural) {
      const known = resources.get(`${group}/${plural}`);
      if (!known) return;
      resources.delete(`${group}/${plural}`);
      byKind.delete(`${group}/${known.kind}`);
      changed();
    },
    get generation() {
      return generation;
    },
    onChange: (run) => void listeners.push(run),
  };
}
