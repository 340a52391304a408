// Label and field selectors: apimachinery pkg/labels/selector.go, pkg/fields/selector.go, metav1.LabelSelectorAsSelector.
import { checkLabelKey, checkLabelValue } from './name.ts';

/** metav1.LabelSelector, as it stands in an object. */
export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly LabelSelectorExpression[];
}

export interface LabelSelectorExpression {
  readonly key: string;
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  readonly values?: readonly string[];
}

export type LabelOperator = '=' | '==' | '!=' | 'in' | 'notin' | 'exists' | '!' | '>' | '<';

export interface LabelRequirement {
  readonly key: string;
  readonly operator: LabelOperator;
  readonly values: readonly string[];
}

/** A parsed label selector: all requirements hold, or, with `nothing`, no object matches. */
export interface Selector {
  readonly requirements: readonly LabelRequirement[];
  readonly nothing?: boolean;
}

export interface FieldRequirement {
  readonly path: string;
  readonly operator: '=' | '!=';
  readonly value: string;
}

/** A parsed field selector: all requirements hold. */
export type FieldSelector = readonly FieldRequirement[];

/** A selector that cannot be read; the API server answers 400 with this message. */
export class SelectorError extends Error {
  override readonly name = 'SelectorError';
}

/** Matches every object. */
export const everything: Selector = { requirements: [] };
/** Matches no object. */
export const nothing: Selector = { requirements: [], nothing: true };

/**
 * Reads the query form: `a=b,c!=d,e in (f,g),h notin (i),j,!k,l>1`. The empty text selects everything.
 * Throws SelectorError with the API server's words.
 */
export function parseLabelSelector(text: string): Selector {
  const requirements = new SelectorParser(text).parse();
  return { requirements: requirements.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)) };
}

/**
 * A metav1.LabelSelector as a selector: absent selects nothing, empty selects everything.
 * Throws SelectorError for an unknown operator, a bad key or value.
 */
export function selectorOf(selector: LabelSelector | undefined | null): Selector {
  if (!selector) return nothing;
  const requirements = Object.entries(selector.matchLabels ?? {}).map(([key, value]) => requirement(key, '=', [value]));
  const operators: Record<string, LabelOperator> = { In: 'in', NotIn: 'notin', Exists: 'exists', DoesNotExist: '!' };
  for (const expression of selector.matchExpressions ?? []) {
    const operator = operators[expression.operator];
    if (!operator) throw new SelectorError(`"${expression.operator}" is not a valid label selector operator`);
    requirements.push(requirement(expression.key, operator, expression.values));
  }
  return { requirements };
}

/** Selects objects that carry all these labels. Values are not checked. */
export function selectorOfLabels(labels: Readonly<Record<string, string>>): Selector {
  return { requirements: Object.entries(labels).map(([key, value]) => ({ key, operator: '=', values: [value] })) };
}

/** True when an object with these labels is selected. */
export function matchesLabels(selector: Selector, labels: Readonly<Record<string, string>> | undefined): boolean {
  if (selector.nothing) return false;
  return selector.requirements.every((of) => holds(of, labels && Object.hasOwn(labels, of.key) ? labels[of.key] : undefined));
}

/** The query form of a selector, as a client sends it. */
export function formatLabelSelector(selector: Selector): string {
  return selector.requirements.map(formatRequirement).join(',');
}

/**
 * Reads `metadata.name=x,status.phase!=Running`; `\\`, `\,` and `\=` stand for themselves in values.
 * Throws SelectorError.
 */
export function parseFieldSelector(text: string): FieldSelector {
  return splitFieldTerms(text)
    .filter((term) => term !== '')
    .sort()
    .map((term) => {
      const found = /!=|==|=/.exec(term);
      if (!found) throw new SelectorError(`invalid selector: '${text}'; can't understand '${term}'`);
      const value = unescapeFieldValue(term.slice(found.index + found[0].length));
      return { path: term.slice(0, found.index), operator: found[0] === '!=' ? '!=' : '=', value };
    });
}

/**
 * True when all requirements hold. `fieldOf` gives the text of a field, undefined for one that is not set
 * (which counts as the empty text, as upstream's field sets do).
 */
export function matchesFields(selector: FieldSelector, fieldOf: (path: string) => string | undefined): boolean {
  return selector.every((of) => ((fieldOf(of.path) ?? '') === of.value) === (of.operator === '='));
}

/** The query form of a field selector. */
export function formatFieldSelector(selector: FieldSelector): string {
  return selector.map((of) => `${of.path}${of.operator}${of.value.replace(/[\\,=]/g, '\\$&')}`).join(',');
}

function holds(of: LabelRequirement, value: string | undefined): boolean {
  switch (of.operator) {
    case '=':
    case '==':
    case 'in':
      return value !== undefined && of.values.includes(value);
    case '!=':
    case 'notin':
      return value === undefined || !of.values.includes(value);
    case 'exists':
      return value !== undefined;
    case '!':
      return value === undefined;
    case '>':
    case '<': {
      const have = value === undefined ? undefined : parseInteger(value);
      const want = parseInteger(of.values[0] ?? '');
      if (have === undefined || want === undefined) return false;
      return of.operator === '>' ? have > want : have < want;
    }
  }
}

function formatRequirement(of: LabelRequirement): string {
  const values = [...of.values].sort().join(',');
  switch (of.operator) {
    case 'exists':
      return of.key;
    case '!':
      return `!${of.key}`;
    case 'in':
    case 'notin':
      return `${of.key} ${of.operator} (${values})`;
    default:
      return `${of.key}${of.operator}${values}`;
  }
}

/** A whole number in 64 bits, as Go's strconv.ParseInt reads it; labels are compared beyond 2^53. */
function parseInteger(text: string): bigint | undefined {
  if (!/^[-+]?\d+$/.test(text)) return undefined;
  const value = BigInt(text.replace(/^\+/, ''));
  return BigInt.asIntN(64, value) === value ? value : undefined;
}

function requirement(key: string, operator: LabelOperator, given: readonly string[] | undefined): LabelRequirement {
  const complaints = [...complain('key', key, checkLabelKey(key))];
  const shown = JSON.stringify(given ?? null);
  const values = given ?? [];
  if ((operator === 'in' || operator === 'notin') && values.length === 0) {
    complaints.push(`values: Invalid value: ${shown}: for 'in', 'notin' operators, values set can't be empty`);
  }
  if ((operator === 'exists' || operator === '!') && values.length > 0) {
    complaints.push(`values: Invalid value: ${shown}: values set must be empty for exists and does not exist`);
  }
  values.forEach((value, index) => {
    if ((operator === '>' || operator === '<') && parseInteger(value) === undefined) {
      complaints.push(`values[${index}]: Invalid value: ${JSON.stringify(value)}: for 'Gt', 'Lt' operators, the value must be an integer`);
    }
    complaints.push(...complain(`values[${index}][${key}]`, value, checkLabelValue(value)));
  });
  if (complaints.length === 1) throw new SelectorError(complaints[0]);
  if (complaints.length > 1) throw new SelectorError(`[${complaints.join(', ')}]`);
  return { key, operator, values };
}

function complain(field: string, value: string, complaints: readonly string[]): string[] {
  return complaints.length > 0 ? [`${field}: Invalid value: ${JSON.stringify(value)}: ${complaints.join('; ')}`] : [];
}

function splitFieldTerms(text: string): string[] {
  const terms: string[] = [];
  let term = '';
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at);
    if (char === ',') {
      terms.push(term);
      term = '';
      continue;
    }
    term += char;
    if (char === '\\' && at + 1 < text.length) term += text.charAt(++at);
  }
  return [...terms, term];
}

function unescapeFieldValue(text: string): string {
  let value = '';
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at);
    if (char === ',' || char === '=') throw new SelectorError(`invalid field selector: unescaped character in value: ${char.charCodeAt(0)}`);
    if (char !== '\\') {
      value += char;
      continue;
    }
    const next = text.charAt(++at);
    if (next !== '\\' && next !== ',' && next !== '=') throw new SelectorError(`invalid field selector: invalid escape sequence: \\${next}`);
    value += next;
  }
  return value;
}

interface Token {
  readonly kind: 'word' | 'mark' | 'end';
  readonly text: string;
}

const binaryOperators = 'in, notin, =, ==, !=, gt, lt';

/** Recursive descent over the grammar of labels.Parse. */
class SelectorParser {
  readonly #tokens: Token[];
  #at = 0;

  constructor(text: string) {
    this.#tokens = tokens(text);
  }

  parse(): LabelRequirement[] {
    const found: LabelRequirement[] = [];
    for (;;) {
      const token = this.#peek();
      if (token.kind === 'end') return found;
      if (token.kind !== 'word' && token.text !== '!') throw new SelectorError(`found '${token.text}', expected: !, identifier, or 'end of string'`);
      found.push(this.#requirement());
      const after = this.#next();
      if (after.kind === 'end') return found;
      if (after.text !== ',' || after.kind !== 'mark') throw new SelectorError(`found '${after.text}', expected: ',' or 'end of string'`);
      const following = this.#peek();
      if (following.kind !== 'word' && following.text !== '!') throw new SelectorError(`found '${following.text}', expected: identifier after ','`);
    }
  }

  #requirement(): LabelRequirement {
    try {
      return this.#oneRequirement();
    } catch (error) {
      if (error instanceof SelectorError) throw new SelectorError(`unable to parse requirement: ${error.message}`);
      throw error;
    }
  }

  #oneRequirement(): LabelRequirement {
    const negated = this.#peek().text === '!' && this.#peek().kind === 'mark';
    if (negated) this.#next();
    const key = this.#next();
    if (key.kind !== 'word') throw new SelectorError(`found '${key.text}', expected: identifier`);
    const complaints = checkLabelKey(key.text);
    if (complaints.length > 0) throw new SelectorError(`<nil>: Invalid value: ${JSON.stringify(key.text)}: ${complaints.join('; ')}`);
    if (negated || this.#isEndOfTerm()) return requirement(key.text, negated ? '!' : 'exists', []);
    const operator = this.#operator();
    const values = operator === 'in' || operator === 'notin' ? this.#values() : [this.#exactValue()];
    return requirement(key.text, operator, [...new Set(values)].sort());
  }

  #operator(): LabelOperator {
    const token = this.#next();
    switch (token.text) {
      case '=':
      case '==':
      case '!=':
      case '>':
      case '<':
      case 'in':
      case 'notin':
        return token.text;
      default:
        throw new SelectorError(`found '${token.text}', expected: ${binaryOperators}`);
    }
  }

  #exactValue(): string {
    if (this.#isEndOfTerm()) return '';
    const token = this.#next();
    if (token.kind !== 'word') throw new SelectorError(`found '${token.text}', expected: identifier`);
    return token.text;
  }

  #values(): string[] {
    const open = this.#next();
    if (open.text !== '(') throw new SelectorError(`found '${open.text}' expected: '('`);
    const values: string[] = [];
    let value: string | undefined;
    for (;;) {
      const token = this.#next();
      if (token.kind === 'word') {
        if (value !== undefined) throw new SelectorError(`found '${token.text}', expected: ',' or ')'`);
        value = token.text;
        continue;
      }
      if (token.text !== ',' && token.text !== ')') {
        const expected = value !== undefined ? "',' or ')'" : values.length > 0 ? "',', or identifier" : "',', ')' or identifier";
        throw new SelectorError(`found '${token.text}', expected: ${expected}`);
      }
      values.push(value ?? '');
      value = undefined;
      if (token.text === ')') return values;
    }
  }

  #isEndOfTerm(): boolean {
    const token = this.#peek();
    return token.kind === 'end' || (token.kind === 'mark' && token.text === ',');
  }

  #peek(): Token {
    return this.#tokens[this.#at] ?? { kind: 'end', text: '' };
  }

  #next(): Token {
    const token = this.#peek();
    this.#at++;
    return token;
  }
}

function tokens(text: string): Token[] {
  const found: Token[] = [];
  const pattern = /[ \t\r\n]+|(!=|==|[=!<>(),])|([^ \t\r\n=!<>(),]+)/g;
  for (const match of text.matchAll(pattern)) {
    if (match[1] !== undefined) found.push({ kind: 'mark', text: match[1] });
    else if (match[2] !== undefined) found.push({ kind: 'word', text: match[2] });
  }
  return found;
}
