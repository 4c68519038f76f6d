import { useEffect, useState } from 'react';

/** A row that ended stays this long, dimmed, so that it is seen to end. */
const GONE_FOR_MS = 5000;

export interface Shown<Row> {
  row: Row;
  /** performance.now() at which the list no longer had it; null while it has. */
  goneAt: number | null;
}

interface Steady<Row> {
  shown: Shown<Row>[];
  /** How many rows the list has that are held back. */
  newer: number;
  showNewer: () => void;
}

/**
 * Rows that do not move under the pointer. While the table is held (pointer or focus in it, or rows chosen), values
 * change in place and nothing is added, taken away or put in another order.
 */
export function useSteadyRows<Row>(
  rows: readonly Row[],
  keyOf: (row: Row) => string,
  held: boolean,
): Steady<Row> {
  const [shown, setShown] = useState<Shown<Row>[]>(() => fresh(rows));

  useEffect(() => {
    const merge = (): void =>
      setShown((before) => (held ? inPlace(before, rows, keyOf) : withEnded(before, rows, keyOf)));
    merge();
    if (held) return;
    const timer = setTimeout(merge, GONE_FOR_MS + 50);
    return () => clearTimeout(timer);
    // `keyOf` is written anew with every rendering and always means the same.
  }, [rows, held]);

  const known = new Set(shown.map(({ row }) => keyOf(row)));
  return {
    shown,
    newer: held ? rows.filter((row) => !known.has(keyOf(row))).length : 0,
    showNewer: () => setShown(fresh(rows)),
  };
}

const fresh = <Row>(rows: readonly Row[]): Shown<Row>[] => rows.map((row) => ({ row, goneAt: null }));

function inPlace<Row>(before: Shown<Row>[], rows: readonly Row[], keyOf: (row: Row) => string): Shown<Row>[] {
  if (before.length === 0) return fresh(rows);
  const now = new Map(rows.map((row) => [keyOf(row), row]));
  return before.map(({ row, goneAt }) => {
    const next = now.get(keyOf(row));
    return next === undefined ? { row, goneAt: goneAt ?? performance.now() } : { row: next, goneAt: null };
  });
}

/** The new list, with those that have just left it where they were. */
function withEnded<Row>(
  before: Shown<Row>[],
  rows: readonly Row[],
  keyOf: (row: Row) => string,
): Shown<Row>[] {
  const now = new Set(rows.map(keyOf));
  const result = fresh(rows);
  before.forEach(({ row, goneAt }, at) => {
    if (now.has(keyOf(row))) return;
    const since = goneAt ?? performance.now();
    if (performance.now() - since < GONE_FOR_MS)
      result.splice(Math.min(at, result.length), 0, { row, goneAt: since });
  });
  return result;
}
