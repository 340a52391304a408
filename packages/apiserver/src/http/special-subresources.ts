import type { HttpResponse } from '@keelson/std';
import { noSuchResource } from './api-status.ts';
import type { ApiRequest } from './request.ts';

export function isSpecialSubresource(request: ApiRequest): boolean {
  void request;
  return false;
}

export function createSubresource(request: ApiRequest): HttpResponse {
  void request;
  throw noSuchResource();
}
