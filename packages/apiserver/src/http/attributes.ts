import type { Attributes } from '../authz/authorizer.ts';
import { verbOf } from './dispatch.ts';
import type { ResourcePath } from './path.ts';

/** What a request wants to do, as authorization sees it. */
export function attributesOf(method: string, path: ResourcePath, url: URL): Attributes {
  const verb = verbOf({ http: { method }, path, url }) ?? method.toLowerCase();
  return {
    verb,
    group: path.group,
    resource: path.resource ?? '',
    subresource: path.subresource,
    namespace: path.namespace,
    name: path.name ?? watchedName(url),
  };
}

/** A list or watch of one name counts as a request for that name. */
function watchedName(url: URL): string | undefined {
  return /(?:^|,)metadata\.name={1,2}([^,]+)/.exec(url.searchParams.get('fieldSelector') ?? '')?.[1];
}
