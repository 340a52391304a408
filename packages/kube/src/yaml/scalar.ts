// What a plain scalar means. Kubernetes reads manifests through sigs.k8s.io/yaml (go-yaml v2), which follows YAML 1.1:
// yes, on and y are true, 0777 is octal, 1_000 is a thousand, dates and 12:30 stay texts.

const truths = new Set(['y', 'Y', 'yes', 'Yes', 'YES', 'true', 'True', 'TRUE', 'on', 'On', 'ON']);
const falsehoods = new Set(['n', 'N', 'no', 'No', 'NO', 'false', 'False', 'FALSE', 'off', 'Off', 'OFF']);
const nothings = new Set(['', '~', 'null', 'Null', 'NULL']);
const infinities = new Set(['.inf', '.Inf', '.INF', '+.inf', '+.Inf', '+.INF', '-.inf', '-.Inf', '-.INF']);
const notNumbers = new Set(['.nan', '.NaN', '.NAN']);

const floatForm = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/;
const integerForm = /^([-+]?)(?:0x([0-9a-fA-F]+)|0b([01]+)|0o?([0-7]+)|(0|[1-9][0-9]*))$/;

/** The value of a plain (unquoted, untagged) scalar: null, boolean, number or the text itself. */
export function resolveScalar(text: string): null | boolean | number | string {
  if (nothings.has(text)) return null;
  if (truths.has(text)) return true;
  if (falsehoods.has(text)) return false;
  // Most texts cannot begin a number.
  if (!/^[-+.0-9]/.test(text)) return text;
  return numberOf(text) ?? text;
}

/** True for infinities and not-a-number, which YAML has and JSON has not. */
export function isUnrepresentable(text: string): boolean {
  return infinities.has(text) || notNumbers.has(text);
}

/** The number a scalar means; undefined when it means none. */
export function numberOf(text: string): number | undefined {
  const plain = text.replaceAll('_', '');
  const integer = integerForm.exec(plain);
  if (integer) {
    const [, sign, hex, binary, octal, decimal] = integer;
    const size = hex !== undefined ? Number.parseInt(hex, 16) : binary !== undefined ? Number.parseInt(binary, 2) : octal !== undefined ? Number.parseInt(octal, 8) : Number(decimal);
    return sign === '-' && size !== 0 ? -size : size;
  }
  if (!floatForm.test(plain)) return undefined;
  const value = Number(plain);
  return Number.isFinite(value) ? (Object.is(value, -0) ? 0 : value) : undefined;
}

/** Numbers in base 60 (12:30), which other YAML 1.1 readers take for numbers; written quoted, read as texts. */
export function isBase60(text: string): boolean {
  return /^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$/.test(text);
}

/** A date or a time stamp, which other YAML 1.1 readers do not take for a text; written quoted, read as texts. */
export function isTimestamp(text: string): boolean {
  return /^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(?:\.[0-9]*)?(?:[ \t]*(?:Z|[-+][0-9]{1,2}(?::?[0-9]{2})?))?)?$/.test(text);
}
