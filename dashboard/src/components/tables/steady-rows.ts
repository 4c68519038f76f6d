import { useEffect, useRef, useState } from 'react';

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

interface Watched<Row> {
  rows: readonly Row[];
  keyOf: (row: Row) => string;
  /** Pointer or focus is in the table, or rows are chosen. */
  held: boolean;
  /** How many pages are loaded. One more was asked for by hand, so its rows are shown also while the table is held. */
  pages: number;
}

/**
 * Rows that do not move under the pointer. While the table is held, values change in place and nothing is added, taken
 * away or put in another order; only the next page is added below, which moves nothing.
 */
export function useSteadyRows<Row>({ rows, keyOf, held, pages }: Watched<Row>): Steady<Row> {
  const [shown, setShown] = useState<Shown<Row>[]>(() => fresh(rows));
  const pagesBefore = useRef(pages);

  useEffect(() => {
    const isMore = pages > pagesBefore.current;
    pagesBefore.current = pages;
    const merge = (): void =>
      setShown((before) => {
        if (!held) return withEnded(before, rows, keyOf);
        const same = inPlace(before, rows, keyOf);
        return isMore ? [...same, ...below(same, rows, keyOf)] : same;
      });
    merge();
    if (held) return;
    const timer = setTimeout(merge, GONE_FOR_MS + 50);
    return () => clearTimeout(timer);
    // `keyOf` is written anew with every rendering and always means the same.
  }, [rows, held, pages]);

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

/** What the list has after the last row that is shown. */
function below<Row>(
  shown: readonly Shown<Row>[],
  rows: readonly Row[],
  keyOf: (row: Row) => string,
): Shown<Row>[] {
  const known = new Set(shown.map(({ row }) => keyOf(row)));
  return fresh(rows.slice(rows.findLastIndex((row) => known.has(keyOf(row))) + 1));
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
