/** The example folder as the files of the lab's repository, with the lab's addresses. */
import type { Files } from '@keelson/std';
import { moveAddresses } from '../addresses.ts';

const skipped = new Set(['.git/', 'node_modules/', '.keelson/']);

/** All text files below a folder, path to text. The lab's own file stays out: it describes the world, not what is wanted of it. */
export async function readExample(files: Files, directory: string, prefix: string): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  const visit = async (folder: string, path: string): Promise<void> => {
    for (const name of await files.list(folder)) {
      if (skipped.has(name) || (path === '' && name === 'lab.yaml')) continue;
      if (name.endsWith('/')) await visit(`${folder}/${name.slice(0, -1)}`, `${path}${name}`);
      else found.set(`${path}${name}`, moveAddresses(new TextDecoder().decode(await files.read(`${folder}/${name}`)), prefix));
    }
  };
  await visit(directory.replace(/\/$/, ''), '');
  return found;
}
