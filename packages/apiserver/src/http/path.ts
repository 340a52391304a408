// The URL grammar of apiserver pkg/endpoints/request/requestinfo.go.

/** What a path under /api or /apis names. */
export interface ResourcePath {
  readonly group: string;
  readonly version: string;
  /** Undefined for a path that names only a group version. */
  readonly resource?: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly subresource?: string;
  /** Segments after the subresource (proxy paths). */
  readonly rest: readonly string[];
  /** The deprecated prefix /watch/. */
  readonly isWatch: boolean;
}

const namespaceSubresources: ReadonlySet<string> = new Set(['status', 'finalize']);

/**
 * Reads `/api/v1/...` and `/apis/<group>/<version>/...`; undefined for another path, for one that stops at the group,
 * and for one with an empty or undecodable segment.
 */
export function parseResourcePath(path: string): ResourcePath | undefined {
  const decoded = decodeSegments(path);
  if (!decoded) return undefined;
  const [root, ...afterRoot] = decoded;
  let group = '';
  let rest = afterRoot;
  if (root === 'apis') {
    if (rest.length < 2) return undefined;
    [group = '', ...rest] = rest;
  } else if (root !== 'api') return undefined;
  const [version, ...named] = rest;
  if (version === undefined) return undefined;
  const isWatch = named[0] === 'watch';
  const parts = isWatch ? named.slice(1) : named;
  return { group, version, isWatch, ...resourceParts(parts) };
}

function resourceParts(parts: readonly string[]): Omit<ResourcePath, 'group' | 'version' | 'isWatch'> {
  if (parts.length === 0) return { rest: [] };
  const inNamespace = parts[0] === 'namespaces' && parts.length > 2 && !namespaceSubresources.has(parts[2] ?? '');
  const [resource, name, subresource, ...rest] = inNamespace ? parts.slice(2) : parts;
  return { resource, name, subresource, rest, namespace: inNamespace ? parts[1] : undefined };
}

/** Segments of a path without its slashes at the ends; undefined when one is empty or cannot be decoded. */
export function decodeSegments(path: string): string[] | undefined {
  const trimmed = path.replace(/^\/+|\/+$/g, '');
  if (trimmed === '') return [];
  const segments: string[] = [];
  for (const raw of trimmed.split('/')) {
    let segment: string;
    try {
      segment = decodeURIComponent(raw);
    } catch {
      return undefined;
    }
    // An encoded slash would name another key than the path says.
    if (segment === '' || segment.includes('/') || segment === '.' || segment === '..') return undefined;
    segments.push(segment);
  }
  return segments;
}
