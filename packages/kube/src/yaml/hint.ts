/** What usually mends an error of the YAML reader, by its code and the line it is in. */
export function hintFor(code: string, text: string, offset: number): string {
  const start = text.lastIndexOf('\n', offset - 1) + 1;
  const end = text.indexOf('\n', offset);
  const line = text.slice(start, end < 0 ? undefined : end);
  if (/\{\{.*\}\}/.test(line) || /^\s*\{%/.test(line)) return 'the line looks like a template: render it first, or quote the value';
  if (/^\s*\t/.test(line)) return 'indent with spaces; YAML does not allow tabs there';
  if (/^(<<<<<<<|=======|>>>>>>>)/.test(line)) return 'resolve the merge conflict that git left in the file';
  return hints[code] ?? 'check the indentation and the quotes of this line and the one above it';
}

const hints: Readonly<Record<string, string>> = {
  ALIAS_PROPS: 'an alias stands alone: remove the anchor or the tag before it',
  BAD_ALIAS: 'name an anchor that was defined before',
  BAD_COLLECTION_TYPE: 'remove the tag, or make the value what the tag says',
  BAD_DIRECTIVE: 'remove the line that begins with %',
  BAD_DQ_ESCAPE: 'write a backslash twice in double quotes, or use single quotes',
  BAD_INDENT: 'indent the line like the others of its block',
  BAD_PROP_ORDER: 'put the anchor and the tag before the value',
  BAD_SCALAR_START: 'quote the value: it begins with a character that YAML keeps for itself',
  BLOCK_AS_IMPLICIT_KEY: 'a value with ": " in it must be quoted',
  BLOCK_IN_FLOW: 'inside [ ] and { } write everything in that form',
  COMMA_IN_YAML_DIRECTIVE: 'remove the line that begins with %',
  DUPLICATE_KEY: 'remove one of the two keys',
  IMPOSSIBLE: 'check the syntax of this line',
  KEY_OVER_1024_CHARS: 'shorten the key, or quote the text if it was not meant as a key',
  MISSING_CHAR: 'add the closing quote, bracket or colon that is missing here',
  MULTILINE_IMPLICIT_KEY: 'a colon is missing at the end of the key, or a value over several lines must be quoted',
  MULTIPLE_ANCHORS: 'give the value one anchor',
  MULTIPLE_DOCS: 'keep one document in this file',
  MULTIPLE_TAGS: 'give the value one tag',
  NON_STRING_KEY: 'quote the key',
  TAB_AS_INDENT: 'indent with spaces; YAML does not allow tabs there',
  TAG_RESOLVE_FAILED: 'remove the tag',
  UNEXPECTED_TOKEN: 'check for a missing quote, bracket or line break before this place',
};
