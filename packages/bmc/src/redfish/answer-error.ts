/** Turns a Redfish answer that is not a success into a BmcError (DSP0266 "Error responses", and what vendors make of it). */
import { parseDuration } from '@keelson/std';
import { BmcError, type BmcErrorKind } from '../driver.ts';
import { headerNames, messageKey, messageKeys, vendorMessageKeys, type ExtendedMessage } from '../wire/index.ts';

export interface RedfishAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** The JSON body; undefined when there was none or it was not JSON. */
  readonly body: unknown;
}

/** A plain object, or undefined. */
export function asRecord(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.fromEntries(Object.entries(value)) : undefined;
}

/** The messages of an error body; some services put them beside `error`, or leave the list out. */
export function extendedMessages(body: unknown): readonly ExtendedMessage[] {
  const record = asRecord(body);
  const error = asRecord(record?.['error']);
  const listed = error?.['@Message.ExtendedInfo'] ?? record?.['@Message.ExtendedInfo'] ?? record?.['Messages'];
  const messages = (Array.isArray(listed) ? listed : listed === undefined ? [] : [listed]).map(asRecord).filter((m) => m !== undefined).map(toMessage);
  if (messages.length > 0 || !error) return messages;
  return [toMessage({ MessageId: error['code'], Message: error['message'] })];
}

function toMessage(record: Readonly<Record<string, unknown>>): ExtendedMessage {
  const text = (name: string) => (typeof record[name] === 'string' ? record[name] : undefined);
  return { MessageId: text('MessageId'), Message: text('Message'), Severity: text('Severity') ?? text('MessageSeverity'), Resolution: text('Resolution') };
}

/** True when one of the answer's messages has one of the keys. */
export function hasMessage(answer: RedfishAnswer, ...keys: readonly string[]): boolean {
  return extendedMessages(answer.body).some((m) => m.MessageId !== undefined && keys.includes(messageKey(m.MessageId)));
}

/** What the BMC said, in its own words, on one line of bounded length. */
export function answerText(answer: RedfishAnswer): string {
  const said = extendedMessages(answer.body)
    .map((m) => [m.Message ?? m.MessageId, m.Resolution && !/^none/i.test(m.Resolution) ? m.Resolution : undefined].filter(Boolean).join(' '))
    .filter((text) => text !== '');
  const text = [...new Set(said)].join(' ').replace(/\s+/g, ' ').slice(0, 600);
  return text === '' ? `HTTP ${answer.status}` : `HTTP ${answer.status}: ${text}`;
}

/** Milliseconds of a Retry-After header in seconds; undefined when absent or a date. */
export function retryAfterMs(answer: RedfishAnswer): number | undefined {
  const value = answer.headers[headerNames.retryAfter];
  return value !== undefined && /^\d+$/.test(value.trim()) ? parseDuration(`${value.trim()}s`) : undefined;
}

/** The BMC is not ready for this now (not: it refuses it). */
export function isNotReady(answer: RedfishAnswer): boolean {
  return hasMessage(
    answer, vendorMessageKeys.dellNotReady, vendorMessageKeys.hpePost, vendorMessageKeys.hpeSystemState, messageKeys.resourceInUse,
    messageKeys.serviceTemporarilyUnavailable, messageKeys.serviceInUnknownState,
  );
}

/** True when the BMC has no room for another session. */
export function isSessionLimit(answer: RedfishAnswer): boolean {
  return hasMessage(answer, messageKeys.sessionLimitExceeded, messageKeys.createLimitReachedForResource, vendorMessageKeys.dellSessionLimit);
}

/** True when a 403 is about a licence, not about the account. */
export function isLicence(answer: RedfishAnswer): boolean {
  if (hasMessage(answer, messageKeys.licenseRequired, vendorMessageKeys.supermicroLicense)) return true;
  return extendedMessages(answer.body).some((m) => /licen[sc]e/i.test(`${m.MessageId ?? ''} ${m.Message ?? ''}`));
}

/** The error of an answer; `doing` says what we were at. */
export function answerError(answer: RedfishAnswer, doing: string): BmcError {
  const message = `${doing}: ${answerText(answer)}`;
  const detail = { status: answer.status, retryAfterMs: retryAfterMs(answer) };
  if (isLicence(answer)) return new BmcError('forbidden', message, { ...detail, licence: true });
  if (isNotReady(answer)) return new BmcError('busy', message, { ...detail, retryAfterMs: detail.retryAfterMs ?? 10_000 });
  return new BmcError(kindOfStatus(answer.status), message, answer.status === 503 || answer.status === 429 ? { ...detail, retryAfterMs: detail.retryAfterMs ?? 10_000 } : detail);
}

function kindOfStatus(status: number): BmcErrorKind {
  if (status === 401) return 'unauthorized';
  if (status === 403) return 'forbidden';
  if (status === 404) return 'not-found';
  if (status === 405 || status === 501) return 'unsupported';
  if (status === 503 || status === 429) return 'busy';
  if (status >= 400 && status < 500) return 'rejected';
  return 'protocol';
}
