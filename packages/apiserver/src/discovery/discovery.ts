// Discovery: apiserver pkg/endpoints/discovery, aggregated and legacy form.
import { createHash } from 'node:crypto';
import type { HttpRequest, HttpResponse } from '@keelson/std';
import { encodeText } from '@keelson/std';
import { jsonAnswer } from '../http/answer.ts';
import { parseAccept } from '../http/negotiate.ts';
import type { Registry } from '../registry/registry.ts';
import type { Resource, ResourceVersion } from '../registry/resource.ts';
import { storageVersion } from '../registry/resource.ts';
import { reviewResources } from '../authz/review-kinds.ts';

export interface Discovery {
  /** The answer to /api, /apis and below; undefined for other paths and unknown groups. */
  answer(path: string, request: HttpRequest): HttpResponse | undefined;
  groupPaths(): string[];
}

interface Entry {
  readonly group: string;
  readonly version: string;
  readonly resources: readonly ResourceEntry[];
}

/** One resource at one version, without its subresources. */
export interface ResourceEntry {
  readonly resource: Pick<Resource, 'group' | 'kind' | 'plural' | 'singular' | 'shortNames' | 'categories' | 'namespaced' | 'verbs'>;
  readonly subresources: ResourceVersion['subresources'];
  readonly storageHash?: string;
}

const aggregatedType = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

/** Discovery over the kinds of a registry; documents are made anew only after it has changed. */
export function createDiscovery(registry: Registry): Discovery {
  let cached: { generation: number; entries: readonly Entry[]; documents: Map<string, { body: Uint8Array; etag: string }> } | undefined;
  const current = () => {
    if (cached?.generation !== registry.generation) cached = { generation: registry.generation, entries: entriesOf(registry), documents: new Map() };
    return cached;
  };
  const document = (name: string, make: () => object) => {
    const { documents } = current();
    let known = documents.get(name);
    if (!known) {
      const body = encodeText(JSON.stringify(make()));
      known = { body, etag: `"${createHash('sha512').update(body).digest('hex').toUpperCase()}"` };
      documents.set(name, known);
    }
    return known;
  };
  const aggregated = (root: 'api' | 'apis', request: HttpRequest): HttpResponse => {
    const { body, etag } = document(root, () => aggregatedList(current().entries.filter((entry) => (entry.group === '') === (root === 'api'))));
    const headers = { 'content-type': aggregatedType, etag, vary: 'Accept', 'cache-control': 'public' };
    if (request.headers['if-none-match'] === etag) return { status: 304, headers };
    return { status: 200, headers, body };
  };
  return {
    answer(path, request) {
      if ((path === '/api' || path === '/apis') && wantsAggregated(request)) return aggregated(path === '/api' ? 'api' : 'apis', request);
      const { entries } = current();
      const found = legacy(path, entries);
      if (!found) return undefined;
      const answer = jsonAnswer(200, found);
      return path === '/api' || path === '/apis' ? { ...answer, headers: { ...answer.headers, vary: 'Accept' } } : answer;
    },
    groupPaths: () => current().entries.filter((entry) => entry.group !== '').flatMap((entry) => [`/apis/${entry.group}`, `/apis/${entry.group}/${entry.version}`]),
  };
}

function wantsAggregated(request: HttpRequest): boolean {
  for (const { type, parameters } of parseAccept(request.headers['accept'])) {
    if (type !== 'application/json' && type !== '*/*' && type !== 'application/*') continue;
    if (parameters['as'] === undefined) return false;
    if (parameters['as'] === 'APIGroupDiscoveryList' && parameters['g'] === 'apidiscovery.k8s.io' && parameters['v'] === 'v2') return true;
  }
  return false;
}

/** Every group version with what it serves: groups in the order names are resolved in, versions by preference. */
function entriesOf(registry: Registry): Entry[] {
  const reviews = reviewResources();
  const groups = [...new Set([...registry.groups(), ...reviews.map((entry) => entry.resource.group)])];
  return groups.flatMap((group) => {
    const own = reviews.filter((entry) => entry.resource.group === group);
    const versions = registry.versionsOf(group);
    return [...new Set([...versions, ...(own.length > 0 ? ['v1'] : [])])].map((version) => ({
      group,
      version,
      resources: [...resourcesOf(registry, group, version), ...(version === 'v1' ? own : [])].sort((a, b) => (a.resource.plural < b.resource.plural ? -1 : 1)),
    }));
  });
}

function resourcesOf(registry: Registry, group: string, version: string): ResourceEntry[] {
  return registry.all().flatMap((resource) => {
    if (resource.group !== group) return [];
    const served = resource.versions.find((one) => one.name === version && one.served);
    return served ? [{ resource, subresources: served.subresources, storageHash: storageHash(resource) }] : [];
  });
}

function storageHash(resource: Resource): string {
  const { name } = storageVersion(resource);
  return createHash('sha256').update(`${resource.group}/${name}/${resource.kind}`).digest().subarray(0, 8).toString('base64');
}

function aggregatedList(entries: readonly Entry[]): object {
  const groups = [...new Set(entries.map((entry) => entry.group))];
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: 'apidiscovery.k8s.io/v2',
    metadata: {},
    items: groups.map((group) => ({
      metadata: { ...(group !== '' && { name: group }), creationTimestamp: null },
      versions: entries
        .filter((entry) => entry.group === group)
        .map((entry) => ({ version: entry.version, resources: entry.resources.map((one) => aggregatedResource(one, entry.version)), freshness: 'Current' })),
    })),
  };
}

function aggregatedResource({ resource, subresources }: ResourceEntry, version: string): object {
  return {
    resource: resource.plural,
    responseKind: { group: resource.group, version, kind: resource.kind },
    scope: resource.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: resource.singular,
    verbs: resource.verbs,
    ...(resource.shortNames.length > 0 && { shortNames: resource.shortNames }),
    ...(resource.categories.length > 0 && { categories: resource.categories }),
    ...(subresources.length > 0 && {
      subresources: subresources.map((sub) => ({
        subresource: sub.name,
        responseKind: sub.kind ?? { group: resource.group, version, kind: resource.kind },
        verbs: sub.verbs,
      })),
    }),
  };
}

function legacy(path: string, entries: readonly Entry[]): object | undefined {
  if (path === '/api') return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] };
  if (path === '/apis') {
    const groups = [...new Set(entries.map((entry) => entry.group))].filter((group) => group !== '');
    return { kind: 'APIGroupList', apiVersion: 'v1', groups: groups.map((group) => apiGroup(group, entries)) };
  }
  const [root, group = '', version, more] = path.slice(1).split('/');
  if (more !== undefined || (root !== 'api' && root !== 'apis')) return undefined;
  if (root === 'apis' && version === undefined) {
    return entries.some((entry) => entry.group === group) ? { kind: 'APIGroup', apiVersion: 'v1', ...apiGroup(group, entries) } : undefined;
  }
  const [wantedGroup, wantedVersion] = root === 'api' ? ['', group] : [group, version];
  if (root === 'api' && version !== undefined) return undefined;
  const entry = entries.find((one) => one.group === wantedGroup && one.version === wantedVersion);
  return entry && resourceList(entry);
}

function apiGroup(group: string, entries: readonly Entry[]): object {
  const versions = entries.filter((entry) => entry.group === group).map(({ version }) => ({ groupVersion: `${group}/${version}`, version }));
  return { name: group, versions, preferredVersion: versions[0] };
}

function resourceList({ group, version, resources }: Entry): object {
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: group === '' ? version : `${group}/${version}`,
    resources: resources.flatMap(({ resource, subresources, storageHash: hash }) => [
      {
        name: resource.plural,
        singularName: resource.singular,
        namespaced: resource.namespaced,
        kind: resource.kind,
        verbs: resource.verbs,
        ...(resource.shortNames.length > 0 && { shortNames: resource.shortNames }),
        ...(resource.categories.length > 0 && { categories: resource.categories }),
        ...(hash !== undefined && { storageVersionHash: hash }),
      },
      ...subresources.map((sub) => ({
        name: `${resource.plural}/${sub.name}`,
        singularName: '',
        namespaced: resource.namespaced,
        ...(sub.kind && { group: sub.kind.group, version: sub.kind.version }),
        kind: sub.kind?.kind ?? resource.kind,
        verbs: sub.verbs,
      })),
    ]),
  };
}
