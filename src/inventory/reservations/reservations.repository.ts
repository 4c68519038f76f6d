import { type Queryable, type Tx, columnsOf } from '../../database/database';
import { unitsPool } from '../products/pools';
import type { Money } from '../../money';
import type {
  NewReservation,
  Reserved,
  Reservation,
  ReservationStatus,
  ReservationLine,
} from './reservation';
import { givenBackOf } from './sold-lines.repository';

/** Reservations and their lines, in SQL. */

/** For SELECTs of whole reservations from `reservations r`. */
export const reservationColumns = `
  r.id, r.principal, r.customer_id AS "customerId", r.order_id AS "orderId", r.status,
  r.total_amount AS "totalAmount", r.currency, r.expires_at AS "expiresAt", r.max_expires_at AS "maxExpiresAt",
  r.extensions_used AS "extensionsUsed", r.end_reason AS "endReason", r.returned_at AS "returnedAt", r.metadata,
  r.version, r.created_at AS "createdAt", clock_timestamp() AS now,
  (SELECT json_agg(line ORDER BY line.sku)
     FROM (SELECT l.sku, sum(l.quantity) AS quantity, min(l.unit_amount) AS "unitAmount", max(l.fencing_token) AS "fencingToken",
                  sum(l.shipped) AS shipped, sum(${givenBackOf}) AS "givenBack", sum(l.returned) AS returned,
                  json_agg(json_build_object('pool', l.pool, 'quantity', l.quantity, 'fencingToken', l.fencing_token) ORDER BY l.pool) AS parts,
                  CASE WHEN bool_or(l.pool = '${unitsPool}') THEN
                    (SELECT json_agg(u.unit_no ORDER BY u.unit_no) FROM stock_units u WHERE u.reservation_id = r.id AND u.sku = l.sku)
                  END AS units
             FROM reservation_lines l WHERE l.reservation_id = r.id GROUP BY l.sku) line) AS lines`;

/**
 * Writes reservations whose stock was just taken, and returns when each ends. The clock is read here, after the stock
 * rows' locks, so that a reservation's time does not run while it waits for them.
 */
export async function insertReservations(
  tx: Tx,
  reservations: NewReservation[],
  lifetimeSecondsMax: number,
): Promise<Reserved[]> {
  if (reservations.length === 0) return [];
  const lines = reservations.flatMap((reservation) =>
    reservation.lines.flatMap(({ sku, unitAmount, parts }) =>
      parts.map((part) => ({ ...part, sku, unitAmount, of: reservation.id })),
    ),
  );
  // One statement, because a contended stock row is locked until the commit and each round trip is another buyer's wait.
  const [clock] = await tx.rows<{ now: Date }>(
    `
    WITH clock AS MATERIALIZED (SELECT clock_timestamp() AS now),
    reservation AS (
      INSERT INTO reservations (id, principal, customer_id, order_id, status, total_amount, currency,
                                expires_at, max_expires_at, metadata, created_at)
      SELECT n.id, n.principal, n.customer_id, n.order_id, 'active', n.total_amount, n.currency,
             clock.now + n.ttl * interval '1 second',
             clock.now + greatest(n.ttl, $9::int) * interval '1 second',
             n.metadata, clock.now
        FROM unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::bigint[], $6::text[], $7::int[], $8::jsonb[])
               AS n (id, principal, customer_id, order_id, total_amount, currency, ttl, metadata), clock
    ), line AS (
      INSERT INTO reservation_lines (reservation_id, sku, pool, quantity, unit_amount, fencing_token)
      SELECT reservation_id, sku, pool, quantity, unit_amount, fencing_token
        FROM unnest($10::uuid[], $11::text[], $12::text[], $13::int[], $14::bigint[], $15::bigint[])
               AS n (reservation_id, sku, pool, quantity, unit_amount, fencing_token)
    )
    SELECT now FROM clock
    `,
    [
      ...columnsOf(reservations, 'id', 'principal', 'customerId', 'orderId', 'totalAmount'),
      ...columnsOf(reservations, 'currency', 'ttlSeconds'),
      reservations.map((reservation) => JSON.stringify(reservation.metadata)),
      lifetimeSecondsMax,
      ...columnsOf(lines, 'of', 'sku', 'pool', 'quantity', 'unitAmount', 'fencingToken'),
    ],
  );
  const createdAt = clock!.now;
  const after = (seconds: number) => new Date(createdAt.getTime() + seconds * 1_000);
  return reservations.map((reservation) => ({
    ...reservation,
    createdAt,
    expiresAt: after(reservation.ttlSeconds),
    maxExpiresAt: after(Math.max(reservation.ttlSeconds, lifetimeSecondsMax)),
  }));
}

export async function findReservation(queryable: Queryable, id: string): Promise<Reservation | undefined> {
  const [reservation] = await findReservations(queryable, [id]);
  return reservation;
}

/** In any order. */
export const findReservations = (queryable: Queryable, ids: string[]): Promise<Reservation[]> =>
  queryable.rows<Reservation>(
    `SELECT ${reservationColumns} FROM reservations r WHERE r.id = ANY ($1::uuid[])`,
    [ids],
  );

/** The orders of those that have one, in the order of their ids, with the clock. */
export function ordersOfReservations(
  queryable: Queryable,
  ids: string[],
): Promise<{ orderId: string; now: Date }[]> {
  if (ids.length === 0) return Promise.resolve([]);
  return queryable.rows(
    `
    SELECT DISTINCT order_id AS "orderId", clock_timestamp() AS now
      FROM reservations
     WHERE id = ANY ($1::uuid[]) AND order_id IS NOT NULL
     ORDER BY order_id
    `,
    [ids],
  );
}

/**
 * The reservation, locked until the transaction ends, with the clock read after the lock was given. Locking and reading are
 * two statements: one that waited for a change of the lines would return the new total beside the lines as they were.
 */
export async function lockReservation(tx: Tx, id: string): Promise<Reservation | undefined> {
  await tx.rows(`SELECT id FROM reservations WHERE id = $1::uuid FOR UPDATE`, [id]);
  return findReservation(tx, id);
}

export interface ReservationChange {
  to: ReservationStatus;
  endReason?: string;
}

/** Moves one reservation on. The caller holds its row lock and has checked the state that it leaves. */
export async function changeStatus(
  tx: Tx,
  from: Reservation,
  { to, endReason }: ReservationChange,
): Promise<void> {
  const ends = to === 'confirmed' || to === 'released' || to === 'expired';
  const changed = await tx.affected(
    `
    UPDATE reservations
       SET status = $3::text, end_reason = $4::text, ended_at = $5::timestamptz, version = version + 1
     WHERE id = $1::uuid AND version = $2::int
    `,
    [from.id, from.version, to, endReason ?? null, ends ? from.now : null],
  );
  if (changed !== 1) throw new Error(`Bug: reservation ${from.id} changed under its own lock.`);
}

export async function extendExpiry(tx: Tx, from: Reservation, expiresAt: Date): Promise<void> {
  await tx.affected(
    `
    UPDATE reservations
       SET expires_at = greatest(expires_at, $2::timestamptz), extensions_used = extensions_used + 1, version = version + 1
     WHERE id = $1::uuid AND version = $3::int
    `,
    [from.id, expiresAt, from.version],
  );
}

export async function attachOrder(tx: Tx, reservationId: string, orderId: string): Promise<void> {
  await tx.affected(
    `UPDATE reservations SET order_id = $2::uuid, version = version + 1 WHERE id = $1::uuid AND order_id IS NULL`,
    [reservationId, orderId],
  );
}

export type ExpiredReservation = Pick<Reservation, 'id' | 'principal' | 'orderId' | 'version'>;

/** Reservations that a pass leaves out: these, and all that have a line of these SKUs. */
export interface SetAside {
  ids: string[];
  skus: string[];
}

/** What `expireDueRows` would end; for the sweeper's look. */
export const dueReservation = `
  SELECT id FROM reservations WHERE status = 'active' AND expires_at <= statement_timestamp() ORDER BY expires_at`;

const isSetAside = (ids: string, skus: string) =>
  `r.id = ANY (${ids}::uuid[]) OR EXISTS (SELECT FROM reservation_lines l WHERE l.reservation_id = r.id AND l.sku = ANY (${skus}::text[]))`;

/**
 * Ends up to `limit` active reservations whose time is up. Locked rows are skipped: the transaction that holds them decides,
 * and the next pass finds what is left.
 */
export async function expireDueRows(
  tx: Tx,
  limit: number,
  { ids, skus }: SetAside = { ids: [], skus: [] },
): Promise<ExpiredReservation[]> {
  const nothingIsAside = ids.length + skus.length === 0;
  const due = await tx.rows<DueRow>(
    `
    WITH due AS MATERIALIZED (
      SELECT r.id, r.version
        FROM reservations r
       /* guard: expiry-by-database-clock */
       WHERE r.status = 'active' AND r.expires_at <= statement_timestamp()
         AND NOT (${nothingIsAside ? 'false' : isSetAside('$2', '$3')})
       ORDER BY r.expires_at
       LIMIT $1::int
         FOR UPDATE OF r SKIP LOCKED
    )
    SELECT id, version, clock_timestamp() AS now FROM due
    `,
    nothingIsAside ? [limit] : [limit, ids, skus],
  );
  return expireLocked(tx, due);
}

/**
 * The same for a buyer who is short of these SKUs. It waits for locked rows, in the order of their ids, because the
 * transaction that holds one may be giving back what the buyer lacks. Starts from due reservations and not from all lines
 * of the SKU: docs/decisions/0025.
 */
export async function expireDueRowsOf(
  tx: Tx,
  { skus, limit, aside }: { skus: string[]; limit: number; aside: SetAside },
): Promise<ExpiredReservation[]> {
  const nothingIsAside = aside.ids.length + aside.skus.length === 0;
  const due = await tx.rows<DueRow>(
    `
    WITH late AS MATERIALIZED (
      SELECT id
        FROM reservations
       WHERE status = 'active' AND expires_at <= statement_timestamp()
       ORDER BY expires_at
    ), due AS MATERIALIZED (
      SELECT r.id, r.version
        FROM reservations r
       WHERE r.id = ANY (ARRAY(SELECT id FROM late))
         AND r.status = 'active'
         AND r.expires_at <= statement_timestamp()
         AND (SELECT count(*) FROM reservation_lines l WHERE l.reservation_id = r.id AND l.sku = ANY ($2::text[])) > 0
         AND NOT (${nothingIsAside ? 'false' : isSetAside('$3', '$4')})
       ORDER BY r.id
       LIMIT $1::int
         FOR UPDATE OF r
    )
    SELECT id, version, clock_timestamp() AS now FROM due
    `,
    nothingIsAside ? [limit, skus] : [limit, skus, aside.ids, aside.skus],
  );
  return expireLocked(tx, due);
}

export async function skusOf(queryable: Queryable, reservationId: string): Promise<string[]> {
  const rows = await queryable.rows<{ sku: string }>(
    `SELECT DISTINCT sku FROM reservation_lines WHERE reservation_id = $1::uuid`,
    [reservationId],
  );
  return rows.map(({ sku }) => sku);
}

type DueRow = Pick<Reservation, 'id' | 'version' | 'now'>;

/** Ends rows that the caller has locked and found due: by their ids and versions (docs/decisions/0025). */
async function expireLocked(tx: Tx, due: DueRow[]): Promise<ExpiredReservation[]> {
  if (due.length === 0) return [];
  return tx.rows<ExpiredReservation>(
    `
    UPDATE reservations r
       SET status = 'expired', end_reason = 'expired', ended_at = $3::timestamptz, version = r.version + 1
      FROM unnest($1::uuid[], $2::int[]) AS due (id, version)
     WHERE r.id = due.id AND r.version = due.version
    RETURNING r.id, r.principal, r.order_id AS "orderId", r.version
    `,
    [...columnsOf(due, 'id', 'version'), due[due.length - 1]!.now],
  );
}

/**
 * Writes the changed lines of `skus` (those missing from `lines` are deleted) and the new total. The caller holds the
 * reservation's row lock and has taken and given back the stock.
 */
export async function saveLines(
  tx: Tx,
  from: Reservation,
  { skus, lines, total }: { skus: string[]; lines: ReservationLine[]; total: Money },
): Promise<void> {
  const parts = lines.flatMap(({ sku, unitAmount, parts: ofLine }) =>
    ofLine.map((part) => ({ ...part, sku, unitAmount })),
  );
  const saved = await tx.affected(
    `
    UPDATE reservations
       SET total_amount = $3::bigint, currency = $4::text, version = version + 1
     WHERE id = $1::uuid AND version = $2::int
    `,
    [from.id, from.version, total.amount, total.currency],
  );
  if (saved !== 1) throw new Error(`Bug: reservation ${from.id} changed under its own lock.`);
  await tx.affected(
    `
    WITH gone AS (
      DELETE FROM reservation_lines l
       WHERE l.reservation_id = $1::uuid
         AND l.sku = ANY ($2::text[])
         AND (l.sku, l.pool) NOT IN (SELECT n.sku, n.pool FROM unnest($3::text[], $4::text[]) AS n (sku, pool))
    )
    INSERT INTO reservation_lines (reservation_id, sku, pool, quantity, unit_amount, fencing_token)
    SELECT $1::uuid, sku, pool, quantity, unit_amount, fencing_token
      FROM unnest($3::text[], $4::text[], $5::int[], $6::bigint[], $7::bigint[])
             AS n (sku, pool, quantity, unit_amount, fencing_token)
        ON CONFLICT (reservation_id, sku, pool) DO UPDATE
       SET quantity = excluded.quantity, unit_amount = excluded.unit_amount, fencing_token = excluded.fencing_token
    `,
    [from.id, skus, ...columnsOf(parts, 'sku', 'pool', 'quantity', 'unitAmount', 'fencingToken')],
  );
}
