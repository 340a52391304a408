/** Serves lab boot images by the URLs of Image Factory: /image/<schematic>/<version>/<platform>-<arch>.iso, with HEAD and ranges. */
import { encodeText, jsonResponse, requestUrl, textResponse, type HttpHandler, type HttpRequest, type HttpResponse } from '@keelson/std';
import type { TalosImage } from '../datacenter.ts';
import { encodeImage } from './image.ts';

/** A handler over the images of the lab file. Also answers GET /versions, as Image Factory does. */
export function imageServer(images: readonly TalosImage[]): HttpHandler {
  return async (request) => {
    const path = decodeURIComponent(requestUrl(request).pathname);
    if (request.method !== 'GET' && request.method !== 'HEAD') return textResponse(405, 'method not allowed\n', { allow: 'GET, HEAD' });
    if (path === '/healthz') return textResponse(200, 'ok\n');
    if (path === '/versions') return jsonResponse(200, [...new Set(images.map((image) => image.version))]);
    const body = imageAt(path, images);
    if (!body) return textResponse(404, `no image at ${path}\n`);
    return ranged(request, body);
  };
}

/** URL path of an image. */
export function imagePath(image: TalosImage, schematic = image.schematics[0]!): string {
  return `/image/${schematic}/${image.version}/metal-${image.arch}.iso`;
}

function imageAt(path: string, images: readonly TalosImage[]): Uint8Array | undefined {
  const match = /^\/image\/([0-9a-f]{64})\/(v[^/]+)\/metal-(amd64|arm64)\.iso$/.exec(path);
  if (!match) return undefined;
  const [, schematic, version, arch] = match as unknown as [string, string, string, string]; // the pattern has three groups
  const image = images.find((one) => one.version === version && one.arch === arch && one.schematics.includes(schematic));
  if (!image) return undefined;
  const kernelArgs = ['talos.platform=metal', 'console=tty0', ...(image.haltIfInstalled ? ['talos.halt_if_installed=1'] : [])];
  return encodeImage({ keelsonLabImage: 1, os: 'talos', version, arch, schematic, kernelArgs });
}

function ranged(request: HttpRequest, body: Uint8Array): HttpResponse {
  const common = { 'content-type': 'application/octet-stream', 'accept-ranges': 'bytes' };
  const answer = (status: number, part: Uint8Array, headers: Record<string, string>): HttpResponse => ({
    status, headers: { ...common, 'content-length': String(part.length), ...headers }, body: request.method === 'HEAD' ? undefined : part,
  });
  const range = /^bytes=(\d*)-(\d*)$/.exec(request.headers['range'] ?? '');
  if (!range || (range[1] === '' && range[2] === '')) return answer(200, body, {});
  const suffix = range[1] === '';
  const first = suffix ? Math.max(0, body.length - Number(range[2])) : Number(range[1]);
  const last = suffix || range[2] === '' ? body.length - 1 : Math.min(Number(range[2]), body.length - 1);
  if (first > last) {
    return { status: 416, headers: { ...common, 'content-range': `bytes */${body.length}` }, body: encodeText('range not satisfiable\n') };
  }
  return answer(206, body.subarray(first, last + 1), { 'content-range': `bytes ${first}-${last}/${body.length}` });
}
