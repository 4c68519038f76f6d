import type { Queryable } from '../database/database';
import { lastId } from '../ids';
import { type Reservation, type ReservationStatus, reservationColumns } from './reservations.repository';

/** Reservations as an operator looks for them: a page costs as much as its rows, however many there are. */

export interface ReservationFilter {
  /** All when null. */
  statuses: ReservationStatus[] | null;
  sku: string | null;
  customerId: string | null;
  /** Only active ones that end within so many seconds. */
  endsWithinSeconds: number | null;
}

/** `newest` by id; `ends`, for live ones, by the end that comes first. */
export type ReservationSort = 'newest' | 'ends';

/** Where the page before stopped. The end is in microseconds, as exact as the column. */
export interface ReservationKey {
  id: string;
  endMicros: number;
}

export type ListedReservation = Reservation & ReservationKey;

const allStatuses: readonly ReservationStatus[] = ['active', 'pinned', 'confirmed', 'released', 'expired'];
const beforeAll: Record<ReservationSort, ReservationKey> = {
  newest: { id: lastId, endMicros: 0 },
  ends: { id: '00000000-0000-0000-0000-000000000000', endMicros: 0 },
};

/** A SKU with fewer lines than this is read by its lines; the others by the states that are asked for. */
const linesOfRareSkuMax = 2_000;

const isDue = `r.expires_at <= statement_timestamp()`;
const order = { newest: `r.id DESC`, ends: `r.expires_at, r.id` };
/** What comes after the key; both have the same parameters. */
const after = {
  newest: `r.id < $8::uuid AND $7::bigint >= 0`,
  ends: `(r.expires_at, r.id) > (timestamptz 'epoch' + $7::bigint * interval '1 microsecond', $8::uuid)`,
};
const endsInTime = `r.expires_at <= coalesce(statement_timestamp() + $5::int * interval '1 second', 'infinity')`;
const ofCustomer = `($4::text IS NULL OR r.customer_id = $4::text)`;
const ofSku = `($3::text IS NULL OR EXISTS (SELECT FROM reservation_lines l WHERE l.reservation_id = r.id AND l.sku = $3::text))`;

/** One state after the other, each by an index that knows its order, so that no page is sorted out of a whole state. */
const byState = (sort: ReservationSort) => {
  const branch = (statuses: string) => `
    SELECT f.id, f.expires_at
      FROM unnest($1::text[], $2::boolean[]) AS w (status, due)
      CROSS JOIN LATERAL (
        SELECT r.id, r.expires_at
          FROM reservations r
         WHERE r.status = w.status AND r.status IN (${statuses}) AND (w.due IS NULL OR (${isDue}) = w.due)
           AND ${endsInTime} AND ${ofCustomer} AND ${ofSku} AND ${after[sort]}
         ORDER BY ${order[sort]}
         LIMIT $6::int) f`;
  const live = branch(`'active', 'pinned'`);
  return sort === 'ends' ? live : `${live} UNION ALL ${branch(`'confirmed', 'released', 'expired'`)}`;
};

const isWanted = `
  EXISTS (SELECT FROM unnest($1::text[], $2::boolean[]) AS w (status, due)
           WHERE w.status = r.status AND (w.due IS NULL OR (${isDue}) = w.due))`;

/** A customer has few, and a rare SKU has few: all of them are looked at. */
const byCustomer = (sort: ReservationSort) => `
  SELECT r.id, r.expires_at
    FROM reservations r
   WHERE r.customer_id = $4::text AND ${isWanted} AND ${endsInTime} AND ${ofSku} AND ${after[sort]}`;

const bySku = (sort: ReservationSort) => `
  SELECT r.id, r.expires_at
    FROM (SELECT DISTINCT l.reservation_id AS id
            FROM reservation_lines l
           WHERE l.sku = $3::text AND ($9::boolean OR l.reservation_id < $8::uuid)) held
    JOIN reservations r ON r.id = held.id
   WHERE ${isWanted} AND ${endsInTime} AND ${ofCustomer} AND ${after[sort]}`;

const ways = { byState, byCustomer, bySku };

const page = (way: keyof typeof ways, sort: ReservationSort) => `
  SELECT r.id, r.expires_at
    FROM (${ways[way](sort)}) r
   ORDER BY ${order[sort]}
   LIMIT $6::int`;

/** In the order asked for; `before` is the key of the last one already seen. One more than `limit`, if there are more. */
export async function listReservations(
  queryable: Queryable,
  filter: ReservationFilter,
  { sort, limit, before }: { sort: ReservationSort; limit: number; before: ReservationKey | null },
): Promise<ListedReservation[]> {
  const way = await wayFor(queryable, filter, sort);
  return queryable.rows<ListedReservation>(
    `
    WITH page AS MATERIALIZED (${page(way, sort)})
    SELECT ${reservationColumns}, (extract(epoch FROM r.expires_at) * 1000000)::bigint AS "endMicros"
      FROM page JOIN reservations r ON r.id = page.id
     ORDER BY ${order[sort]}
    `,
    parametersOf(way, filter, { sort, limit: limit + 1, before }),
  );
}

/** How many match; counting stops at `max`. */
export async function countReservations(
  queryable: Queryable,
  filter: ReservationFilter,
  sort: ReservationSort,
  max: number,
): Promise<number> {
  const way = await wayFor(queryable, filter, sort);
  const [row] = await queryable.rows<{ count: number }>(
    `SELECT count(*)::int AS count FROM (${page(way, sort)}) matching`,
    parametersOf(way, filter, { sort, limit: max, before: null }),
  );
  return row!.count;
}

async function wayFor(
  queryable: Queryable,
  { customerId, sku, statuses }: ReservationFilter,
  sort: ReservationSort,
): Promise<keyof typeof ways> {
  if (customerId !== null) return 'byCustomer';
  if (sku === null) return 'byState';
  if (statuses === null && sort === 'newest') return 'bySku';
  const lines = await queryable.rows(`SELECT 1 FROM reservation_lines WHERE sku = $1::text LIMIT $2::int`, [
    sku,
    linesOfRareSkuMax,
  ]);
  return lines.length < linesOfRareSkuMax ? 'bySku' : 'byState';
}

function parametersOf(
  way: keyof typeof ways,
  filter: ReservationFilter,
  { sort, limit, before }: { sort: ReservationSort; limit: number; before: ReservationKey | null },
): unknown[] {
  const states = statesOf(filter, sort);
  const { id, endMicros } = before ?? beforeAll[sort];
  return [
    states.map(({ status }) => status),
    states.map(({ due }) => due),
    filter.sku,
    filter.customerId,
    filter.endsWithinSeconds,
    limit,
    endMicros,
    id,
    // Lines are in the order of their reservations' ids, which is no help where the end decides.
    ...(way === 'bySku' ? [sort === 'ends'] : []),
  ];
}

/** An active one past its end is expired to everybody who looks, whether or not the sweeper has been there. */
function statesOf(
  { statuses, endsWithinSeconds }: ReservationFilter,
  sort: ReservationSort,
): { status: ReservationStatus; due: boolean | null }[] {
  const asked = statuses ?? (sort === 'ends' ? (['active', 'pinned'] as const) : allStatuses);
  const wanted = endsWithinSeconds === null ? asked : asked.filter((status) => status === 'active');
  return wanted.flatMap((status): { status: ReservationStatus; due: boolean | null }[] => {
    if (status === 'active') return [{ status, due: false }];
    return status === 'expired'
      ? [
          { status, due: null },
          { status: 'active', due: true },
        ]
      : [{ status, due: null }];
  });
}
