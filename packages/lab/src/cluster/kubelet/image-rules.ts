/**
 * The lab's only registry rules. Every image can be pulled and runs well, but for what its reference asks for, so that a
 * commit can show each failure:
 *
 * | reference | what happens |
 * | --- | --- |
 * | tag `missing`, or containing `:missing-` | the registry answers that there is no such manifest |
 * | registry host under `.invalid` (RFC 2606) | the name cannot be resolved |
 * | registry host `private.lab` or below it | the registry answers 401, unless the pod has imagePullSecrets |
 * | tag `crash` or `crash-…` | the container starts and exits with code 1, again and again |
 * | tag `unready` or `unready-…` | the container runs and is never ready |
 */
export interface ImageReference {
  /** Docker Hub as `docker.io`. */
  readonly registry: string;
  readonly repository: string;
  /** `latest` when there is neither tag nor digest. */
  readonly tag: string;
  readonly digest?: string;
}

export type ContainerBehaviour = 'runs' | 'crashes' | 'never-ready';

/** An image reference in parts, as containerd completes it; undefined when it cannot be read. */
export function parseImage(text: string): ImageReference | undefined {
  const [name, digest] = text.split('@', 2);
  const match = /^(?:([^/]*[.:][^/]*|localhost)\/)?([a-z0-9]+(?:[._/-]+[a-z0-9]+)*)(?::([\w][\w.-]{0,127}))?$/.exec(name ?? '');
  if (!match) return undefined;
  const registry = match[1] ?? 'docker.io';
  const path = match[2]!;
  const repository = registry === 'docker.io' && !path.includes('/') ? `library/${path}` : path;
  return { registry, repository, tag: match[3] ?? 'latest', ...(digest ? { digest } : {}) };
}

/** The reference written out in full, as node and container statuses show it. */
export function fullImageName({ registry, repository, tag, digest }: ImageReference): string {
  return digest ? `${registry}/${repository}@${digest}` : `${registry}/${repository}:${tag}`;
}

/** Why the image cannot be pulled, in containerd's form; undefined when it can. */
export function pullFailure(image: string, hasPullSecrets: boolean): string | undefined {
  const reference = parseImage(image);
  if (!reference) return `failed to parse image reference "${image}": invalid reference format`;
  const full = fullImageName(reference);
  const host = reference.registry.replace(/:\d+$/, '');
  const failed = `failed to pull and unpack image "${full}": failed to resolve reference "${full}"`;
  if (host.endsWith('.invalid')) return `${failed}: failed to do request: Head "https://${reference.registry}/v2/${reference.repository}/manifests/${reference.tag}": dial tcp: lookup ${host}: no such host`;
  if ((host === 'private.lab' || host.endsWith('.private.lab')) && !hasPullSecrets) return `${failed}: pull access denied, repository does not exist or may require authorization: authorization failed: no basic auth credentials`;
  if (reference.tag === 'missing' || reference.tag.startsWith('missing-')) return `${failed}: ${full}: not found`;
  return undefined;
}

export function behaviourOf(image: string): ContainerBehaviour {
  const tag = parseImage(image)?.tag ?? '';
  if (tag === 'crash' || tag.startsWith('crash-')) return 'crashes';
  if (tag === 'unready' || tag.startsWith('unready-')) return 'never-ready';
  return 'runs';
}
