/** Aligned columns; all but the first are numbers and right-aligned. */
export function table(rows: string[][]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (row: string[]) =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)));
  return rows.map((row) => line(row).join('  ').trimEnd()).join('\n');
}

/** Three significant digits. */
export function short(number: number | undefined): string {
  if (number === undefined) return '–';
  if (number === 0) return '0';
  if (Math.abs(number) >= 100) return String(Math.round(number));
  return String(Number(number.toPrecision(3)));
}

/** Milliseconds, with their unit. */
export function time(ms: number | undefined): string {
  if (ms === undefined) return '–';
  return ms >= 10_000 ? `${short(ms / 1_000)} s` : `${short(ms)} ms`;
}
