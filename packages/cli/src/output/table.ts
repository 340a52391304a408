/** Tables: upper-case headers, two spaces between columns, no borders. */
export interface TableOptions {
  /** Columns of the terminal; the last cell is cut to fit. Not cut when undefined (piped output). */
  readonly width?: number;
}

/** Renders rows under headers; every line ends with a newline. */
export function renderTable(headers: readonly string[], rows: readonly (readonly string[])[], options: TableOptions = {}): string {
  const widths = headers.map((header, i) => Math.max(textWidth(header), ...rows.map((row) => textWidth(row[i] ?? ''))));
  const line = (cells: readonly string[]) => {
    const text = cells.map((cell, i) => (i === cells.length - 1 ? cell : cell + ' '.repeat(Math.max(0, widths[i]! - textWidth(cell))))).join('  ').trimEnd();
    return fitTo(text, options.width);
  };
  return [headers, ...rows].map((cells) => `${line(cells)}\n`).join('');
}

/** The text cut to a width, with an ellipsis where something is left out; as it is when there is no width. */
export function fitTo(text: string, width: number | undefined): string {
  return width !== undefined && textWidth(text) > width ? `${cut(text, Math.max(1, width - 1))}…` : text;
}

/** The first characters that a terminal shows, with every colour code, so that none stays open. */
function cut(text: string, width: number): string {
  let shown = 0;
  return text.split(/(\u001b\[[0-9;]*m)/).map((part, i) => {
    if (i % 2 === 1) return part;
    const kept = [...part].slice(0, width - shown).join('');
    shown += textWidth(kept);
    return kept;
  }).join('');
}

/** Characters as a terminal shows them, without colour codes. */
function textWidth(text: string): number {
  return [...stripColour(text)].length;
}

/** The text without ANSI colour codes. */
export function stripColour(text: string): string {
  return text.replace(/\u001b\[[0-9;]*m/g, '');
}
