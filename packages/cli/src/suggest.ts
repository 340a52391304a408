/** What a user may have meant: names that start alike or are at most two slips away, the nearest first. */
export function nearNames(typed: string, names: readonly string[], limit = 3): readonly string[] {
  const rows = names.map((name) => ({ name, slips: name.startsWith(typed) || typed.startsWith(name) ? 0 : slipsBetween(typed, name) }));
  return rows.filter(({ slips }) => slips <= 2).sort((a, b) => a.slips - b.slips || (a.name < b.name ? -1 : 1)).slice(0, limit).map(({ name }) => name);
}

/** Letters to add, remove, replace or swap with a neighbour to make one text of the other (optimal string alignment). */
function slipsBetween(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_none, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    rows.push([i]);
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let slips = Math.min(rows[i - 1]![j]! + 1, rows[i]![j - 1]! + 1, rows[i - 1]![j - 1]! + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) slips = Math.min(slips, rows[i - 2]![j - 2]! + 1);
      rows[i]!.push(slips);
    }
  }
  return rows[a.length]![b.length]!;
}
