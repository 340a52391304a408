/** Redfish answers (DSP0266): resources with ETags, errors with extended messages. */
import { createHash } from 'node:crypto';
import { encodeText, type Headers, type HttpResponse } from '@keelson/std';
import { baseMessageId, messageKeys, odataVersion } from '@keelson/bmc/wire';
import type { VendorFlavour } from './vendors.ts';

export type Body = Readonly<Record<string, unknown>>;

const commonHeaders: Headers = { 'content-type': 'application/json; charset=utf-8', 'odata-version': odataVersion, 'cache-control': 'no-cache' };

export function answer(status: number, body?: Body, headers: Headers = {}): HttpResponse {
  return { status, headers: { ...commonHeaders, ...headers }, ...(body ? { body: encodeText(JSON.stringify(body)) } : {}) };
}

/** The ETag of a resource: a hash of what it says. */
export function etagOf(body: Body, vendor: Pick<VendorFlavour, 'etag'>): string {
  const tag = `"${createHash('sha256').update(JSON.stringify(body)).digest('hex').slice(0, 12)}"`;
  return vendor.etag === 'weak' ? `W/${tag}` : tag;
}

/** Whether If-Match names the resource as it is. */
export function matches(ifMatch: string, etag: string, vendor: Pick<VendorFlavour, 'ifMatchStrongOnly'>): boolean {
  const strong = etag.replace(/^W\//, '');
  return ifMatch.split(',').map((tag) => tag.trim()).some((tag) => tag === '*' || tag === strong || (tag === etag && !vendor.ifMatchStrongOnly));
}

type MessageText = { readonly text: string; readonly fix: string };

/** Texts of the messages this service sends, in our words; `%1` and so on are the message's arguments. */
const texts: Readonly<Record<string, MessageText>> = {
  [messageKeys.success]: { text: 'The request was carried out.', fix: 'None.' },
  [messageKeys.generalError]: { text: 'The service could not do what was asked.', fix: 'See the other messages.' },
  [messageKeys.noValidSession]: { text: 'There is no valid session or account with this request.', fix: 'Send valid credentials.' },
  [messageKeys.resourceNotFound]: { text: 'There is no resource at %1.', fix: 'Follow the links of the service.' },
  [messageKeys.actionNotSupported]: { text: 'Action %1 is not supported by this resource.', fix: 'Use an action that the resource lists.' },
  [messageKeys.actionParameterUnknown]: { text: 'Action %1 knows no parameter %2.', fix: 'Leave the parameter out.' },
  [messageKeys.actionParameterMissing]: { text: 'Action %1 needs parameter %2.', fix: 'Add the parameter.' },
  [messageKeys.actionParameterValueNotInList]: { text: 'Value %1 of parameter %2 of action %3 is not allowed.', fix: 'Use an allowable value.' },
  [messageKeys.actionParameterValueConflict]: { text: 'Parameter %1 with value %2 contradicts the state of the resource.', fix: 'Read the resource and decide again.' },
  [messageKeys.actionParameterNotSupported]: { text: 'Parameter %1 of action %2 is not supported now.', fix: 'Read the resource and decide again.' },
  [messageKeys.propertyUnknown]: { text: 'Property %1 is not known here.', fix: 'Leave the property out.' },
  [messageKeys.propertyNotWritable]: { text: 'Property %1 can only be read.', fix: 'Leave the property out.' },
  [messageKeys.propertyValueNotInList]: { text: 'Value %1 of property %2 is not allowed.', fix: 'Use an allowable value.' },
  [messageKeys.propertyMissing]: { text: 'Property %1 is required.', fix: 'Add the property.' },
  [messageKeys.malformedJson]: { text: 'The body is not a JSON object.', fix: 'Send a JSON object.' },
  [messageKeys.preconditionFailed]: { text: 'The resource has changed since it was read.', fix: 'Read it again and repeat with its ETag.' },
  [messageKeys.preconditionRequired]: { text: 'This change needs If-Match with the ETag of the resource.', fix: 'Read the resource and send its ETag.' },
  [messageKeys.resourceInUse]: { text: 'The resource is in use.', fix: 'Release it first.' },
  [messageKeys.serviceTemporarilyUnavailable]: { text: 'The service is busy; try again in %1 seconds.', fix: 'Wait and try again.' },
  [messageKeys.sessionLimitExceeded]: { text: 'All sessions are taken.', fix: 'Delete a session or wait until one ends.' },
  OperationNotAllowed: { text: 'Method %1 is not allowed on this resource.', fix: 'Use a method that Allow names.' },
  PropertyValueTypeError: { text: 'Value %1 of property %2 has the wrong type.', fix: 'Send the right type.' },
  UnableToModifyDuringSystemPOST: { text: 'The setting cannot be changed while the system is in POST.', fix: 'Wait until POST has ended.' },
  InvalidOperationForSystemState: { text: 'The operation does not fit the state of the system.', fix: 'Read the state and decide again.' },
  CouldNotEstablishConnection: { text: 'The service could not reach %1.', fix: 'Check the URL, and that the server can be reached from the BMC network.' },
};

/** A message id with the arguments of its text. A bare key stands for the Base registry. */
export interface MessageRef {
  readonly id: string;
  readonly args?: readonly string[];
  readonly related?: readonly string[];
}

export function extendedMessage({ id, args = [], related }: MessageRef): Body {
  const full = id.includes('.') ? id : baseMessageId(id);
  const known = texts[full.slice(full.lastIndexOf('.') + 1)] ?? texts[messageKeys.generalError]!;
  const fill = (text: string) => text.replace(/%(\d)/g, (_all, n: string) => args[Number(n) - 1] ?? '');
  return {
    '@odata.type': '#Message.v1_1_2.Message',
    MessageId: full,
    Message: fill(known.text),
    MessageArgs: args,
    MessageSeverity: full.endsWith(`.${messageKeys.success}`) ? 'OK' : 'Critical',
    Resolution: known.fix,
    ...(related ? { RelatedProperties: related } : {}),
  };
}

/** An error with extended messages; the first is the code. */
export function errorAnswer(status: number, message: MessageRef, headers: Headers = {}): HttpResponse {
  const extended = extendedMessage(message);
  return answer(status, { error: { code: extended['MessageId'], message: extended['Message'], '@Message.ExtendedInfo': [extended] } }, headers);
}
