/**
 * Disk expressions of UnattendedInstallConfig and volume documents: the part of CEL that is used for them.
 * `disk.dev_path == "/dev/sda" && disk.size > 100u * GB`, `!disk.rotational`, `disk.model.startsWith("X")`, `"/x" in disk.symlinks`.
 */
export interface DiskFacts {
  readonly dev_path: string;
  readonly size: number;
  readonly transport: string;
  readonly model: string;
  readonly serial: string;
  readonly wwid: string;
  readonly rotational: boolean;
  readonly readonly: boolean;
  readonly cdrom: boolean;
  readonly bus_path: string;
  readonly symlinks: readonly string[];
  readonly system_disk: boolean;
}

type Value = string | number | boolean | readonly string[];
type Term = (disk: DiskFacts) => Value;

/** Compiles an expression. Throws with the place where it is not understood. */
export function match(expression: string): (disk: DiskFacts) => boolean {
  const parser = new Parser(expression);
  const term = parser.parse();
  return (disk) => {
    const value = term(disk);
    if (typeof value !== 'boolean') throw new Error(`disk expression ${expression} does not answer true or false`);
    return value;
  };
}

const units: Readonly<Record<string, number>> = {
  kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3, TiB: 1024 ** 4,
};

class Parser {
  readonly #text: string;
  readonly #tokens: readonly string[];
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    this.#tokens = text.match(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\d+(?:\.\d+)?u?|&&|\|\||[=!<>]=|[<>!()*.,]|\w+/g) ?? [];
    const rest = this.#tokens.reduce((left, token) => left.trimStart().slice(token.length), text.trimEnd());
    if (rest.trim() !== '') throw new Error(`disk expression ${text} is not understood at ${rest.trim()}`);
  }

  parse(): Term {
    const term = this.#or();
    if (this.#at < this.#tokens.length) throw this.#fail();
    return term;
  }

  #fail(): Error {
    return new Error(`disk expression ${this.#text} is not understood at ${this.#tokens[this.#at] ?? 'its end'}`);
  }

  #take(token: string): boolean {
    if (this.#tokens[this.#at] !== token) return false;
    this.#at += 1;
    return true;
  }

  #or(): Term {
    let left = this.#and();
    while (this.#take('||')) {
      const [a, b] = [left, this.#and()];
      left = (disk) => a(disk) === true || b(disk) === true;
    }
    return left;
  }

  #and(): Term {
    let left = this.#compare();
    while (this.#take('&&')) {
      const [a, b] = [left, this.#compare()];
      left = (disk) => a(disk) === true && b(disk) === true;
    }
    return left;
  }

  #compare(): Term {
    const left = this.#product();
    for (const operator of ['==', '!=', '<=', '>=', '<', '>', 'in']) {
      if (!this.#take(operator)) continue;
      const right = this.#product();
      return (disk) => compare(operator, left(disk), right(disk));
    }
    return left;
  }

  #product(): Term {
    let left = this.#unary();
    while (this.#take('*')) {
      const [a, b] = [left, this.#unary()];
      left = (disk) => Number(a(disk)) * Number(b(disk));
    }
    return left;
  }

  #unary(): Term {
    if (this.#take('!')) {
      const term = this.#unary();
      return (disk) => term(disk) !== true;
    }
    if (this.#take('(')) {
      const term = this.#or();
      if (!this.#take(')')) throw this.#fail();
      return term;
    }
    return this.#primary();
  }

  #primary(): Term {
    const token = this.#tokens[this.#at];
    if (token === undefined) throw this.#fail();
    this.#at += 1;
    if (/^["']/.test(token)) {
      const text = token.slice(1, -1).replace(/\\(.)/g, '$1');
      return () => text;
    }
    if (/^\d/.test(token)) {
      const value = Number(token.replace(/u$/, ''));
      return () => value;
    }
    if (token === 'true' || token === 'false') return () => token === 'true';
    if (token === 'system_disk') return (disk) => disk.system_disk;
    const unit = units[token];
    if (unit !== undefined) return () => unit;
    if (token === 'disk' && this.#take('.')) return this.#member();
    this.#at -= 1;
    throw this.#fail();
  }

  #member(): Term {
    const name = this.#tokens[this.#at] ?? '';
    this.#at += 1;
    const field: Term = (disk) => {
      const value: unknown = (disk as unknown as Record<string, unknown>)[name]; // names come from the expression
      if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean' && !Array.isArray(value)) throw new Error(`disk has no field ${name}`);
      return value as Value; // one of the kinds above
    };
    if (!this.#take('.')) return field;
    const method = this.#tokens[this.#at] ?? '';
    this.#at += 1;
    if (!this.#take('(')) throw this.#fail();
    const argument = this.#or();
    if (!this.#take(')')) throw this.#fail();
    switch (method) {
      case 'startsWith':
        return (disk) => String(field(disk)).startsWith(String(argument(disk)));
      case 'endsWith':
        return (disk) => String(field(disk)).endsWith(String(argument(disk)));
      case 'contains':
        return (disk) => String(field(disk)).includes(String(argument(disk)));
      case 'matches':
        return (disk) => new RegExp(String(argument(disk))).test(String(field(disk)));
      default:
        throw this.#fail();
    }
  }
}

function compare(operator: string, left: Value, right: Value): boolean {
  switch (operator) {
    case '==':
      return left === right;
    case '!=':
      return left !== right;
    case 'in':
      return Array.isArray(right) && right.includes(String(left));
    case '<':
      return left < right;
    case '<=':
      return left <= right;
    case '>':
      return left > right;
    default:
      return left >= right;
  }
}
