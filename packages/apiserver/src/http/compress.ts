// Big answers in gzip for those who ask: apiserver pkg/endpoints/handlers/responsewriters/writers.go.
import { gzipSync } from 'node:zlib';
import type { HttpRequest, HttpResponse } from '@keelson/std';

/** Answers smaller than this are sent as they are: packing them costs more than it saves. */
export const compressFromBytes = 128 * 1024;
const level = 1;

/** The answer in gzip when it is a whole, big one to a read and the client takes that. */
export function compressed(request: HttpRequest, answer: HttpResponse): HttpResponse {
  const { body, headers } = answer;
  if (request.method !== 'GET' || answer.status !== 200 || !(body instanceof Uint8Array) || body.length < compressFromBytes) return answer;
  if (headers['content-encoding'] !== undefined) return answer;
  const vary = [headers['vary'], 'Accept-Encoding'].filter(Boolean).join(', ');
  if (!takesGzip(request.headers['accept-encoding'])) return { ...answer, headers: { ...headers, vary } };
  return { ...answer, headers: { ...headers, vary, 'content-encoding': 'gzip' }, body: gzipSync(body, { level }) };
}

/** RFC 9110 12.5.3: named or meant by a star, and not with a weight of zero. */
export function takesGzip(header: string | undefined): boolean {
  const offers = (header ?? '').toLowerCase().split(',').map((part) => {
    const [coding = '', ...parameters] = part.split(';').map((text) => text.trim());
    const weight = parameters.find((parameter) => parameter.startsWith('q='));
    return { coding, isWanted: weight === undefined || Number(weight.slice(2)) > 0 };
  });
  const named = offers.find(({ coding }) => coding === 'gzip' || coding === 'x-gzip') ?? offers.find(({ coding }) => coding === '*');
  return named?.isWanted === true;
}
