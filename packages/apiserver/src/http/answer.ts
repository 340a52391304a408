import type { KubeObject } from '@keelson/kube';
import type { Bytes, HttpResponse } from '@keelson/std';
import { encodeText } from '@keelson/std';
import { StatusError, internalError } from './api-status.ts';
import { PatchError } from '@keelson/kube/apply';
import type { Warnings } from '../registry/request-context.ts';

const jsonHeaders = { 'content-type': 'application/json', 'cache-control': 'no-cache, private' } as const;

/** An answer whose JSON is there already. */
export function bytesAnswer(status: number, body: Bytes | AsyncIterable<Bytes>): HttpResponse {
  return { status, headers: jsonHeaders, body };
}

/** A value as the answer. */
export function jsonAnswer(status: number, value: unknown, contentType = 'application/json'): HttpResponse {
  return { status, headers: { ...jsonHeaders, 'content-type': contentType }, body: encodeText(JSON.stringify(value)) };
}

export function objectAnswer(status: number, object: KubeObject): HttpResponse {
  return jsonAnswer(status, object);
}

/** The refusal behind a thrown error: itself, a patch that does not fit, or a bug of ours (whose `cause` is for the log). */
export function asStatusError(error: unknown): StatusError {
  if (error instanceof StatusError) return error;
  if (error instanceof PatchError) {
    const reasons: Record<number, string> = { 400: 'BadRequest', 409: 'Conflict', 413: 'RequestEntityTooLarge', 415: 'UnsupportedMediaType', 422: 'Invalid', 500: 'InternalError' };
    const status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: error.message, reason: reasons[error.code] ?? 'InternalError', code: error.code } as const;
    return new StatusError(status, { cause: error });
  }
  return internalError(error instanceof Error ? error.message : String(error), error);
}

/** A refusal as the answer. */
export function errorAnswer(error: StatusError): HttpResponse {
  const answer = jsonAnswer(error.status.code ?? 500, error.status);
  return { ...answer, headers: { ...answer.headers, ...error.headers, ...(error.status.code === 403 && { 'x-content-type-options': 'nosniff' }) } };
}

const warningMaxRunes = 256;
const warningsMaxBytes = 4096;

/** The answer with a Warning header (RFC 7234) for each text; shortened when all together are too long. */
export function withWarnings(answer: HttpResponse, warnings: Warnings): HttpResponse {
  const { texts } = warnings;
  if (texts.length === 0) return answer;
  const total = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  const shown = total > warningsMaxBytes ? texts.map((text) => [...text].slice(0, warningMaxRunes).join('')) : texts;
  const header = shown.map((text) => `299 - ${JSON.stringify(text.replace(/[\x00-\x1f\x7f]/g, ' '))}`).join(', ');
  return { ...answer, headers: { ...answer.headers, warning: header } };
}
