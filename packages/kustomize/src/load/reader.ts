import { isMap } from '../json.ts';
import { type Origin, kustomizeProblems, problemAt } from '../problems.ts';
import type { YamlDocument } from './parse-yaml.ts';

/** Reads the fields of one map of a kustomization file, strictly: a wrong type or an unknown field is an error with its line. */
export class FieldReader {
  readonly #document: YamlDocument;
  readonly #file: string;
  readonly #path: readonly (string | number)[];
  readonly #fields = new Map<string, { key: string; value: unknown }>();
  readonly #read = new Set<string>();

  constructor(document: YamlDocument, file: string, path: readonly (string | number)[], value: unknown) {
    this.#document = document;
    this.#file = file;
    this.#path = path;
    if (!isMap(value)) throw this.#error(path, `${this.#name(path)} must be a map`);
    // Keys are matched without regard to case, as Go's JSON decoder does.
    for (const [key, member] of Object.entries(value)) this.#fields.set(key.toLowerCase(), { key, value: member });
  }

  get origin(): Origin {
    return { file: this.#file, line: this.#document.lineOf(this.#path) };
  }

  originOf(name: string, ...more: (string | number)[]): Origin {
    const key = this.#fields.get(name.toLowerCase())?.key ?? name;
    return { file: this.#file, line: this.#document.lineOf([...this.#path, key, ...more]) };
  }

  /** Undefined when the field is absent or null. */
  raw(name: string): unknown {
    this.#read.add(name.toLowerCase());
    return this.#fields.get(name.toLowerCase())?.value ?? undefined;
  }

  string(name: string): string | undefined {
    return this.#typed(name, 'a string', (value) => typeof value === 'string');
  }

  boolean(name: string): boolean | undefined {
    return this.#typed(name, 'true or false', (value) => typeof value === 'boolean');
  }

  integer(name: string): number | undefined {
    return this.#typed(name, 'a whole number', (value) => Number.isSafeInteger(value));
  }

  stringMap(name: string): Readonly<Record<string, string>> | undefined {
    const value = this.raw(name);
    if (value === undefined) return undefined;
    if (!isMap(value)) throw this.#error([...this.#path, name], `${this.#name([...this.#path, name])} must be a map of strings`);
    for (const [key, member] of Object.entries(value)) {
      if (typeof member !== 'string') throw this.#error([...this.#path, name, key], `${this.#name([...this.#path, name, key])} must be a string: put ${String(member)} in quotes`);
    }
    return value as Record<string, string>; // every member was just checked
  }

  strings(name: string): readonly { readonly text: string; readonly origin: Origin }[] {
    return this.#items(name).map((item, index) => {
      if (typeof item !== 'string') throw this.#error([...this.#path, name, index], `${this.#name([...this.#path, name, index])} must be a string`);
      return { text: item, origin: this.originOf(name, index) };
    });
  }

  /** Each member of a list of maps through `decode`, which must end with `done()`. */
  maps<T>(name: string, decode: (fields: FieldReader) => T): readonly T[] {
    return this.#items(name).map((item, index) => this.#decode(item, [...this.#path, this.#fields.get(name.toLowerCase())?.key ?? name, index], decode));
  }

  map<T>(name: string, decode: (fields: FieldReader) => T): T | undefined {
    const value = this.raw(name);
    return value === undefined ? undefined : this.#decode(value, [...this.#path, name], decode);
  }

  /** True when the field is there and not empty. */
  has(name: string): boolean {
    const value = this.raw(name);
    return value !== undefined && value !== '' && !(Array.isArray(value) && value.length === 0) && !(isMap(value) && Object.keys(value).length === 0);
  }

  isEmpty(): boolean {
    return this.#fields.size === 0;
  }

  invalid(name: string, why: string): Error {
    return this.#error([...this.#path, name], why);
  }

  /** Throws when a field is there that nothing has asked for. */
  done(): void {
    for (const [lower, { key }] of this.#fields) {
      if (!this.#read.has(lower)) throw this.#error([...this.#path, key], `unknown field "${[...this.#path, key].filter((part) => typeof part === 'string').join('.')}"`);
    }
  }

  #decode<T>(value: unknown, path: readonly (string | number)[], decode: (fields: FieldReader) => T): T {
    const reader = new FieldReader(this.#document, this.#file, path, value);
    const decoded = decode(reader);
    reader.done();
    return decoded;
  }

  #items(name: string): readonly unknown[] {
    const value = this.raw(name);
    if (value === undefined) return [];
    if (!Array.isArray(value)) throw this.#error([...this.#path, name], `${this.#name([...this.#path, name])} must be a list`);
    return value;
  }

  #typed<T>(name: string, what: string, is: (value: unknown) => boolean): T | undefined {
    const value = this.raw(name);
    if (value === undefined) return undefined;
    if (!is(value)) throw this.#error([...this.#path, name], `${this.#name([...this.#path, name])} must be ${what}, not ${JSON.stringify(value)}`);
    return value as T; // `is` has checked it
  }

  #name(path: readonly (string | number)[]): string {
    return path.length === 0 ? 'the file' : path.map((part, i) => (typeof part === 'number' ? `[${part}]` : i === 0 ? part : `.${part}`)).join('');
  }

  #error(path: readonly (string | number)[], why: string): Error {
    return problemAt(kustomizeProblems.invalid, { file: this.#file, line: this.#document.lineOf(path) }, why);
  }
}

