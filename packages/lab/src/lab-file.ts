/** Reading lab.yaml with positions: every complaint carries file and line, and all are reported at once. */
import { isMap, isScalar, isSeq, LineCounter, parseDocument, type Node, type YAMLMap } from 'yaml';

/** One complaint: `file:line: path: what`. */
export interface Complaint {
  readonly where: string;
  readonly text: string;
}

/** A place in a YAML document that knows its path and line, and collects complaints. */
export interface Cursor {
  readonly path: string;
  readonly present: boolean;
  field(name: string): Cursor;
  items(): readonly Cursor[];
  /** The text, or `otherwise`; a complaint when absent without `otherwise`, or not text. */
  text(otherwise?: string): string;
  /** A whole number at least `least`. */
  whole(options: { otherwise?: number; least?: number }): number;
  flag(otherwise: boolean): boolean;
  oneOf<T extends string>(allowed: readonly T[], otherwise?: T): T;
  /** Complains about fields that are not in the list. */
  only(...names: string[]): void;
  complain(text: string): void;
}

/** Parses a document and answers a cursor at its root; YAML errors are complaints too. */
export function openDocument(text: string, file: string, complaints: Complaint[]): Cursor {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const lineOf = (offset: number) => `${file}:${lines.linePos(offset).line}`;
  for (const error of document.errors) complaints.push({ where: lineOf(error.pos[0]), text: error.message.split('\n')[0]! });
  const make = (node: Node | null | undefined, path: string, parentOffset: number): Cursor => {
    const offset = node?.range?.[0] ?? parentOffset;
    const complain = (what: string) => void complaints.push({ where: lineOf(offset), text: path === '' ? what : `${path}: ${what}` });
    const value = isScalar(node) ? node.value : undefined;
    return {
      path,
      present: node !== undefined && node !== null && value !== null,
      complain,
      field: (name) => make(childOf(node, name), path === '' ? name : `${path}.${name}`, offset),
      items() {
        if (isSeq(node)) return node.items.map((item, i) => make(item as Node, `${path}[${i}]`, offset)); // items of a parsed sequence are nodes
        if (node !== undefined && node !== null) complain('must be a list');
        return [];
      },
      text(otherwise) {
        if (typeof value === 'string') return value;
        if (typeof value === 'number') return isScalar(node) ? (node.source ?? String(value)) : String(value);
        if (otherwise === undefined || value !== undefined) complain(value === undefined ? 'is missing' : 'must be text');
        return otherwise ?? '';
      },
      whole({ otherwise, least = 0 }) {
        if (typeof value === 'number' && Number.isInteger(value) && value >= least) return value;
        if (otherwise === undefined || node) complain(node ? `must be a whole number of at least ${least}` : 'is missing');
        return otherwise ?? least;
      },
      flag(otherwise) {
        if (typeof value === 'boolean') return value;
        if (node) complain('must be true or false');
        return otherwise;
      },
      oneOf(allowed, otherwise) {
        const found = allowed.find((name) => name === value);
        if (found !== undefined) return found;
        if (otherwise === undefined || node) complain(`must be one of ${allowed.join(', ')}`);
        return otherwise ?? allowed[0]!;
      },
      only(...names) {
        if (!isMap(node)) {
          if (node) complain('must be a mapping');
          return;
        }
        for (const pair of node.items) {
          const key = pair.key as Node; // keys of a parsed mapping are nodes
          const name = isScalar(key) ? String(key.value) : '?';
          if (!names.includes(name)) complaints.push({ where: lineOf(key.range?.[0] ?? offset), text: `${path ? `${path}.` : ''}${name} is not a field of a lab file` });
        }
      },
    };
  };
  return make(document.contents, '', 0);
}

function childOf(node: Node | null | undefined, name: string): Node | undefined {
  if (!isMap(node)) return undefined;
  const child = (node as YAMLMap).get(name, true);
  return (child ?? undefined) as Node | undefined; // with keepScalar the value is a node
}
