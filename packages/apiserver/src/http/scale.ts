import type { HttpResponse } from '@keelson/std';
import { noSuchResource } from './api-status.ts';
import type { ApiRequest } from './request.ts';

export function scaleVerb(request: ApiRequest): HttpResponse {
  void request;
  throw noSuchResource();
}
