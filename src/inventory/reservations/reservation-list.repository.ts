import type { Queryable } from '../../database/database';
import { ValidationFailed } from '../../errors';
import { type Page, pageBounds, pageOf } from '../../http/paging';
import { lastId } from '../../ids';
import type { ReservationListQuery } from './reservations.dto';
import { type ReservationResponse, type Returning, reservationView } from './reservations.responses';
import { reservationColumns } from './reservations.repository';
import type { Reservation, ReservationStatus } from './reservation';

/** Lists of reservations. A page costs as much as its rows, however many reservations exist. */

export interface ReservationFilter {
  /** The shop's; all shops' when null. */
  principal: string | null;
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

const firstId = '00000000-0000-0000-0000-000000000000';

const beforeAll: Record<ReservationSort, ReservationKey> = {
  newest: { id: lastId, endMicros: 0 },
  ends: { id: firstId, endMicros: 0 },
};

/** A SKU with fewer lines than this is read by its lines; the others by the states in the filter. */
const linesOfRareSkuMax = 2_000;

/** An active reservation past its end counts as expired before the sweeper has ended it. */
type State = ReservationStatus | 'due';
const isDue = `r.expires_at <= statement_timestamp()`;
const inState: Record<State, string> = {
  active: `r.status = 'active' AND NOT (${isDue})`,
  due: `r.status = 'active' AND ${isDue}`,
  pinned: `r.status = 'pinned'`,
  confirmed: `r.status = 'confirmed'`,
  released: `r.status = 'released'`,
  expired: `r.status = 'expired'`,
};
const allStates = Object.keys(inState) as State[];
const liveStates: readonly State[] = ['active', 'due', 'pinned'];
const order = { newest: `r.id DESC`, ends: `r.expires_at, r.id` };
/** What comes after the key; both have the same parameters. */
const after = {
  newest: `r.id < $7::uuid AND $6::bigint >= 0`,
  ends: `(r.expires_at, r.id) > (timestamptz 'epoch' + $6::bigint * interval '1 microsecond', $7::uuid)`,
};
const endsInTime = `r.expires_at <= coalesce(statement_timestamp() + $4::int * interval '1 second', 'infinity')`;
const ofPrincipal = `($8::text IS NULL OR r.principal = $8::text)`;
const ofCustomer = `($3::text IS NULL OR r.customer_id = $3::text)`;
const ofSku = `($2::text IS NULL OR EXISTS (SELECT FROM reservation_lines l WHERE l.reservation_id = r.id AND l.sku = $2::text))`;

const isAsked = (state: State) => `'${state}' = ANY ($1::text[])`;

/**
 * Due reservations are few and found by their end; otherwise all active ones would be read. (`OFFSET 0`, so
 * that the planner cannot choose otherwise.)
 */
const rowsIn = (state: State) =>
  state === 'due'
    ? `(SELECT * FROM reservations r WHERE ${isAsked(state)} AND ${inState[state]} ORDER BY r.expires_at OFFSET 0)`
    : 'reservations';

/**
 * One state after the other, each by an index in the order of the list, so that no whole state is sorted for a page. Each
 * is named in the statement, so that the planner knows which state is rare.
 */
const byState = (sort: ReservationSort) =>
  (sort === 'ends' ? liveStates : allStates).map((state) => branch(state, sort)).join(' UNION ALL ');

const branch = (state: State, sort: ReservationSort) => `
      (SELECT r.id, r.expires_at
         FROM ${rowsIn(state)} r
        WHERE ${isAsked(state)} AND ${inState[state]}
          AND ${ofPrincipal} AND ${endsInTime} AND ${ofCustomer} AND ${ofSku} AND ${after[sort]}
        ORDER BY ${order[sort]}
        LIMIT $5::int)`;

/**
 * A shop's own, the newest first, whatever other shops have. The range and the order are written as the index
 * `reservations_of_principal` has them: from `principal = … AND status = …` a planner with stale statistics chooses another.
 */
const byPrincipal = () =>
  allStates
    .map((state) => (state === 'due' ? branch(state, 'newest') : ownBranch(state)))
    .join(' UNION ALL ');

const ownBranch = (state: ReservationStatus) => `
      (SELECT r.id, r.expires_at
         FROM reservations r
        WHERE ${isAsked(state)}
          AND (r.principal, r.status, r.id) < ($8::text, '${state}', $7::uuid)
          AND (r.principal, r.status, r.id) >= ($8::text, '${state}', uuid '${firstId}')
          AND ${state === 'active' ? `NOT (${isDue})` : 'true'} AND ${endsInTime} AND ${ofCustomer} AND ${ofSku} AND $6::bigint >= 0
        ORDER BY r.principal DESC, r.status DESC, r.id DESC
        LIMIT $5::int)`;

const isWanted = `(${allStates.map((state) => `(${isAsked(state)} AND ${inState[state]})`).join(' OR ')})`;

/** A customer has few reservations, and a rare SKU has few: all of them are read. */
const byCustomer = (sort: ReservationSort) => `
  SELECT r.id, r.expires_at
    FROM reservations r
   WHERE r.customer_id = $3::text AND ${isWanted} AND ${ofPrincipal} AND ${endsInTime} AND ${ofSku} AND ${after[sort]}`;

const bySku = (sort: ReservationSort) => `
  SELECT r.id, r.expires_at
    FROM (SELECT DISTINCT l.reservation_id AS id
            FROM reservation_lines l
           WHERE l.sku = $2::text AND ($9::boolean OR l.reservation_id < $7::uuid)) held
    JOIN reservations r ON r.id = held.id
   WHERE ${isWanted} AND ${ofPrincipal} AND ${endsInTime} AND ${ofCustomer} AND ${after[sort]}`;

const ways = { byState, byPrincipal, byCustomer, bySku };

const page = (way: keyof typeof ways, sort: ReservationSort) => `
  SELECT r.id, r.expires_at
    FROM (${ways[way](sort)}) r
   ORDER BY ${order[sort]}
   LIMIT $5::int`;

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
  { principal, customerId, sku, statuses }: ReservationFilter,
  sort: ReservationSort,
): Promise<keyof typeof ways> {
  if (customerId !== null) return 'byCustomer';
  const others = principal !== null && sort === 'newest' ? 'byPrincipal' : 'byState';
  if (sku === null) return others;
  if (principal === null && statuses === null && sort === 'newest') return 'bySku';
  const lines = await queryable.rows(`SELECT 1 FROM reservation_lines WHERE sku = $1::text LIMIT $2::int`, [
    sku,
    linesOfRareSkuMax,
  ]);
  return lines.length < linesOfRareSkuMax ? 'bySku' : others;
}

function parametersOf(
  way: keyof typeof ways,
  filter: ReservationFilter,
  { sort, limit, before }: { sort: ReservationSort; limit: number; before: ReservationKey | null },
): unknown[] {
  const { id, endMicros } = before ?? beforeAll[sort];
  return [
    statesOf(filter, sort),
    filter.sku,
    filter.customerId,
    filter.endsWithinSeconds,
    limit,
    endMicros,
    id,
    filter.principal,
    // Lines are in the order of their reservations' ids, which does not help when sorting by the end.
    ...(way === 'bySku' ? [sort === 'ends'] : []),
  ];
}

function statesOf(
  { statuses, endsWithinSeconds }: ReservationFilter,
  sort: ReservationSort,
): readonly State[] {
  if (endsWithinSeconds !== null) return !statuses || statuses.includes('active') ? ['active'] : [];
  if (statuses === null) return sort === 'ends' ? ['active', 'pinned'] : allStates;
  return statuses.includes('expired') ? [...statuses, 'due'] : statuses;
}

/** One page of the list; its query is also what a stream of it is named by. */
export async function reservationPage(
  queryable: Queryable,
  query: ReservationListQuery,
  principal: string | null = null,
): Promise<Page<ReservationResponse>> {
  const { filter, sort } = filterOf(query, principal);
  const { limit, after } = pageBounds(query, cursorOf[sort]);
  const rows = await listReservations(queryable, filter, {
    sort,
    limit,
    before: after ? keyFrom(after) : null,
  });
  return pageOf(rows, limit, keyOf[sort], reservationView);
}

export function filterOf(
  query: ReservationListQuery,
  principal: string | null = null,
): { filter: ReservationFilter; sort: ReservationSort } {
  const statuses = query.status ? [...new Set(query.status.split(','))] : null;
  const filter = {
    principal,
    statuses: statuses as ReservationStatus[] | null,
    sku: query.sku ?? null,
    customerId: query.customerId ?? null,
    endsWithinSeconds: query.expiringWithinSeconds === undefined ? null : Number(query.expiringWithinSeconds),
  };
  const sort = query.sort ?? 'newest';
  if (sort === 'ends' && statuses?.some((status) => status !== 'active' && status !== 'pinned')) {
    throw new ValidationFailed({
      pointer: '/sort',
      code: 'sort_unfit',
      detail: 'Only active and pinned reservations have an end to come. Leave the other statuses out.',
    });
  }
  return { filter, sort };
}

/** A cursor is the sort key of a page's last row: an id, or an end and an id. */
const cursorOf: Record<ReservationSort, RegExp | undefined> = {
  newest: undefined,
  ends: /^\d{1,17} [0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
};

const keyOf: Record<ReservationSort, (row: ListedReservation) => string> = {
  newest: ({ id }) => id,
  ends: ({ id, endMicros }) => `${endMicros} ${id}`,
};

function keyFrom(after: string): ReservationKey {
  const [id, endMicros] = after.split(' ').reverse();
  return { id: id!, endMicros: Number(endMicros ?? 0) };
}

const sumSeconds = 10;
const sums = 60;

interface ExpiringRow {
  now: Date;
  units: number[] | null;
  active: Returning['active'];
  pinned: Returning['pinned'];
}

/**
 * Expiring stock: units that come back if nobody pays, per ten seconds, of one product or of all. Reads live reservations
 * only.
 */
export async function expiringStockOf(queryable: Queryable, sku: string | null): Promise<Returning> {
  const [row] = await queryable.rows<ExpiringRow>(
    `
    WITH held AS MATERIALIZED (
      SELECT r.status, l.reservation_id, l.quantity,
             greatest(0, floor(extract(epoch FROM r.expires_at - statement_timestamp()) / ${sumSeconds}))::int AS bucket
        FROM reservations r JOIN reservation_lines l ON l.reservation_id = r.id
       WHERE r.status IN ('active', 'pinned') AND ($1::text IS NULL OR l.sku = $1::text)
    ), sum AS (
      SELECT n AS bucket, coalesce(sum(held.quantity), 0)::bigint AS units
        FROM generate_series(0, ${sums - 1}) AS n LEFT JOIN held ON held.bucket = n AND held.status = 'active'
       GROUP BY n
    )
    SELECT statement_timestamp() AS now, (SELECT json_agg(units ORDER BY bucket) FROM sum) AS units,
           ${totalIn('active')} AS active, ${totalIn('pinned')} AS pinned
      FROM held
    `,
    [sku],
  );
  const { now, units, active, pinned } = row!;
  return {
    object: 'returning',
    sku,
    asOf: now.toISOString(),
    units: units!,
    withinMinute: units!.slice(0, 60 / sumSeconds).reduce((sum, one) => sum + one, 0),
    active,
    pinned,
  };
}

function totalIn(status: 'active' | 'pinned'): string {
  return `json_build_object('units', coalesce(sum(quantity) FILTER (WHERE status = '${status}'), 0),
                            'reservations', count(DISTINCT reservation_id) FILTER (WHERE status = '${status}'))`;
}
