// How plain scalars are read where YAML 1.2's core schema and Go's YAML libraries differ: yaml.v3 for resources, YAML 1.1 through sigs.k8s.io/yaml
// for kustomization files. Go's resolvers take octal with a leading zero, underscores in numbers and binary; yaml.v3 takes dates, which come out as RFC 3339.
import { parseTime } from '@keelson/std';
import type { ScalarTag, Tags } from 'yaml';

const integer = (test: RegExp, parse: (digits: string) => number): ScalarTag => ({
  identify: () => false,
  default: true,
  tag: 'tag:yaml.org,2002:int',
  test,
  resolve: (text) => {
    const digits = text.replaceAll('_', '').replace(/^[-+]/, '');
    return (text.startsWith('-') ? -1 : 1) * parse(digits);
  },
});

const numbers: readonly ScalarTag[] = [
  integer(/^[-+]?0[0-7_]+$/, (digits) => Number.parseInt(digits, 8)),
  integer(/^[-+]?0b[01_]+$/, (digits) => Number.parseInt(digits.slice(2), 2)),
  integer(/^[-+]?0o[0-7_]+$/, (digits) => Number.parseInt(digits.slice(2), 8)),
  integer(/^[-+]?0x[0-9a-fA-F_]+$/, (digits) => Number.parseInt(digits.slice(2), 16)),
  integer(/^[-+]?[0-9][0-9_]*_[0-9_]*$/, Number),
];

const booleans: ScalarTag = {
  identify: () => false,
  default: true,
  tag: 'tag:yaml.org,2002:bool',
  test: /^(?:[Yy]|[Yy]es|YES|[Oo]n|ON|[Nn]|[Nn]o|NO|[Oo]ff|OFF)$/,
  resolve: (text) => /^(?:y|yes|on)$/i.test(text),
};

const timestamps: ScalarTag = {
  identify: () => false,
  default: true,
  tag: 'tag:yaml.org,2002:timestamp',
  test: /^\d{4}-\d{1,2}-\d{1,2}(?:(?:[Tt]|[ \t]+)\d{1,2}:\d{2}:\d{2}(?:\.\d*)?(?:Z|[ \t]*[-+]\d{1,2}(?::?\d{2})?)?)?$/,
  resolve: timestampText,
};

/** A YAML timestamp as Go's time.Time writes itself to JSON; what is no day of the calendar stays as it is. */
function timestampText(text: string): string {
  const match = /^(\d{4})-(\d{1,2})-(\d{1,2})(?:(?:[Tt]|[ \t]+)(\d{1,2}):(\d{2}):(\d{2})(?:\.(\d*))?(?:(Z)|[ \t]*([-+]\d{1,2})(?::?(\d{2}))?)?)?$/.exec(text);
  if (!match) return text;
  const two = (part: string | undefined) => (part ?? '0').padStart(2, '0');
  const day = `${match[1]}-${two(match[2])}-${two(match[3])}`;
  if (!Number.isFinite(parseTime(`${day}T00:00:00Z`))) return text;
  const fraction = (match[7] ?? '').replace(/0+$/, '');
  const zone = match[9] ? `${match[9][0]}${two(match[9].slice(1))}:${match[10] ?? '00'}` : 'Z';
  return `${day}T${two(match[4])}:${two(match[5])}:${two(match[6])}${fraction ? `.${fraction}` : ''}${zone === '+00:00' ? 'Z' : zone}`;
}

const asCustomTags = (extra: readonly ScalarTag[]) => (tags: Tags): Tags => [...extra, ...tags];

export const resourceTags: (tags: Tags) => Tags = asCustomTags([...numbers, timestamps]);
export const kustomizationTags: (tags: Tags) => Tags = asCustomTags([...numbers, booleans]);
