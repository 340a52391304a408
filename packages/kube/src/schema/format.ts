// String formats the API server checks (apiextensions-apiserver pkg/apiserver/validation/formats.go lists them,
// kube-openapi pkg/validation/strfmt says what each accepts). Unknown formats are not checked.

type FormatCheck = (text: string) => boolean;

/** The check for a format name (dashes are ignored, as upstream does); undefined for an unknown one. */
export function formatCheck(format: string): FormatCheck | undefined {
  return checks.get(format.replaceAll('-', ''));
}

const uuid = (third: string, fourth: string) =>
  new RegExp(`^[0-9a-f]{8}-?[0-9a-f]{4}-?${third}-?${fourth}-?[0-9a-f]{12}$`, 'i');
const matches = (pattern: RegExp): FormatCheck => (text) => pattern.test(text);

const octet = '(?:0*(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d))';
const ipv4Pattern = new RegExp(`^${octet}(?:\\.${octet}){3}$`);

/** Leading zeros are tolerated in IPv4 addresses, as upstream does for old data. */
function isIpv4(text: string): boolean {
  return ipv4Pattern.test(text);
}

/** RFC 4291 text form, the last 32 bits possibly in dotted form; no zone. */
function isIpv6(text: string): boolean {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  let groupsText = text;
  if (dotted) {
    if (!isIpv4(dotted[2] ?? '')) return false;
    groupsText = `${dotted[1] ?? ''}0:0`;
  }
  const halves = groupsText.split('::');
  if (halves.length > 2) return false;
  const groups = halves.flatMap((half) => (half === '' ? [] : half.split(':')));
  if (!groups.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return false;
  return halves.length === 2 ? groups.length < 8 : groups.length === 8;
}

function isCidr(text: string): boolean {
  const slash = text.lastIndexOf('/');
  if (slash < 0) return false;
  const address = text.slice(0, slash);
  const bits = text.slice(slash + 1);
  if (!/^\d{1,3}$/.test(bits)) return false;
  return (isIpv4(address) && Number(bits) <= 32) || (isIpv6(address) && Number(bits) <= 128);
}

function isDate(text: string): boolean {
  const found = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text);
  if (!found) return false;
  const [year, month, day] = [Number(found[1]), Number(found[2]), Number(found[3])];
  return month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month);
}

function daysIn(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return [4, 6, 9, 11].includes(month) ? 30 : 31;
}

/** RFC 3339 date-time; upstream also takes a lower-case t and z. */
function isDateTime(text: string): boolean {
  const found = /^(\d{4}-\d{2}-\d{2})[tT](\d{2}):(\d{2}):(\d{2})(?:.\d+)?(?:[zZ]|[+-]\d{2}:\d{2})$/.exec(text);
  if (!found) return false;
  return isDate(found[1] ?? '') && Number(found[2]) <= 23 && Number(found[3]) <= 59 && Number(found[4]) <= 59;
}

const goDuration = /^[-+]?(?:0|(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/;
const looseUnits = /^(?:ns|nano.*|us|µs|micro.*|ms|milli.*|s|sec.*|m|min.*|h|hr|hour.*|d|day.*|w|wk|week.*)$/i;

/** Go's time.ParseDuration, or words with units up to weeks (`2 days`), as strfmt reads them. */
function isDuration(text: string): boolean {
  if (goDuration.test(text)) return true;
  return [...text.matchAll(/\d+\s*([A-Za-zµ]+)/g)].some((match) => looseUnits.test(match[1] ?? ''));
}

function isHostname(text: string): boolean {
  const pattern =
    /^([a-zA-Z0-9\p{S}\p{L}]((-?[a-zA-Z0-9\p{S}\p{L}]{0,62})?)|([a-zA-Z0-9\p{S}\p{L}](([a-zA-Z0-9\-\p{S}\p{L}]{0,61}[a-zA-Z0-9\p{S}\p{L}])?)(\.)){1,}([a-zA-Z\p{L}]){2,63})$/u;
  return text.length <= 255 && text.split('.').every((label) => label.length <= 63) && pattern.test(text);
}

/** An absolute URI or an absolute path, as Go's url.ParseRequestURI. */
function isUri(text: string): boolean {
  if (/[\x00-\x20\x7f]/.test(text)) return false;
  if (text.startsWith('/')) return !/%(?![0-9A-Fa-f]{2})/.test(text);
  if (!/^[A-Za-z][A-Za-z0-9+.-]*:/.test(text)) return false;
  const authority = /^[A-Za-z][A-Za-z0-9+.-]*:\/\//.test(text);
  return authority ? URL.canParse(text) : true;
}

/** local@domain, also in the form `Name <local@domain>`. */
function isEmail(text: string): boolean {
  const address = /<([^<>]+)>\s*$/.exec(text)?.[1] ?? text.trim();
  return /^(?:[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*|"(?:[^"\\]|\\.)*")@[^\s@<>()[\]\\,;:"]+$/u.test(address);
}

function isMac(text: string): boolean {
  return (
    /^(?:[0-9a-f]{2}([:-]))(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}$/i.test(text) ||
    /^(?:[0-9a-f]{2}([:-]))(?:[0-9a-f]{2}\1){6}[0-9a-f]{2}$/i.test(text) ||
    /^(?:[0-9a-f]{2}([:-]))(?:[0-9a-f]{2}\1){18}[0-9a-f]{2}$/i.test(text) ||
    /^(?:[0-9a-f]{4}\.){2}[0-9a-f]{4}$/i.test(text) ||
    /^(?:[0-9a-f]{4}\.){3}[0-9a-f]{4}$/i.test(text) ||
    /^(?:[0-9a-f]{4}\.){9}[0-9a-f]{4}$/i.test(text)
  );
}

function isIsbn10(text: string): boolean {
  const digits = text.replace(/[\s-]+/g, '');
  if (!/^\d{9}[\dX]$/.test(digits)) return false;
  const sum = [...digits].reduce((total, digit, index) => total + (index + 1) * (digit === 'X' ? 10 : Number(digit)), 0);
  return sum % 11 === 0;
}

function isIsbn13(text: string): boolean {
  const digits = text.replace(/[\s-]+/g, '');
  if (!/^\d{13}$/.test(digits)) return false;
  return [...digits].reduce((total, digit, index) => total + (index % 2 === 0 ? 1 : 3) * Number(digit), 0) % 10 === 0;
}

function isCreditCard(text: string): boolean {
  const digits = text.replace(/\D+/g, '');
  const known =
    /^(?:4\d{12}(?:\d{3})?|5[1-5]\d{14}|(222[1-9]|22[3-9]\d|2[3-6]\d{2}|27[01]\d|2720)\d{12}|6(?:011|5\d\d)\d{12}|3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}|(?:2131|1800|35\d{3})\d{11}|6[27]\d{14})$/;
  if (!known.test(digits)) return false;
  const sum = [...digits].reverse().reduce((total, digit, index) => {
    const doubled = Number(digit) * (index % 2 === 0 ? 1 : 2);
    return total + (doubled > 9 ? doubled - 9 : doubled);
  }, 0);
  return sum % 10 === 0;
}

/**
 * Padded base64, with line breaks and empty as Go's decoder of Secrets takes it (for custom resources upstream refuses both).
 */
function isBase64(text: string): boolean {
  return /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text.replace(/[\r\n]+/g, ''));
}

const rgbPart = '(?:0|[1-9]\\d?|1\\d\\d?|2[0-4]\\d|25[0-5])';

const checks: ReadonlyMap<string, FormatCheck> = new Map<string, FormatCheck>([
  ['bsonobjectid', matches(/^[0-9a-fA-F]{24}$/)],
  ['byte', isBase64],
  ['cidr', isCidr],
  ['creditcard', isCreditCard],
  ['date', isDate],
  ['datetime', isDateTime],
  ['duration', isDuration],
  ['email', isEmail],
  ['hexcolor', matches(/^#?(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})$/)],
  ['hostname', isHostname],
  ['ipv4', isIpv4],
  ['ipv6', isIpv6],
  ['isbn', (text) => isIsbn10(text) || isIsbn13(text)],
  ['isbn10', isIsbn10],
  ['isbn13', isIsbn13],
  ['k8slongname', (text) => text.length <= 253 && /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/.test(text)],
  ['k8sshortname', (text) => text.length <= 63 && /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/.test(text)],
  ['mac', isMac],
  ['password', () => true],
  ['rgbcolor', matches(new RegExp(`^rgb\\(\\s*${rgbPart}\\s*,\\s*${rgbPart}\\s*,\\s*${rgbPart}\\s*\\)$`))],
  ['ssn', matches(/^\d{3}[- ]\d{2}[- ]\d{4}$/)],
  ['uri', isUri],
  ['uuid', matches(uuid('[0-9a-f]{4}', '[0-9a-f]{4}'))],
  ['uuid3', matches(uuid('3[0-9a-f]{3}', '[0-9a-f]{4}'))],
  ['uuid4', matches(uuid('4[0-9a-f]{3}', '[89ab][0-9a-f]{3}'))],
  ['uuid5', matches(uuid('5[0-9a-f]{3}', '[89ab][0-9a-f]{3}'))],
]);
