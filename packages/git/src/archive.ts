// POSIX.1-2001 ustar with pax headers for names that do not fit, inside gzip (RFC 1952).
// Layout after Flux's source-controller: lexical order, regular files and folders only, no owner, no times, modes 0600/0700 and 0750.
import { createHash } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { GitFile } from './client.ts';

export interface Archive {
  /** gzip of a tar. The same files give the same bytes. */
  readonly bytes: Uint8Array;
  /** `sha256:<hex>` of `bytes`. */
  readonly digest: string;
}

/** Packs files deterministically. Symlinks and submodules are left out, as upstream does. */
export function archiveFiles(files: readonly GitFile[]): Archive {
  const kept = files.filter((file) => file.mode === 'file' || file.mode === 'executable');
  const entries = new Map<string, GitFile | undefined>();
  for (const file of kept) {
    const parts = file.path.split('/');
    for (let i = 1; i < parts.length; i++) entries.set(`${parts.slice(0, i).join('/')}/`, undefined);
    entries.set(file.path, file);
  }
  const blocks: Uint8Array[] = [];
  for (const path of [...entries.keys()].sort(compareWalkOrder)) {
    const file = entries.get(path);
    if (file) blocks.push(...entry(path, '0', file.mode === 'executable' ? 0o700 : 0o600, file.bytes));
    else blocks.push(...entry(path, '5', 0o750, new Uint8Array()));
  }
  blocks.push(new Uint8Array(1024));
  const bytes = gzipSync(Buffer.concat(blocks), { level: 6 });
  // gzip's header: modification time (bytes 4 to 7) zero, operating system (byte 9) unknown, whatever zlib's build put there.
  bytes.fill(0, 4, 8);
  bytes[9] = 255;
  return { bytes, digest: digestOf(bytes) };
}

/** `sha256:<hex>` */
export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** The order in which a walk over folders meets paths: component by component. */
function compareWalkOrder(a: string, b: string): number {
  const left = a.replace(/\/$/, '').split('/');
  const right = b.replace(/\/$/, '').split('/');
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    if (left[i] !== right[i]) return left[i]! < right[i]! ? -1 : 1;
  }
  return left.length - right.length;
}

function entry(path: string, type: '0' | '5', mode: number, bytes: Uint8Array): Uint8Array[] {
  const fitting = splitName(path);
  const blocks: Uint8Array[] = [];
  if (!fitting) {
    const record = paxRecord('path', path);
    blocks.push(header({ name: 'PaxHeaders.0/path', prefix: '' }, 'x', 0o600, record.length), ...padded(record));
  }
  blocks.push(header(fitting ?? { name: Buffer.from(path).subarray(0, 100).toString('latin1'), prefix: '' }, type, mode, bytes.length));
  if (bytes.length > 0) blocks.push(...padded(bytes));
  return blocks;
}

/** Name and prefix of a ustar header; undefined when the path is too long or not ASCII. */
function splitName(path: string): { name: string; prefix: string } | undefined {
  if (!/^[\x20-\x7e]*$/.test(path)) return undefined;
  if (path.length <= 100) return { name: path, prefix: '' };
  for (let cut = path.lastIndexOf('/', path.length - 2); cut > 0; cut = path.lastIndexOf('/', cut - 1)) {
    const name = path.slice(cut + 1);
    if (name.length > 100) return undefined;
    if (cut <= 155) return { name, prefix: path.slice(0, cut) };
  }
  return undefined;
}

/** `<length> key=value\n`, where the length counts itself. */
function paxRecord(key: string, value: string): Uint8Array {
  const body = Buffer.byteLength(` ${key}=${value}\n`);
  let length = body + String(body).length;
  if (String(length).length !== String(body).length) length = body + String(length).length;
  return Buffer.from(`${length} ${key}=${value}\n`);
}

function padded(bytes: Uint8Array): Uint8Array[] {
  const rest = bytes.length % 512;
  return rest === 0 ? [bytes] : [bytes, new Uint8Array(512 - rest)];
}

function header(name: { name: string; prefix: string }, type: string, mode: number, size: number): Uint8Array {
  const block = Buffer.alloc(512);
  const octal = (value: number, offset: number, width: number) => block.write(`${value.toString(8).padStart(width - 1, '0')}\0`, offset, 'latin1');
  block.write(name.name, 0, 100, 'latin1');
  octal(mode, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(size, 124, 12);
  octal(0, 136, 12);
  block.fill(' ', 148, 156);
  block.write(type, 156, 'latin1');
  block.write('ustar\u000000', 257, 'latin1');
  block.write(name.prefix, 345, 155, 'latin1');
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

export class ArchiveError extends Error {
  override readonly name = 'ArchiveError';
}

/**
 * The regular files of a tar.gz, ours or another program's (ustar, pax, GNU long names).
 * Throws ArchiveError when it is damaged, holds a path that leaves the root, or unpacks to more than `limitBytes`.
 */
export function readArchive(bytes: Uint8Array, limitBytes = 512 * 1024 * 1024): GitFile[] {
  const tar = unpack(bytes, limitBytes);
  const files: GitFile[] = [];
  let longPath: string | undefined;
  for (let offset = 0; offset + 512 <= tar.length; ) {
    const block = tar.subarray(offset, offset + 512);
    if (block.every((byte) => byte === 0)) break;
    const size = readSize(block);
    const end = offset + 512 + size;
    if (end > tar.length) throw new ArchiveError('the archive ends in the middle of a file');
    const content = tar.subarray(offset + 512, end);
    const type = String.fromCharCode(block[156]!);
    offset += 512 + Math.ceil(size / 512) * 512;
    if (type === 'x' || type === 'L') {
      longPath = type === 'x' ? (paxPath(content) ?? longPath) : text(content, 0, content.length);
      continue;
    }
    const prefix = text(block, 257, 5) === 'ustar' ? text(block, 345, 155) : '';
    const path = longPath ?? (prefix ? `${prefix}/${text(block, 0, 100)}` : text(block, 0, 100));
    longPath = undefined;
    if (type !== '0' && type !== '\0') continue;
    const mode = Number.parseInt(text(block, 100, 8), 8) & 0o111 ? 'executable' : 'file';
    files.push({ path: insideRoot(path), mode, bytes: new Uint8Array(content) });
  }
  return files;
}

function unpack(bytes: Uint8Array, limitBytes: number): Buffer {
  try {
    return gunzipSync(bytes, { maxOutputLength: limitBytes });
  } catch (cause) {
    throw new ArchiveError('unpacking the archive failed', { cause });
  }
}

function readSize(block: Uint8Array): number {
  const size = Number.parseInt(text(block, 124, 12).trim() || '0', 8);
  if (!Number.isSafeInteger(size) || size < 0) throw new ArchiveError('a header of the archive has no size');
  return size;
}

function text(block: Uint8Array, start: number, length: number): string {
  const part = block.subarray(start, start + length);
  const end = part.indexOf(0);
  return new TextDecoder().decode(end < 0 ? part : part.subarray(0, end));
}

function paxPath(content: Uint8Array): string | undefined {
  let rest = Buffer.from(content);
  while (rest.length > 0) {
    const space = rest.indexOf(0x20);
    const length = Number(rest.subarray(0, space).toString());
    if (space < 0 || !Number.isSafeInteger(length) || length <= space + 1) throw new ArchiveError('an extended header of the archive is malformed');
    const record = rest.subarray(space + 1, length - 1).toString();
    if (record.startsWith('path=')) return record.slice('path='.length);
    rest = rest.subarray(length);
  }
  return undefined;
}

function insideRoot(path: string): string {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  if (path.startsWith('/') || parts.includes('..')) throw new ArchiveError(`the archive has the path "${path}", which leaves its root`);
  return parts.join('/');
}
