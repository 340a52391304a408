// YAML as Kubernetes reads it: documents become JSON data by the rules of sigs.k8s.io/yaml; duplicate keys are errors.
import type { Document, Node, Pair, Range } from 'yaml';
import { LineCounter, isAlias, isMap, isScalar, isSeq, parseAllDocuments } from 'yaml';
import { setField } from '../apply/merge-patch.ts';
import { isUnrepresentable, numberOf, resolveScalar } from './scalar.ts';
import { hintFor } from './hint.ts';
import type { Position } from './yaml-error.ts';
import { YamlError } from './yaml-error.ts';
import { lineOfPath } from './line-of.ts';

export interface ParseOptions {
  /** The file's name as messages show it. */
  readonly file?: string;
}

/** One document of a file. */
export interface ParsedDocument {
  readonly object: Record<string, unknown>;
  /** The line of the file where it begins, from 1. */
  readonly line: number;
  readonly file: string;
  /** The line of a field, as validation names it (`spec.containers[0].image`); the nearest field above it that is there. */
  lineOf(path: string): number;
}

/** How many nodes aliases may add to one document, so that a small file cannot become a huge one. */
const aliasLimit = 100_000;

/**
 * The documents of a text that hold an object; empty documents are left out. Throws YamlError for what is not YAML, a duplicate key,
 * or a document that is a list or a scalar.
 */
export function parseDocuments(text: string, options: ParseOptions = {}): ParsedDocument[] {
  const file = options.file ?? '';
  const { documents, lines } = read(text, file);
  return documents.flatMap((document) => {
    const contents = document.contents;
    const value = new Reader(document, lines, file, text).value();
    if (value === null || contents === null) return [];
    const line = lines.linePos(contents.range?.[0] ?? 0).line;
    if (!isMap(contents) && !isAlias(contents)) {
      const what = isSeq(contents) ? 'a list' : 'a single value';
      throw new YamlError(file, { line, column: 1 }, `the document is ${what}, not an object`, 'write one object per document and separate documents by a line with ---');
    }
    // A map reads as an object.
    const object = value as Record<string, unknown>;
    return [{ object, line, file, lineOf: (path) => lineOfPath(contents, path, (offset) => lines.linePos(offset).line) ?? line }];
  });
}

/** The value of a text with one document, of any kind; null for an empty text. Throws YamlError. */
export function parseYaml(text: string, options: ParseOptions = {}): unknown {
  const file = options.file ?? '';
  const { documents, lines } = read(text, file);
  const values = documents.map((document) => new Reader(document, lines, file, text).value());
  if (values.length > 1) {
    const at = lines.linePos(documents[1]?.range[0] ?? 0);
    throw new YamlError(file, { line: at.line, column: at.col }, 'there is more than one document', 'keep one document in this file');
  }
  return values[0] ?? null;
}

type Parsed = Document.Parsed;

function read(text: string, file: string): { documents: Parsed[]; lines: LineCounter } {
  const lines = new LineCounter();
  // Every scalar stays a text here; the Reader says what plain ones mean.
  const found = parseAllDocuments(text, { schema: 'failsafe', lineCounter: lines, uniqueKeys: false, prettyErrors: false, logLevel: 'silent' });
  const documents: Parsed[] = Array.isArray(found) ? found : [];
  for (const document of documents) {
    const error = document.errors[0];
    if (!error) continue;
    const at = lines.linePos(error.pos[0]);
    throw new YamlError(file, { line: at.line, column: at.col }, error.message, hintFor(error.code, text, error.pos[0]));
  }
  return { documents, lines };
}

class Reader {
  readonly #document: Parsed;
  readonly #lines: LineCounter;
  readonly #file: string;
  readonly #text: string;
  /** Aliases that are being followed, so that one that contains itself is found. */
  readonly #following = new Set<Node>();
  #aliasNodes = 0;

  constructor(document: Parsed, lines: LineCounter, file: string, text: string) {
    this.#document = document;
    this.#lines = lines;
    this.#file = file;
    this.#text = text;
  }

  value(): unknown {
    return this.#node(this.#document.contents);
  }

  #node(node: unknown): unknown {
    if (this.#following.size > 0 && ++this.#aliasNodes > aliasLimit) {
      throw this.#error(node, 'the aliases of this document make it too large', 'write the repeated part out, or use fewer aliases');
    }
    if (isAlias(node)) return this.#alias(node);
    if (isMap(node)) return this.#map(node.items);
    if (isSeq(node)) return node.items.map((item) => this.#node(item));
    return isScalar(node) ? this.#scalar(node) : null;
  }

  #alias(node: Node & { source: string; resolve(document: Parsed): Node | undefined }): unknown {
    const target = node.resolve(this.#document);
    if (!target) throw this.#error(node, `unknown anchor '${node.source}'`, `define it before its use, as in key: &${node.source} value`);
    if (this.#following.has(target)) throw this.#error(node, `the value of anchor '${node.source}' contains itself`, 'write the inner part out');
    this.#following.add(target);
    const value = this.#node(target);
    this.#following.delete(target);
    return value;
  }

  #map(items: readonly Pair[]): Record<string, unknown> {
    const object: Record<string, unknown> = {};
    const seen = new Map<string, unknown>();
    let merged: Record<string, unknown> | undefined;
    for (const { key, value } of items) {
      if (isScalar(key) && key.value === '<<' && key.type === 'PLAIN') {
        merged = { ...this.#merged(value), ...merged };
        continue;
      }
      const name = this.#key(key);
      const before = seen.get(name);
      if (before !== undefined) {
        const line = this.#position(before).line;
        throw this.#error(key, `key "${name}" is already set in line ${line}`, `remove one of the two, or quote the keys if they were meant as texts`);
      }
      seen.set(name, key);
      setField(object, name, this.#node(value));
    }
    return merged ? { ...merged, ...object } : object;
  }

  /** `<<`: what it names counts where the map itself says nothing; of several, the first counts. */
  #merged(node: unknown): Record<string, unknown> {
    const value = this.#node(node);
    const parts = Array.isArray(value) ? value : [value];
    const merged: Record<string, unknown> = {};
    for (const part of parts.reverse()) {
      if (typeof part !== 'object' || part === null || Array.isArray(part)) throw this.#error(node, 'map merge requires map or sequence of maps as the value', 'give << an alias of a map');
      Object.assign(merged, part);
    }
    return merged;
  }

  /** Keys are texts in JSON: a key that means a boolean or a number becomes its text. */
  #key(node: unknown): string {
    const value = isAlias(node) ? this.#alias(node) : isScalar(node) ? this.#scalar(node) : undefined;
    if (typeof value === 'string') return value;
    if (typeof value === 'boolean' || typeof value === 'number') return String(value);
    const offset = (node as { range?: Range | null } | null)?.range?.[0] ?? 0;
    throw this.#error(node, 'a key must be a text', hintFor('NON_STRING_KEY', this.#text, offset));
  }

  #scalar(node: Node & { value?: unknown; type?: unknown; source?: string; tag?: string }): unknown {
    const text = this.#textOf(node);
    const tag = node.tag;
    const isPlain = node.type === 'PLAIN' || node.type === undefined || node.type === null;
    if (tag === undefined) return isPlain ? this.#plain(node, text) : text;
    switch (tag) {
      case 'tag:yaml.org,2002:binary':
        return Buffer.from(text.replace(/\s+/g, ''), 'base64').toString('utf8');
      case 'tag:yaml.org,2002:int':
      case 'tag:yaml.org,2002:float': {
        const value = numberOf(text);
        if (value === undefined) throw this.#error(node, `cannot read "${text}" as a number`, 'write a number, or remove the tag');
        return value;
      }
      case 'tag:yaml.org,2002:bool': {
        const value = resolveScalar(text);
        if (typeof value !== 'boolean') throw this.#error(node, `cannot read "${text}" as a boolean`, 'write true or false');
        return value;
      }
      case 'tag:yaml.org,2002:null':
        return null;
      default:
        return text;
    }
  }

  #textOf(node: Node & { source?: string; type?: unknown }): string {
    const text = node.source ?? '';
    const isBlock = node.type === 'BLOCK_LITERAL' || node.type === 'BLOCK_FOLDED';
    // A block that the file's end cuts off has no line break there, as upstream reads it.
    const isCutOff = isBlock && !this.#text.endsWith('\n') && (node.range?.[1] ?? 0) >= this.#text.length;
    return isCutOff ? text.replace(/\n$/, '') : text;
  }

  #plain(node: unknown, text: string): unknown {
    if (isUnrepresentable(text)) throw this.#error(node, `${text} has no counterpart in JSON`, `quote it if it is a text: "${text}"`);
    return resolveScalar(text);
  }

  #position(node: unknown): Position {
    const range = (node as { range?: Range | null } | null)?.range;
    const at = this.#lines.linePos(range?.[0] ?? 0);
    return { line: at.line, column: at.col };
  }

  #error(node: unknown, why: string, hint: string): YamlError {
    return new YamlError(this.#file, this.#position(node), why, hint);
  }
}
