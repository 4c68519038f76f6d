import { randomFillSync } from 'node:crypto';
import { TypeID } from 'typeid-js';
import { clockMs } from './clock';
import { wrongCell } from './errors';

/**
 * Ids are UUIDv7 (RFC 9562) inside and TypeIDs outside.
 *
 * Eight bits of `rand_a` are the number of the cell that holds the row, so that no directory is needed to find the cell of an
 * order, a job or a webhook. Ids of builds before CELL have 0. The other 66 random bits make a collision within one
 * millisecond unlikely enough.
 */
let cell = 0;

/** Sets the cell of this process: the one that new ids contain, and whose ids requests may name. */
export function serveCell(number: number): void {
  cell = number;
}

/** The number of the cell that made this id. */
export const cellOf = (id: string): number => Number.parseInt(id.slice(15, 17), 16);

export const isOfThisCell = (id: string): boolean => cellOf(id) === cell;

export type IdPrefix =
  | 'ord'
  | 'rsv'
  | 'evt'
  | 'pay'
  | 'act'
  | 'rel'
  | 'run'
  | 'ins'
  | 'rec'
  | 'fct'
  | 'shp'
  | 'rfd'
  | 'cap'
  | 'whe'
  | 'rpl'
  | 'dlv';

const pool = Buffer.alloc(16 * 256);
let poolOffset = pool.length;

/** A new id, ordered by the database's time as far as this process knows it. */
// guard: ids-by-database-clock
export function newId(now: number = clockMs()): string {
  if (poolOffset === pool.length) {
    randomFillSync(pool);
    poolOffset = 0;
  }
  const bytes = pool.subarray(poolOffset, (poolOffset += 16));
  bytes.writeUIntBE(now, 0, 6);
  bytes[6] = 0x70 | (cell >> 4);
  bytes[7] = ((cell & 0x0f) << 4) | (bytes[7]! & 0x0f);
  bytes[8] = 0x80 | (bytes[8]! & 0x3f);
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** After every id. */
export const lastId = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

/**
 * An id is made slightly before the database dates its row, with the process's idea of the database's time. Rows that differ
 * by more (from a process with a wrong clock, or an older build) are `isMisdated`.
 */
const clockSkewMsMax = 600_000;

/** The range of ids of the rows in this period that are not misdated: from `first`, below `below`. `before` ends it sooner. */
export function idsOfPeriod(
  { from, to }: { from: Date | null; to: Date | null },
  before: string | null,
): { first: string; below: string } {
  const ends = [before ?? lastId, to ? firstIdOf(to.getTime() + clockSkewMsMax) : lastId];
  return { first: firstIdOf((from?.getTime() ?? 0) - clockSkewMsMax), below: ends.sort()[0]! };
}

/** For SQL. The text must equal that of the partial indexes. */
export const isMisdated = (id: string, date: string) =>
  `abs(extract(epoch FROM ${date} AT TIME ZONE 'UTC') * 1000
       - ('x' || translate(left(${id}::text, 13), '-', ''))::bit(48)::bigint) > ${clockSkewMsMax}`;

/**
 * For SQL: the ids of a table's misdated rows in a period whose ends are parameters; none without any end, because then
 * `idsOfPeriod` covers them. A separate array, because the planner expects a third of all rows to be misdated and would
 * otherwise scan the whole table by id.
 */
export const misdatedOf = (table: string, date: string, { from, to }: { from: string; to: string }) => `
  ARRAY(SELECT id
          FROM ${table}
         WHERE ${isMisdated('id', date)}
           AND ${date} >= coalesce(${from}::timestamptz, '-infinity')
           AND ${date} < coalesce(${to}::timestamptz, 'infinity')
           AND (${from}::timestamptz IS NOT NULL OR ${to}::timestamptz IS NOT NULL))`;

function firstIdOf(ms: number): string {
  const hex = Math.max(0, ms).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-0000-0000-000000000000`;
}

/** Before every id made at this time or later. */
export function firstIdAt(ms: number): string {
  const hex = ms.toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
}

/** The TypeID that clients see: `ord_01h455vb4pe05vsknk084sn02q`. */
export function publicId(prefix: IdPrefix, id: string): string {
  return TypeID.fromUUID(prefix, id).toString();
}

/**
 * The id in a TypeID that a request names. Undefined: not an id of this service. Throws 421 for an id of another cell: only
 * that one knows it, and "not found" would be wrong.
 */
export function parsePublicId(prefix: IdPrefix, text: string): string | undefined {
  const id = parseIdOfAnyCell(prefix, text);
  // guard: ids-of-other-cells-are-refused
  if (id === undefined || isOfThisCell(id)) return id;
  const cellNumber = cellOf(id);
  throw wrongCell(
    `${text} belongs to the cell with number ${cellNumber}, and this is the one with number ${cell}. Nothing was done. Send the request to that cell, with a key of that cell.`,
    { cellNumber },
  );
}

/** The same for ids that somebody else names, such as the provider, whose account several cells may share. */
export function parseIdOfAnyCell(prefix: IdPrefix, text: string): string | undefined {
  if (!text.startsWith(`${prefix}_`) || text.length !== prefix.length + 27) return undefined;
  try {
    return TypeID.fromString(text, prefix).toUUID();
  } catch {
    return undefined;
  }
}
