/**
 * Boot images of the lab: small files under the URLs of Talos' Image Factory that say what they would start.
 * A machine reads the header through its BMC's virtual medium; what is not a lab image does not boot.
 */
import type { BootImage } from '../machine/state.ts';

export interface ImageHeader {
  readonly keelsonLabImage: 1;
  readonly os: 'talos';
  readonly version: string;
  readonly arch: string;
  readonly schematic: string;
  readonly kernelArgs: readonly string[];
}

/** Size of an image: enough to be read in parts, small enough for thousands. */
export const imageSize = 64 * 1024;
/** The header is one line of JSON within this many first bytes. */
export const headerLimit = 4096;

const marker = '{"keelsonLabImage":1,';

export function encodeImage(header: ImageHeader): Uint8Array {
  const { keelsonLabImage, ...rest } = header;
  const line = new TextEncoder().encode(`${JSON.stringify({ keelsonLabImage, ...rest })}\n`);
  if (line.length > headerLimit) throw new Error(`image header of ${line.length} bytes is longer than ${headerLimit}`);
  const image = new Uint8Array(imageSize);
  image.set(line);
  return image;
}

/** The image that these first bytes start; undefined when they are no lab image. */
export function decodeImage(bytes: Uint8Array, url: string): BootImage | undefined {
  const text = new TextDecoder().decode(bytes.subarray(0, headerLimit));
  const end = text.indexOf('\n');
  if (!text.startsWith(marker) || end < 0) return undefined;
  try {
    const header = JSON.parse(text.slice(0, end)) as Partial<ImageHeader>; // checked field by field below
    if (header.os !== 'talos' || typeof header.version !== 'string' || typeof header.arch !== 'string') return undefined;
    return {
      os: 'talos', version: header.version, arch: header.arch, schematic: String(header.schematic ?? ''),
      kernelArgs: Array.isArray(header.kernelArgs) ? header.kernelArgs.map(String) : [], from: 'cd', source: url,
    };
  } catch {
    return undefined; // a damaged header is a medium that does not boot
  }
}
