import { formatAge, rfc3339 } from '@keelson/std';

/** A column of times: ages for people at a terminal, RFC 3339 for programs behind a pipe. */
export interface TimeColumn {
  readonly header: string;
  cell(atMs: number | undefined, nowMs: number): string;
}

/** `width` is the terminal's; undefined when the output is piped. `words` are the headers of both forms. */
export function timeColumn(width: number | undefined, words: readonly [age: string, time: string] = ['AGE', 'SINCE']): TimeColumn {
  return width === undefined
    ? { header: words[1], cell: (atMs) => (atMs === undefined ? '' : rfc3339(atMs)) }
    : { header: words[0], cell: (atMs, nowMs) => (atMs === undefined ? '' : formatAge(nowMs - atMs)) };
}
