// Prints failures whole, skips with their reason, files as one line each; leaves the counts where scripts/test.mjs finds them.
import { writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import { inspect } from 'node:util';

export default async function* reporter(source) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const files = new Map();
  for await (const event of source) {
    if (event.type === 'test:stdout' || event.type === 'test:stderr') yield event.data.message;
    if (event.type !== 'test:pass' && event.type !== 'test:fail') continue;
    const { name, file = '', details, skip, nesting } = event.data;
    const where = relative(process.cwd(), file);
    if (details.type === 'suite') {
      // Its tests are counted one by one; why a hook failed stands only here.
      if (details.error?.failureType === 'hookFailed') yield `✖ ${where}: ${name}: a hook failed\n${inspect(details.error.cause, { depth: 6 })}\n`;
      continue;
    }
    // A file that fails to load is reported as a test with the name of the file.
    if (event.type === 'test:fail') {
      counts.failed++;
      yield `✖ ${where}: ${name}\n${inspect(details.error?.cause ?? details.error, { depth: 6 })}\n`;
    } else if (skip !== undefined) {
      counts.skipped++;
      yield `- ${where}: ${name}: skipped${typeof skip === 'string' ? `: ${skip}` : ''}\n`;
    } else if (nesting === 0 || details.type === undefined || details.type === 'test') {
      counts.passed++;
      const known = files.get(where) ?? { tests: 0, ms: 0 };
      files.set(where, { tests: known.tests + 1, ms: known.ms + details.duration_ms });
    }
  }
  const slow = [...files].sort((a, b) => b[1].ms - a[1].ms).slice(0, 8);
  yield `\nslowest files: ${slow.map(([file, { ms }]) => `${file} ${(ms / 1000).toFixed(1)} s`).join(', ')}\n`;
  if (process.env.KEELSON_TEST_SUMMARY) writeFileSync(process.env.KEELSON_TEST_SUMMARY, JSON.stringify(counts));
}
