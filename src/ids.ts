import { randomFillSync } from 'node:crypto';
import { TypeID } from 'typeid-js';
import { clockMs } from './clock';

/**
 * Ids are UUIDv7 (RFC 9562) inside and TypeIDs outside.
 *
 * Eight bits of the version's `rand_a` name the cell that holds the row, so that a second machine needs no directory
 * to find an order, a job or a provider's webhook. There is one cell today: the bits are 0. The other 66 random bits
 * make a collision within one millisecond as unlikely as it needs to be.
 */
const cell = 0;

export type IdPrefix = 'ord' | 'rsv' | 'evt' | 'pay' | 'act' | 'rel' | 'run';

const pool = Buffer.alloc(16 * 256);
let poolOffset = pool.length;

/** A new id, ordered by the database's time, as far as this process knows it. */
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

/** No id is the last one, and none comes after it. */
export const lastId = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

/**
 * Ids are made a little before their rows are dated by the database, and by what a process then knew of its clock. Rows
 * that differ by more (a process whose clock was wrong and had not heard, or an older build) are `isMisdated`.
 */
const clockSkewMsMax = 600_000;

/** The first id, and the one before which all are, of rows that are dated in this period and not misdated; `before` ends it sooner. */
export function idsOfPeriod(
  { from, to }: { from: Date | null; to: Date | null },
  before: string | null,
): { first: string; below: string } {
  const ends = [before ?? lastId, to ? firstIdOf(to.getTime() + clockSkewMsMax) : lastId];
  return { first: firstIdOf((from?.getTime() ?? 0) - clockSkewMsMax), below: ends.sort()[0]! };
}

/** For SQL, word for word as the indexes of the few rows that it is true of have it. */
export const isMisdated = (id: string, date: string) =>
  `abs(extract(epoch FROM ${date} AT TIME ZONE 'UTC') * 1000
       - ('x' || translate(left(${id}::text, 13), '-', ''))::bit(48)::bigint) > ${clockSkewMsMax}`;

/**
 * For SQL: the ids of a table's misdated rows in a period, whose ends are parameters; none when it has no end, for then
 * `idsOfPeriod` finds them all. An array of its own, because the planner takes a third of all rows for misdated: in a
 * query that needs a few it would rather read the whole table by its ids until it has found them.
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

/** Before every id that was made at this moment or later: for reading what is new by its key. */
export function firstIdAt(ms: number): string {
  const hex = ms.toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
}

/** The cell whose database holds the row with this id. */
export function cellOf(id: string): number {
  return (parseInt(id.slice(15, 16), 16) << 4) | parseInt(id.slice(16, 17), 16);
}

/** What clients see: `ord_01h455vb4pex5vsknk084sn02q`. */
export function publicId(prefix: IdPrefix, id: string): string {
  return TypeID.fromUUID(prefix, id).toString();
}

/** The id inside a TypeID, or undefined for anything that this service never gave out. */
export function parsePublicId(prefix: IdPrefix, text: string): string | undefined {
  if (!text.startsWith(`${prefix}_`) || text.length !== prefix.length + 27) return undefined;
  try {
    return TypeID.fromString(text, prefix).toUUID();
  } catch {
    return undefined;
  }
}
