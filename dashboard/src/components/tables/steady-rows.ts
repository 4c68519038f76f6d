import { useEffect, useRef, useState } from 'react';

/** A row that has left the list stays dimmed for this long, so that the user sees it go. */
const GONE_FOR_MS = 5000;

export interface Shown<Row> {
  row: Row;
  /** performance.now() when the row left the list; null while it is in it. */
  goneAt: number | null;
}

interface Steady<Row> {
  shown: Shown<Row>[];
  /** The number of new rows held back. */
  newer: number;
  showNewer: () => void;
}

interface Watched<Row> {
  rows: readonly Row[];
  keyOf: (row: Row) => string;
  /** The pointer or focus is in the table, or rows are selected. */
  held: boolean;
  /** The number of pages loaded. The rows of a page the user asked for are shown even while the table is held. */
  pages: number;
}

/**
 * Rows that do not move under the pointer. While the table is held, values change in place and no row is added,
 * removed or reordered; only the next page is appended, which moves nothing.
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
    // `keyOf` is a new function on every rendering but always does the same.
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

/** The rows after the last row on screen. */
function below<Row>(
  shown: readonly Shown<Row>[],
  rows: readonly Row[],
  keyOf: (row: Row) => string,
): Shown<Row>[] {
  const known = new Set(shown.map(({ row }) => keyOf(row)));
  return fresh(rows.slice(rows.findLastIndex((row) => known.has(keyOf(row))) + 1));
}

/** The new list, with rows that have just left it kept in place. */
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
