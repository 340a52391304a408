// Named formats: k8s.io/apiserver pkg/cel/library/format.go; messages as apimachinery pkg/util/validation gives them.
import { makeRegex } from '../regex/match.ts';
import type { FormatValue } from '../values/value.ts';
import { costSize, listOf, noneValue } from '../values/value.ts';
import type { Overload } from './declare.ts';
import { global, member } from './declare.ts';
import { parseUrl } from './network.ts';
import { parseTimestamp } from './time.ts';

const label = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const subdomain = `${label}(\\.${label})*`;
const name = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';

const tooLong = (limit: number) => `must be no more than ${limit} bytes`;
const bytes = (text: string) => new TextEncoder().encode(text).length;

function mustMatch(pattern: string, limit: number, message: string, examples: readonly string[]): (text: string) => string[] {
  const regex = makeRegex(`^(?:${pattern})$`);
  const shown = examples.map((example, index) => `${index === 0 ? '' : ' or '}'${example}', `).join('');
  return (text) => [
    ...(bytes(text) > limit ? [tooLong(limit)] : []),
    ...(regex.test(text) ? [] : [`${message} (e.g. ${shown}regex used for validation is '${pattern}')`]),
  ];
}

const labelMessage = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character";
const subdomainMessage = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
const label1035Message = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character";
const nameMessage = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
const valueMessage = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";

const isLabel = mustMatch(label, 63, labelMessage, ['my-name', '123-abc']);
const isSubdomain = mustMatch(subdomain, 253, subdomainMessage, ['example.com']);
const is1035Label = mustMatch('[a-z]([-a-z0-9]*[a-z0-9])?', 63, label1035Message, ['my-name', 'abc-123']);
const isNamePart = mustMatch(name, 63, nameMessage, ['MyName', 'my.name', '123-abc']);
const isLabelValue = mustMatch(`(${name})?`, 63, valueMessage, ['MyValue', 'my_value', '12345']);

function isQualifiedName(text: string): string[] {
  const [first = '', second, ...rest] = text.split('/');
  if (rest.length > 0) return [`a qualified name ${nameMessage} (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '${name}') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`];
  if (second === undefined) return partErrors(first);
  return [...(first === '' ? ['prefix part must be non-empty'] : isSubdomain(first).map((message) => `prefix part ${message}`)), ...partErrors(second)];
}

function partErrors(part: string): string[] {
  return part === '' ? ['name part must be non-empty', ...isNamePart(part).map((message) => `name part ${message}`)] : isNamePart(part).map((message) => `name part ${message}`);
}

/** A prefix of a name may end in a dash. */
const asPrefix = (checkName: (text: string) => string[]) => (text: string) => checkName(text.length > 1 && text.endsWith('-') ? `${text.slice(0, -2)}a` : text);
const oneMessage = (holds: (text: string) => boolean, message: string) => (text: string) => (holds(text) ? [] : [message]);

const isUuid = (text: string) => /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i.test(text);
const isBase64 = (text: string) => text !== '' && /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text);
const isDate = (text: string) => /^\d{4}-\d\d-\d\d$/.test(text) && parseTimestamp(`${text}T00:00:00Z`) !== undefined;

const formats: Readonly<Record<string, FormatValue>> = Object.fromEntries(
  (
    [
      ['dns1123Label', 'DNS1123Label', 30, isLabel],
      ['dns1123Subdomain', 'DNS1123Subdomain', 60, isSubdomain],
      ['dns1035Label', 'DNS1035Label', 30, is1035Label],
      ['qualifiedName', 'QualifiedName', 60, isQualifiedName],
      ['dns1123LabelPrefix', 'DNS1123LabelPrefix', 30, asPrefix(isLabel)],
      ['dns1123SubdomainPrefix', 'DNS1123SubdomainPrefix', 60, asPrefix(isSubdomain)],
      ['dns1035LabelPrefix', 'DNS1035LabelPrefix', 30, asPrefix(is1035Label)],
      ['labelValue', 'LabelValue', 40, isLabelValue],
      ['uri', 'URI', 1103, (text: string) => (parseUrl(text) ? [] : text === '' ? ['parse "": empty url'] : [`parse ${JSON.stringify(text)}: invalid URI for request`])],
      ['uuid', 'uuid', 72, oneMessage(isUuid, 'does not match the UUID format')],
      ['byte', 'byte', 84, oneMessage(isBase64, 'invalid base64')],
      ['date', 'date', 72, oneMessage(isDate, 'invalid date')],
      ['datetime', 'datetime', 72, oneMessage((text) => parseTimestamp(text.replace(/^(.{10})t/, '$1T').replace(/z$/, 'Z')) !== undefined, 'invalid datetime')],
    ] as const
  ).map(([key, shown, maxRegexSize, check]) => [key, { kind: 'format', name: shown, maxRegexSize, check } satisfies FormatValue]),
);

export const formatFunctions: readonly Overload[] = [
  ...Object.entries(formats).map(([key, format]) => global(`format.${key}`, [], 'format', () => format)),
  global('format.named', ['string'], 'optional<format>', (text) => {
    const found = Object.hasOwn(formats, text) ? formats[text] : undefined;
    return found ? { kind: 'optional', value: found } : noneValue;
  }, { ownCost: true }),
  member('validate', ['format', 'string'], 'optional<list<string>>', (format, text) => {
    const errors = format.check(text);
    return errors.length === 0 ? noneValue : { kind: 'optional', value: listOf(errors) };
  }, {
    ownCost: true,
    cost: ([format = null, text = null]) => {
      const size = typeof format === 'object' && format !== null && 'kind' in format && format.kind === 'format' ? format.maxRegexSize : 0;
      return Math.ceil((1 + costSize(text)) * 0.1) * Math.ceil(size * 0.25);
    },
  }),
];
