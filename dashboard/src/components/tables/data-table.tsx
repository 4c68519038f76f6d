import { useEffect, useState } from 'react';
import { useLocation } from 'wouter';
import type { ListState } from '../../api/use-api';
import { formatCount } from '../../formatting/numbers';
import { classes } from '../../theme/classes';
import { Button } from '../forms/button';
import { ScrollBox } from './scroll-box';
import { type Shown, useSteadyRows } from './steady-rows';
import styles from './data-table.module.css';

export interface Column<Row> {
  key: string;
  head: React.ReactNode;
  /** Right-aligned, for numbers. */
  align?: 'end';
  cell: (row: Row) => React.ReactNode;
  /** Hidden on phones; the row's own page has it. */
  phone?: 'hide';
  /** A second line of the cell, on phones only. */
  phoneNote?: (row: Row) => React.ReactNode;
  /** The cell that names the row. */
  isHead?: boolean;
}

export interface Selection<Row> {
  chosen: ReadonlySet<string>;
  onChange: (chosen: Set<string>) => void;
  /** Why this row cannot be selected; null when it can. */
  why?: (row: Row) => string | null;
}

interface DataTableProps<Row> {
  /** Describes the rows to screen readers. */
  caption: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  rowKey: (row: Row) => string;
  rowHref?: (row: Row) => string;
  select?: Selection<Row>;
  /** The rows update live: they are held still while the pointer or focus is on the table. */
  live?: boolean;
  /** The number of pages loaded, for a paged list. */
  pages?: number;
  /** Holds the rows on screen, for export. */
  shownRows?: React.RefObject<readonly Row[]>;
  empty?: React.ReactNode;
  /** `shown`: the number of rows on screen; a list that is held still may have more. */
  foot?: (shown: number) => React.ReactNode;
}

/**
 * A dense table. Give it a `key` that changes with the filters: rows are held still within one list, not across
 * lists.
 */
export function DataTable<Row>(props: DataTableProps<Row>) {
  const { caption, columns, rows, rowKey, select, live = false, pages = 1, shownRows, empty, foot } = props;
  const [hovered, setHovered] = useState(false);
  const [focused, setFocused] = useState(false);
  const held = live && (hovered || focused || (select?.chosen.size ?? 0) > 0);
  const steady = useSteadyRows({ rows, keyOf: rowKey, held, pages });
  const shown: Shown<Row>[] = live ? steady.shown : rows.map((row) => ({ row, goneAt: null }));
  const there = shown.filter(({ goneAt }) => goneAt === null).map(({ row }) => row);
  useEffect(() => {
    if (shownRows) shownRows.current = there;
  });
  if (shown.length === 0 && empty !== undefined) return <>{empty}</>;
  const showNewer = (): void => {
    steady.showNewer();
    // The pill disappears; without this, so would the focus.
    setFocused(false);
  };
  return (
    <>
      <div
        onPointerEnter={() => setHovered(true)}
        onPointerLeave={() => setHovered(false)}
        onFocus={() => setFocused(true)}
        onBlur={(event) => setFocused(event.currentTarget.contains(event.relatedTarget))}
      >
        {steady.newer > 0 && (
          <div className={styles.newer}>
            <button type="button" onClick={showNewer}>
              Show {formatCount(steady.newer)} new
            </button>
          </div>
        )}
        <ScrollBox label={caption}>
          <table className={styles.table}>
            <caption className="unseen">{caption}</caption>
            <thead>
              <tr>
                {select && <SelectAll rows={there} rowKey={rowKey} select={select} />}
                {columns.map(({ key, head, align, phone }) => (
                  <th key={key} scope="col" className={classes(align && styles.end, phone && styles.hide)}>
                    {head}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {shown.map(({ row, goneAt }) => (
                <TableRow key={rowKey(row)} row={row} gone={goneAt !== null} table={props} />
              ))}
            </tbody>
          </table>
        </ScrollBox>
      </div>
      {foot !== undefined && <div className={styles.foot}>{foot(there.length)}</div>}
    </>
  );
}

function TableRow<Row>({ row, gone, table }: { row: Row; gone: boolean; table: DataTableProps<Row> }) {
  const { columns, rowKey, rowHref, select } = table;
  const [, navigate] = useLocation();
  const key = rowKey(row);
  const href = rowHref?.(row);
  const open = (event: React.MouseEvent): void => {
    const onControl = (event.target as Element).closest('a, button, input, label') !== null;
    if (href === undefined || onControl || getSelection()?.isCollapsed === false) return;
    navigate(href);
  };
  const chosen = select?.chosen.has(key) ?? false;
  return (
    <tr
      data-row
      data-href={href}
      tabIndex={-1}
      onClick={open}
      className={classes(href !== undefined && styles.link, chosen && styles.chosen, gone && styles.gone)}
    >
      {select && <SelectCell row={row} id={key} chosen={chosen} select={select} />}
      {columns.map(({ key: name, align, cell, phone, phoneNote, isHead }) => {
        const Cell = isHead ? 'th' : 'td';
        return (
          <Cell
            key={name}
            scope={isHead ? 'row' : undefined}
            className={classes(align && styles.end, phone && styles.hide)}
          >
            {cell(row)}
            {phoneNote && <span className={styles.note}>{phoneNote(row)}</span>}
          </Cell>
        );
      })}
    </tr>
  );
}

interface SelectCellProps<Row> {
  row: Row;
  id: string;
  chosen: boolean;
  select: Selection<Row>;
}

function SelectCell<Row>({ row, id, chosen, select }: SelectCellProps<Row>) {
  const why = select.why?.(row) ?? null;
  const toggle = (): void => {
    const next = new Set(select.chosen);
    if (!next.delete(id)) next.add(id);
    select.onChange(next);
  };
  return (
    <td className={styles.box}>
      {why === null ? (
        <label className={styles.tick}>
          <input type="checkbox" data-select checked={chosen} onChange={toggle} aria-label={`Select ${id}`} />
        </label>
      ) : (
        <span className={styles.tick} title={why}>
          <span className="unseen">{why}</span>
        </span>
      )}
    </td>
  );
}

function SelectAll<Row>({
  rows,
  rowKey,
  select,
}: Pick<DataTableProps<Row>, 'rows' | 'rowKey'> & { select: Selection<Row> }) {
  const keys = rows.filter((row) => (select.why?.(row) ?? null) === null).map(rowKey);
  const chosen = keys.filter((key) => select.chosen.has(key)).length;
  const all = keys.length > 0 && chosen === keys.length;
  return (
    <th scope="col" className={styles.box}>
      <label className={styles.tick}>
        <input
          type="checkbox"
          aria-label="Select all shown rows"
          disabled={keys.length === 0}
          checked={all}
          ref={(box) => {
            if (box) box.indeterminate = chosen > 0 && !all;
          }}
          onChange={() => select.onChange(new Set(all ? [] : keys))}
        />
      </label>
    </th>
  );
}

/** The foot of a list: what is shown, and a button for more. */
export function ListFoot<Row>({ children, list }: { children: React.ReactNode; list: ListState<Row> }) {
  return (
    <>
      <span>{children}</span>
      {list.hasMore && (
        <Button small tone="quiet" busy={list.loadingMore} onClick={list.more}>
          {list.loadingMore ? 'Loading' : 'Show more'}
        </Button>
      )}
    </>
  );
}
