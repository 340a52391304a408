// Regular expressions of schemas are RE2 (github.com/google/re2/wiki/Syntax); this turns them into ECMAScript ones.

const cache = new Map<string, RegExp | string>();
const cacheLimit = 5_000;

/** The expression for an RE2 pattern, matched anywhere in the text; or, when it cannot be read, why not. */
export function compilePattern(pattern: string): RegExp | string {
  const known = cache.get(pattern);
  if (known !== undefined) return known;
  if (cache.size >= cacheLimit) cache.clear();
  const compiled = compile(pattern);
  cache.set(pattern, compiled);
  return compiled;
}

function compile(pattern: string): RegExp | string {
  try {
    const { source, flags } = translate(pattern);
    return new RegExp(source, `u${flags}`);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** What a POSIX class or a Perl class holds, as it stands inside brackets. */
const posixClasses: Readonly<Record<string, string>> = {
  alnum: '0-9A-Za-z',
  alpha: 'A-Za-z',
  ascii: '\\x00-\\x7F',
  blank: '\\t ',
  cntrl: '\\x00-\\x1F\\x7F',
  digit: '0-9',
  graph: '!-~',
  lower: 'a-z',
  print: ' -~',
  punct: '!-\\/:-@\\[-`\\{-~',
  space: '\\t\\n\\v\\f\\r ',
  upper: 'A-Z',
  word: '0-9A-Za-z_',
  xdigit: '0-9A-Fa-f',
};

const syntaxCharacters = '^$\\.*+?()[]{}|/';

interface Translation {
  readonly source: string;
  readonly flags: string;
}

function translate(pattern: string): Translation {
  // Flags at the beginning, possibly behind the anchor, are those of the whole expression. RE2's i, s and m mean the same here;
  // flags further inside would need to be split by branches and are refused.
  const leading = /^(\^|\\A)?\(\?([imsU]+)\)/.exec(pattern);
  const flags = leading?.[2] ?? '';
  if (flags.includes('U')) throw new Error('flag U is not supported');
  const rest = leading ? `${leading[1] ?? ''}${pattern.slice(leading[0].length)}` : pattern;
  let source = '';
  for (let at = 0; at < rest.length; ) {
    const [piece, next] = translateOne(rest, at);
    source += piece;
    at = next;
  }
  return { source, flags };
}

function translateOne(pattern: string, at: number): [string, number] {
  const char = pattern.charAt(at);
  if (char === '\\') return translateEscape(pattern, at, false);
  if (char === '[') return translateClass(pattern, at);
  if (pattern.startsWith('(?P<', at)) return ['(?<', at + 4];
  if (char === '{') {
    const repeat = /^\{\d+(,\d*)?\}/.exec(pattern.slice(at));
    return repeat ? [repeat[0], at + repeat[0].length] : ['\\{', at + 1];
  }
  if (char === '}' || char === ']' || char === '/') return [`\\${char}`, at + 1];
  const point = String.fromCodePoint(pattern.codePointAt(at) ?? 0);
  return [point, at + point.length];
}

function translateEscape(pattern: string, at: number, inClass: boolean): [string, number] {
  const char = pattern.charAt(at + 1);
  const rest = pattern.slice(at);
  const unicode = /^\\([pP])(?:\{(\^?)([A-Za-z_]+)\}|([A-Z]))/.exec(rest);
  if (unicode) {
    const negated = (unicode[1] === 'P') !== (unicode[2] === '^');
    return [`\\${negated ? 'P' : 'p'}{${unicodeName(unicode[3] ?? unicode[4] ?? '')}}`, at + unicode[0].length];
  }
  const hex = /^\\x(?:\{([0-9A-Fa-f]+)\}|([0-9A-Fa-f]{2}))/.exec(rest);
  if (hex) return [`\\u{${hex[1] ?? hex[2] ?? ''}}`, at + hex[0].length];
  const literal = inClass ? null : /^\\Q(.*?)(?:\\E|$)/su.exec(rest);
  if (literal) return [(literal[1] ?? '').replace(/[\^$\\.*+?()[\]{}|/]/g, '\\$&'), at + literal[0].length];
  switch (char) {
    case 'A':
      return ['(?<![\\s\\S])', at + 2];
    case 'z':
      return ['(?![\\s\\S])', at + 2];
    case 'a':
      return ['\\x07', at + 2];
    case 's':
      // RE2's \s is ASCII and has no vertical tab.
      return [inClass ? '\\t\\n\\f\\r ' : '[\\t\\n\\f\\r ]', at + 2];
    case 'S':
      if (inClass) throw new Error('\\S inside a class is not supported');
      return ['[^\\t\\n\\f\\r ]', at + 2];
    case '':
      throw new Error('trailing backslash at end of expression');
    default:
  }
  if (/[dDwWbBnrtfv]/.test(char)) return [`\\${char}`, at + 2];
  if (/[A-Za-z0-9]/.test(char)) throw new Error(`invalid escape sequence: \`\\${char}\``);
  const kept = syntaxCharacters.includes(char) || (inClass && char === '-');
  return [kept ? `\\${char}` : char, at + 2];
}

function translateClass(pattern: string, start: number): [string, number] {
  let at = start + 1;
  let body = '[';
  if (pattern.charAt(at) === '^') {
    body += '^';
    at++;
  }
  for (let first = true; ; first = false) {
    const char = pattern.charAt(at);
    if (char === '') throw new Error(`missing closing ]: \`${pattern.slice(start)}\``);
    if (char === ']' && !first) return [`${body}]`, at + 1];
    const posix = /^\[:(\^?)([a-z]+):\]/.exec(pattern.slice(at));
    if (posix) {
      const members = posixClasses[posix[2] ?? ''];
      if (members === undefined || posix[1]) throw new Error(`invalid character class range: \`${posix[0]}\``);
      body += members;
      at += posix[0].length;
    } else if (char === '\\') {
      const [piece, next] = translateEscape(pattern, at, true);
      body += piece;
      at = next;
    } else {
      const point = String.fromCodePoint(pattern.codePointAt(at) ?? 0);
      const last = char === '-' && (first || pattern.charAt(at + 1) === ']');
      body += last || (syntaxCharacters.includes(char) && char !== '^') ? `\\${char}` : point;
      at += point.length;
    }
  }
}

/** RE2 names scripts without a prefix; ECMAScript wants `Script=`. General categories have at most two letters. */
function unicodeName(name: string): string {
  return name.length <= 2 ? name : `Script=${name}`;
}
