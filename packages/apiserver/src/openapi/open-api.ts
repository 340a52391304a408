import type { HttpRequest, HttpResponse } from '@keelson/std';

export interface OpenApi {
  /** The answer to /openapi/v3 and below; undefined for other paths. */
  answer(path: string, url: URL, request: HttpRequest): HttpResponse | undefined;
}
