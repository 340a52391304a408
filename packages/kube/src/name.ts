// Name rules of Kubernetes, with the API server's own wording: apimachinery pkg/api/validate/content and pkg/util/validation.
// Every validator answers the list of complaints; an empty list means valid.

const dns1123Label = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const dns1123Subdomain = `${dns1123Label}(\\.${dns1123Label})*`;
const dns1035Label = '[a-z]([-a-z0-9]*[a-z0-9])?';
const labelName = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';
const labelValue = `(${labelName})?`;

const dns1123LabelPattern = new RegExp(`^${dns1123Label}$`);
const dns1123SubdomainPattern = new RegExp(`^${dns1123Subdomain}$`);
const dns1035LabelPattern = new RegExp(`^${dns1035Label}$`);
const labelNamePattern = new RegExp(`^${labelName}$`);
const labelValuePattern = new RegExp(`^${labelValue}$`);

const labelRule = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";

/** The longest DNS label, label name and label value, in bytes. */
export const labelMaxLength = 63;
/** The longest DNS subdomain, in bytes. */
export const subdomainMaxLength = 253;
/** The most bytes all annotations of an object may take together, keys and values. */
export const annotationsMaxBytes = 256 * 1024;

/** Complaints about a DNS label (RFC 1123), as names of namespaces and services' ports must be. */
export function checkDnsLabel(value: string): string[] {
  const complaints = tooLong(value, labelMaxLength);
  if (!dns1123LabelPattern.test(value)) {
    complaints.push(
      dns1123SubdomainPattern.test(value)
        ? 'must not contain dots'
        : regexComplaint(
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
            dns1123Label,
            ['my-name', '123-abc'],
          ),
    );
  }
  return complaints;
}

/** Complaints about a DNS subdomain (RFC 1123), the rule for most object names. */
export function checkDnsSubdomain(value: string): string[] {
  const complaints = tooLong(value, subdomainMaxLength);
  if (!dns1123SubdomainPattern.test(value)) {
    complaints.push(
      regexComplaint(
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
        dns1123Subdomain,
        ['example.com'],
      ),
    );
  }
  return complaints;
}

/** Complaints about a DNS label (RFC 1035: begins with a letter), the rule for names of Services. */
export function checkDns1035Label(value: string): string[] {
  const complaints = tooLong(value, labelMaxLength, 'characters');
  if (!dns1035LabelPattern.test(value)) {
    complaints.push(
      regexComplaint(
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
        dns1035Label,
        ['my-name', 'abc-123'],
      ),
    );
  }
  return complaints;
}

/** Complaints about a qualified name, `name` or `prefix/name`: keys of labels and annotations, condition types, finalizers. */
export function checkQualifiedName(value: string): string[] {
  const parts = value.split('/');
  const nameRule = regexComplaint(labelRule, labelName, ['MyName', 'my.name', '123-abc']);
  if (parts.length > 2) return [`a valid label key ${nameRule} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`];
  const [prefix, name] = parts.length === 2 ? [parts[0] ?? '', parts[1] ?? ''] : [undefined, value];
  const complaints: string[] = [];
  if (prefix === '') complaints.push('prefix part must be non-empty');
  else if (prefix !== undefined) complaints.push(...checkDnsSubdomain(prefix).map((complaint) => `prefix part ${complaint}`));
  if (name === '') complaints.push('name part must be non-empty');
  else complaints.push(...tooLong(name, labelMaxLength).map((complaint) => `name part ${complaint}`));
  if (!labelNamePattern.test(name)) complaints.push(`name part ${nameRule}`);
  return complaints;
}

/** Complaints about a label key. */
export const checkLabelKey = checkQualifiedName;

/** Complaints about a label value; the empty string is valid. */
export function checkLabelValue(value: string): string[] {
  const complaints = tooLong(value, labelMaxLength);
  if (!labelValuePattern.test(value)) {
    complaints.push(regexComplaint(`a valid label must be an empty string or ${labelRule.slice('must '.length)}`, labelValue, ['MyValue', 'my_value', '12345']));
  }
  return complaints;
}

/** Complaints about a name that becomes one segment of a URL path: the weakest rule, used by RBAC kinds. */
export function checkPathSegment(value: string): string[] {
  if (value === '.' || value === '..') return [`may not be '${value}'`];
  return ['/', '%'].filter((part) => value.includes(part)).map((part) => `may not contain '${part}'`);
}

/** True when `value` is a label's length and form; a shorthand for callers that need no words. */
export function isDnsLabel(value: string): boolean {
  return checkDnsLabel(value).length === 0;
}

/** True when `value` is a DNS subdomain. */
export function isDnsSubdomain(value: string): boolean {
  return checkDnsSubdomain(value).length === 0;
}

function tooLong(value: string, limit: number, unit = 'bytes'): string[] {
  return Buffer.byteLength(value) > limit ? [`must be no more than ${limit} ${unit}`] : [];
}

function regexComplaint(rule: string, pattern: string, examples: readonly string[]): string {
  const shown = examples.map((example) => `'${example}', `).join(' or ');
  return `${rule} (e.g. ${shown}regex used for validation is '${pattern}')`;
}
