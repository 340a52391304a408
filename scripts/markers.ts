/** Text between two markers of a Markdown file, which a program writes. */

/** Replaces what stands between `<!-- NAME: … -->` and `<!-- /NAME -->`. Throws when the markers are not there. */
export function replaceBetween(text: string, name: string, content: string): string {
  const pattern = new RegExp(`(<!-- ${name}:[^>]*-->\\n)[\\s\\S]*?(<!-- /${name} -->)`);
  if (!pattern.test(text)) throw new Error(`there is no <!-- ${name}: … --> followed by <!-- /${name} -->`);
  return text.replace(pattern, (_all, begin: string, end: string) => `${begin}${content.trimEnd()}\n${end}`);
}
