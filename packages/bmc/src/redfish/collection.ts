/** Collections (DSP0266): members by link, by expansion, and over pages. */
import { BmcError } from '../driver.ts';
import type { Collection, Resource } from '../wire/index.ts';
import type { RedfishClient } from './client.ts';

const pageLimit = 64;
const memberLimit = 1024;

/** The paths of a collection's members, over all pages. */
export async function memberPaths(client: RedfishClient, path: string): Promise<readonly string[]> {
  return (await memberLinks(client, path)).map((member) => member['@odata.id']);
}

async function memberLinks(client: RedfishClient, path: string): Promise<readonly NonNullable<Collection['Members']>[number][]> {
  const members: NonNullable<Collection['Members']>[number][] = [];
  let next: string | undefined = path;
  const seen = new Set<string>();
  while (next !== undefined && !seen.has(next)) {
    if (seen.size >= pageLimit || members.length > memberLimit) throw new BmcError('protocol', `reading ${path}: the collection does not end`);
    seen.add(next);
    const page: Collection = await client.get<Collection>(next);
    members.push(...(page.Members ?? []).filter((member) => typeof member?.['@odata.id'] === 'string'));
    const link: unknown = page['Members@odata.nextLink'];
    next = typeof link === 'string' && link.startsWith('/') ? link : undefined;
  }
  return members;
}

/** The members themselves, with their paths; those that came expanded are not read again. A member that has gone is left out. */
export async function readMembers<T extends Resource>(client: RedfishClient, path: string): Promise<readonly (T & { readonly path: string })[]> {
  const out: (T & { readonly path: string })[] = [];
  for (const link of await memberLinks(client, path)) {
    const memberPath = link['@odata.id'];
    // An expanded member carries its own Id, a link does not. Its shape is checked property by property by whoever reads it.
    const member = link.Id !== undefined ? (link as unknown as T) : await client.find<T>(memberPath);
    if (member) out.push({ ...member, path: memberPath });
  }
  return out;
}
