// Reads a commit's files from a bare repository: `git ls-tree -r -z` and `git cat-file --batch` (their documented formats), no work tree.
import type { GitFile, GitFileMode } from '../client.ts';

export interface TreeEntry {
  readonly path: string;
  readonly mode: GitFileMode;
  readonly hash: string;
}

const modes: Readonly<Record<string, GitFileMode>> = { '100644': 'file', '100664': 'file', '100755': 'executable', '120000': 'symlink', '160000': 'submodule' };

/** Parses `git ls-tree -r -z`: `<mode> <type> <hash>\t<path>\0`. */
export function parseTree(output: Buffer): TreeEntry[] {
  const entries: TreeEntry[] = [];
  for (const record of output.toString('utf8').split('\0')) {
    const match = /^(\d{6}) \w+ ([0-9a-f]+)\t(.+)$/s.exec(record);
    const mode = match && modes[match[1]!];
    if (match && mode) entries.push({ mode, hash: match[2]!, path: match[3]! });
  }
  return entries;
}

/** Joins the entries with what `git cat-file --batch` answered for their hashes, in their order: `<hash> blob <size>\n<bytes>\n`. */
export function joinBlobs(entries: readonly TreeEntry[], output: Buffer): GitFile[] {
  const files: GitFile[] = [];
  let offset = 0;
  for (const { path, mode } of entries) {
    if (mode === 'submodule') {
      files.push({ path, mode, bytes: new Uint8Array() });
      continue;
    }
    const lineEnd = output.indexOf(0x0a, offset);
    const match = /^[0-9a-f]+ blob (\d+)$/.exec(output.subarray(offset, lineEnd).toString('latin1'));
    if (lineEnd < 0 || !match) throw new Error(`reading ${path}: git answered "${output.subarray(offset, Math.max(offset, lineEnd)).toString('utf8')}"`);
    const end = lineEnd + 1 + Number(match[1]);
    if (end > output.length) throw new Error(`reading ${path}: git's answer ends early`);
    files.push({ path, mode, bytes: new Uint8Array(output.subarray(lineEnd + 1, end)) });
    offset = end + 1;
  }
  return files;
}
