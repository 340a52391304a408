/** Golden files: compared as text, rewritten by `KEELSON_UPDATE_GOLDEN=1`. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

/** Holds a text against a file of testdata. */
export function assertGolden(name: string, text: string): void {
  const url = new URL(`../../testdata/${name}`, import.meta.url);
  if (process.env['KEELSON_UPDATE_GOLDEN']) writeFileSync(url, text);
  assert.equal(text, existsSync(url) ? readFileSync(url, 'utf8') : '', `testdata/${name} differs; look at it with KEELSON_UPDATE_GOLDEN=1 and git diff`);
}
