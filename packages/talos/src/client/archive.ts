/**
 * The kubeconfig as the Talos API sends it: a gzipped tar (POSIX ustar) with one file. Upstream's server never writes the
 * two zero blocks that end an archive, so the end of the data is the end of the archive.
 */
import { constants, gunzipSync } from 'node:zlib';

const blockBytes = 512;
const limitBytes = 4 * 1024 * 1024;

/** The first regular file of a tar.gz. Throws when there is none or it is cut short. */
export function firstFileOfTarGz(archive: Uint8Array): { readonly name: string; readonly content: Uint8Array } {
  let tar: Uint8Array;
  try {
    tar = gunzipSync(archive, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: limitBytes });
  } catch (cause) {
    throw new Error(`unpacking an archive of ${archive.length} bytes`, { cause });
  }
  let offset = 0;
  while (offset + blockBytes <= tar.length) {
    const header = tar.subarray(offset, offset + blockBytes);
    const name = textField(header, 0, 100);
    if (name === '') break;
    const size = Number.parseInt(textField(header, 124, 12).trim() || '0', 8);
    const type = String.fromCharCode(header[156]!);
    const start = offset + blockBytes;
    if (!Number.isInteger(size) || size < 0) throw new Error(`the archive's entry ${name} has no readable size`);
    if (type === '0' || type === '\0') {
      if (start + size > tar.length) throw new Error(`the archive ends within ${name}: ${tar.length - start} of ${size} bytes`);
      return { name, content: tar.slice(start, start + size) };
    }
    offset = start + Math.ceil(size / blockBytes) * blockBytes;
  }
  throw new Error('the archive holds no file');
}

function textField(header: Uint8Array, start: number, length: number): string {
  const field = header.subarray(start, start + length);
  const end = field.indexOf(0);
  return Buffer.from(end < 0 ? field : field.subarray(0, end)).toString('utf8');
}
