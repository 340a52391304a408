import type { Bytes } from '@keelson/std';

const newline = 0x0a;

/** The lines of a stream of UTF-8, without their ends and without empty ones; what follows the last newline is a line too. */
export async function* splitLines(chunks: AsyncIterable<Bytes>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let pending: Bytes[] = [];
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, start)) {
      const line = decoder.decode(joined(pending, chunk.subarray(start, end)));
      pending = [];
      start = end + 1;
      if (line !== '') yield line;
    }
    if (start < chunk.length) pending.push(chunk.subarray(start));
  }
  const rest = decoder.decode(joined(pending, new Uint8Array()));
  if (rest !== '') yield rest;
}

function joined(pending: readonly Bytes[], last: Bytes): Bytes {
  return pending.length === 0 ? last : Buffer.concat([...pending, last]);
}
