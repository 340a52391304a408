import type { KubeObject } from '@keelson/kube';

const pathLimit = 8;

/**
 * The fields in which a dry run's result differs from the live object: labels, annotations, and all outside metadata and status
 * (kustomize-controller's drift test). At most eight, e.g. `spec.replicas`, `metadata.labels.app`.
 */
export function changedFields(live: KubeObject, result: KubeObject): string[] {
  const found: string[] = [];
  for (const field of ['labels', 'annotations'] as const) compare(live.metadata[field] ?? {}, result.metadata[field] ?? {}, `metadata.${field}`, found);
  for (const key of new Set([...Object.keys(live), ...Object.keys(result)])) {
    if (!['apiVersion', 'kind', 'metadata', 'status'].includes(key)) compare(live[key], result[key], key, found);
  }
  return found;
}

function compare(a: unknown, b: unknown, path: string, found: string[]): void {
  if (a === b || found.length >= pathLimit) return;
  if (Array.isArray(a) && Array.isArray(b) && a.length === b.length) {
    a.forEach((item, i) => compare(item, b[i], `${path}[${i}]`, found));
    return;
  }
  if (isMap(a) && isMap(b)) {
    for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) compare(a[key], b[key], `${path}.${key}`, found);
    return;
  }
  if (a !== undefined || b !== undefined) found.push(path);
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
