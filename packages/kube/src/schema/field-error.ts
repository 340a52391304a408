// Field errors as the API server words them: apimachinery pkg/util/validation/field/errors.go.

export type FieldErrorReason =
  | 'FieldValueNotFound'
  | 'FieldValueRequired'
  | 'FieldValueDuplicate'
  | 'FieldValueInvalid'
  | 'FieldValueNotSupported'
  | 'FieldValueForbidden'
  | 'FieldValueTooLong'
  | 'FieldValueTooMany'
  | 'FieldValueTypeInvalid'
  | 'InternalError';

/** One wrong field. `reason`, `body` and `field` are a Status's details.causes entry. */
export interface FieldError {
  readonly reason: FieldErrorReason;
  /** `spec.containers[0].image`; `<nil>` for an error that belongs to no field. */
  readonly field: string;
  /** The message without the field: `Invalid value: -1: must be greater than or equal to 0`. */
  readonly body: string;
}

/** `field: body`, as it stands in a Status message. */
export function formatFieldError(error: FieldError): string {
  return `${error.field}: ${error.body}`;
}

/** The errors of one object in one line: one as it is, several in brackets. */
export function formatFieldErrors(errors: readonly FieldError[]): string {
  const lines = [...new Set(errors.map(formatFieldError))];
  return lines.length === 1 ? (lines[0] ?? '') : `[${lines.join(', ')}]`;
}

/** A value that is not allowed there. */
export function invalid(field: string, value: unknown, detail: string): FieldError {
  return { reason: 'FieldValueInvalid', field, body: `Invalid value: ${showValue(value)}${tail(detail)}` };
}

/** A value of the wrong type. */
export function typeInvalid(field: string, value: unknown, detail: string): FieldError {
  return { reason: 'FieldValueTypeInvalid', field, body: `Invalid value: ${showValue(value)}${tail(detail)}` };
}

/** A value that is missing. */
export function required(field: string, detail = ''): FieldError {
  return { reason: 'FieldValueRequired', field, body: `Required value${tail(detail)}` };
}

/** A value that must be unique and is not. */
export function duplicate(field: string, value: unknown): FieldError {
  return { reason: 'FieldValueDuplicate', field, body: `Duplicate value: ${showValue(value)}` };
}

/** A value outside an enumeration. */
export function notSupported(field: string, value: unknown, supported: readonly string[]): FieldError {
  const detail = supported.length > 0 ? `supported values: ${supported.map(quote).join(', ')}` : '';
  return { reason: 'FieldValueNotSupported', field, body: `Unsupported value: ${showValue(value)}${tail(detail)}` };
}

/** A change or a field that is not permitted. */
export function forbidden(field: string, detail: string): FieldError {
  return { reason: 'FieldValueForbidden', field, body: `Forbidden${tail(detail)}` };
}

/** A text longer than `limit`; the text itself is not repeated. */
export function tooLong(field: string, limit: number): FieldError {
  return { reason: 'FieldValueTooLong', field, body: `Too long: may not be more than ${limit} byte${limit === 1 ? '' : 's'}` };
}

/** A list or map with more than `limit` items. */
export function tooMany(field: string, count: number, limit: number): FieldError {
  return { reason: 'FieldValueTooMany', field, body: `Too many: ${count}: must have at most ${limit} item${limit === 1 ? '' : 's'}` };
}

/** A reference to something that is not there. */
export function notFound(field: string, value: unknown): FieldError {
  return { reason: 'FieldValueNotFound', field, body: `Not found: ${showValue(value)}` };
}

/** A value as messages show it: texts quoted, objects as Go's encoding/json writes them (sorted keys, HTML escaped). */
export function showValue(value: unknown): string {
  if (typeof value === 'string') return quote(value);
  if (typeof value === 'object' && value !== null) return goJson(value);
  return value === undefined ? 'null' : String(value);
}

/** A text in double quotes as Go's %q writes it. */
export function quote(text: string): string {
  let quoted = '';
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0;
    const named = namedEscapes[char];
    if (named) quoted += named;
    else if (code < 0x20 || code === 0x7f) quoted += `\\x${code.toString(16).padStart(2, '0')}`;
    else if (code >= 0x80 && code < 0xa0) quoted += `\\u${code.toString(16).padStart(4, '0')}`;
    else quoted += char;
  }
  return `"${quoted}"`;
}

const namedEscapes: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
};

/** JSON as Go's encoding/json writes it: keys sorted, no spaces, `<`, `>`, `&` and the line separators escaped. */
export function goJson(value: unknown): string {
  const text = JSON.stringify(typeof value === 'object' && value !== null ? sortKeys(value) : value);
  return htmlCharacters.test(text) ? text.replace(htmlCharactersAll, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`) : text;
}

const htmlCharacters = /[<>&\u2028\u2029]/;
const htmlCharactersAll = /[<>&\u2028\u2029]/g;

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => [key, sortKeys(item)]),
  );
}

function tail(detail: string): string {
  return detail === '' ? '' : `: ${detail}`;
}
