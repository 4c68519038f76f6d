import type { Database, Queryable, Tx } from '../../database/database';
import type { Saga, SagaStatus } from '../saga-state';
import { SagaTransitionEntity } from './saga.entity';
import type { TransitionCode, TransitionData } from './transition-codes';

/** Thrown in a worker whose lease another worker has taken over. Its transaction rolls back. */
export class StaleLease extends Error {
  constructor(orderId: string) {
    super(`The saga of order ${orderId} is driven by another worker.`);
  }
}

/** One line of a saga's history. */
export interface TransitionRecord {
  fromStatus: SagaStatus | null;
  toStatus: SagaStatus;
  step: string;
  attempt: number;
  cause: string;
  /** For people; no code reads it. */
  detail: string | null;
  /** Null in lines of builds that had no codes. */
  code: TransitionCode | null;
  data: TransitionData | null;
}

const columns = `
  order_id AS "orderId", status, step, attempt, wanted AS "requestedEnd", ends_as AS "endsAs", fencing_token AS "fencingToken", version,
  code_version AS "codeVersion", sweeps, next_run_at AS "nextRunAt", lease_expires_at AS "leaseExpiresAt",
  lease_owner AS "leaseOwner", search_first AS "searchFirst"`;

export async function insertSagas(
  tx: Tx,
  sagas: { orderId: string; createdAt: Date; step: string }[],
  { requestStep, codeVersion, worker }: { requestStep: string; codeVersion: number; worker: string },
): Promise<void> {
  await tx.affected(
    `
    WITH born AS (
      INSERT INTO sagas (order_id, status, step, next_run_at, code_version)
      SELECT order_id, 'running', step, created_at, $4::int
        FROM unnest($1::uuid[], $2::timestamptz[], $3::text[]) AS n (order_id, created_at, step)
      RETURNING order_id
    )
    INSERT INTO saga_transitions (order_id, version, from_status, to_status, step, attempt, cause, code, fencing_token, worker)
    SELECT order_id, 1, NULL, 'running', $6::text, 1, 'accepted', 'order_accepted', 0, $5::text FROM born
    `,
    [
      sagas.map((saga) => saga.orderId),
      sagas.map((saga) => saga.createdAt.toISOString()),
      sagas.map((saga) => saga.step),
      codeVersion,
      worker,
      requestStep,
    ],
  );
}

/** What this build can drive; the rest is left to newer workers. */
export interface Driver {
  codeVersionMax: number;
  /** Their names. */
  steps: readonly string[];
}

/**
 * Locks these sagas, in the order of their ids, for `SagaUpdate.claim`. Leaves out those that another transaction holds, and
 * those written by newer code, which a newer worker drives.
 */
export async function lockForClaim(tx: Tx, orderIds: string[], driver: Driver): Promise<Saga[]> {
  return tx.rows<Saga>(
    `
    WITH locked AS MATERIALIZED (
      SELECT ${columns}
        FROM sagas
       WHERE order_id = ANY ($1::uuid[])
         /* guard: newer-sagas-are-left */
         AND code_version <= $2::int AND step = ANY ($3::text[])
       ORDER BY order_id
         FOR UPDATE SKIP LOCKED
    )
    SELECT locked.*, clock_timestamp() AS now FROM locked
    `,
    [orderIds, driver.codeVersionMax, driver.steps],
  );
}

export interface HeldLease {
  orderId: string;
  fencingToken: number;
}

/**
 * Locks the sagas whose newest lease is still ours, in the order of their ids; `skipping` leaves out those that another
 * transaction holds. Leaves out sagas whose lease was given back: a restored database counts its tokens again, so a lease
 * that it forgot may have the token of a newer one.
 */
export const lockLeased = {
  waiting: (tx: Tx, leases: HeldLease[]) => lockLeases(tx, leases, ''),
  skipping: (tx: Tx, leases: HeldLease[]) => lockLeases(tx, leases, 'SKIP LOCKED'),
};

async function lockLeases(tx: Tx, leases: HeldLease[], whenLocked: '' | 'SKIP LOCKED'): Promise<Saga[]> {
  const sagas = await tx.rows<Saga>(
    `
    WITH locked AS MATERIALIZED (
      SELECT ${columns}
        FROM sagas
       /* guard: fencing-token-checked */
       WHERE (order_id, fencing_token) IN (SELECT l.order_id, l.token FROM unnest($1::uuid[], $2::bigint[]) AS l (order_id, token))
       ORDER BY order_id
         FOR UPDATE OF sagas ${whenLocked}
    )
    SELECT locked.*, clock_timestamp() AS now FROM locked
    `,
    [leases.map(({ orderId }) => orderId), leases.map(({ fencingToken }) => fencingToken)],
  );
  return sagas.filter(({ leaseExpiresAt }) => leaseExpiresAt !== null);
}

/** For an operator's or a customer's request, which holds no lease. Undefined: there is no such saga. */
export async function lockSaga(tx: Tx, orderId: string): Promise<Saga | undefined> {
  const [saga] = await tx.rows<Saga>(
    `
    WITH locked AS MATERIALIZED (SELECT ${columns} FROM sagas WHERE order_id = $1::uuid FOR UPDATE)
    SELECT locked.*, clock_timestamp() AS now FROM locked
    `,
    [orderId],
  );
  return saga;
}

export type ReadSaga = Saga & { lastError: string | null };

/** Without a lock, for people. */
export async function readSaga(queryable: Queryable, orderId: string): Promise<ReadSaga | undefined> {
  const [saga] = await queryable.rows<ReadSaga>(
    `
    SELECT ${columns}, last_error AS "lastError", clock_timestamp() AS now
      FROM sagas
     WHERE order_id = $1::uuid
    `,
    [orderId],
  );
  return saga;
}

/** A worker drives it at this moment. */
export const isLeased = ({ leaseExpiresAt, now }: Saga) => leaseExpiresAt !== null && leaseExpiresAt > now;

export const isDue = (saga: Saga) => saga.nextRunAt !== null && saga.nextRunAt <= saga.now && !isLeased(saga);

export interface SagaSchedule {
  /** Null: it does nothing until somebody acts. */
  nextRunAt: Date | null;
  /** Null: the lease is given back. */
  leaseExpiresAt: Date | null;
}

/** A saga before and after, and the lines of history between. */
export interface SagaChange {
  start: Saga;
  saga: Saga;
  schedule: SagaSchedule;
  records: readonly TransitionRecord[];
}

/**
 * Writes the sagas and their history. The fencing token that each saga was read with is in the WHERE, so a stale worker
 * changes no row. Throws StaleLease, for the caller to roll back, when any row has moved on.
 */
export async function saveSagas(tx: Tx, changes: SagaChange[], worker: string): Promise<void> {
  const records = changes.flatMap(({ saga, records: own }) =>
    own.map((record, index) => ({ ...record, orderId: saga.orderId, nth: index + 1 })),
  );
  const written = await tx.affected(
    `
    WITH moved AS (
      UPDATE sagas s
         SET fencing_token = n.token, status = n.status, step = n.step, attempt = n.attempt, wanted = n.wanted,
             ends_as = n.ends_as, last_error = n.last_error, next_run_at = n.next_run_at,
             lease_expires_at = n.lease_expires_at,
             lease_owner = CASE WHEN n.lease_expires_at IS NULL THEN NULL
                                /* guard: lease-owner-follows-token */
                                WHEN n.token = n.token_before THEN s.lease_owner
                                ELSE $12::text END,
             sweeps = CASE WHEN n.lease_expires_at IS NULL THEN 0 ELSE s.sweeps END,
             version = n.version_before + n.records
        FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::int[], $7::text[], $8::text[],
                    $9::text[], $10::timestamptz[], $11::timestamptz[], $13::int[], $14::int[])
               AS n (order_id, token_before, token, status, step, attempt, wanted, ends_as, last_error, next_run_at,
                     lease_expires_at, version_before, records)
       WHERE s.order_id = n.order_id AND s.fencing_token = n.token_before
      RETURNING s.order_id, s.fencing_token, n.version_before
    )
    INSERT INTO saga_transitions (order_id, version, from_status, to_status, step, attempt, cause, detail, code, data,
                                  fencing_token, worker)
    SELECT moved.order_id, moved.version_before + t.nth, t.from_status, t.to_status, t.step, t.attempt, t.cause, t.detail,
           t.code, t.data, moved.fencing_token, $12::text
      FROM moved
      JOIN unnest($15::uuid[], $16::int[], $17::text[], $18::text[], $19::text[], $20::int[], $21::text[], $22::text[],
                  $23::text[], $24::jsonb[])
             AS t (order_id, nth, from_status, to_status, step, attempt, cause, detail, code, data) USING (order_id)
    `,
    [
      changes.map(({ start }) => start.orderId),
      changes.map(({ start }) => start.fencingToken),
      changes.map(({ saga }) => saga.fencingToken),
      changes.map(({ saga }) => saga.status),
      changes.map(({ saga }) => saga.step),
      changes.map(({ saga }) => saga.attempt),
      changes.map(({ saga }) => saga.requestedEnd),
      changes.map(({ saga }) => saga.endsAs),
      changes.map((change) => change.records.at(-1)?.detail?.slice(0, 500) ?? null),
      changes.map(({ schedule }) => schedule.nextRunAt),
      changes.map(({ schedule }) => schedule.leaseExpiresAt),
      worker,
      changes.map(({ start }) => start.version),
      changes.map((change) => change.records.length),
      records.map((record) => record.orderId),
      records.map((record) => record.nth),
      records.map((record) => record.fromStatus),
      records.map((record) => record.toStatus),
      records.map((record) => record.step),
      records.map((record) => record.attempt),
      records.map((record) => record.cause),
      records.map((record) => record.detail?.slice(0, 500) ?? null),
      records.map((record) => record.code),
      records.map((record) => record.data && JSON.stringify(record.data)),
    ],
  );
  // Every change has a record, so fewer rows than records mean that a saga had moved on.
  if (written !== records.length) throw new StaleLease(changes.map(({ saga }) => saga.orderId).join(', '));
}

export interface DueSaga {
  orderId: string;
  sweeps: number;
}

/** Sagas that are due and not leased, whether a wake-up job was lost or a worker died, oldest first. */
const due = ({ codeVersionMax, steps }: Driver) => `
    FROM sagas
   WHERE next_run_at <= statement_timestamp()
     AND code_version <= ${codeVersionMax} AND step IN (${steps.map((step) => `'${step}'`).join(', ')})
   ORDER BY next_run_at`;

/** What `dueSagas` would find; for the sweeper's look, which takes no parameters. */
export const dueSaga = (driver: Driver) => `SELECT order_id ${due(driver)}`;

export const dueSagas = (queryable: Queryable, limit: number, driver: Driver): Promise<DueSaga[]> =>
  queryable.rows<DueSaga>(`SELECT order_id AS "orderId", sweeps ${due(driver)} LIMIT $1::int`, [limit]);

/**
 * Counts a sweep before its work starts, because the work may kill the worker. Returns the sagas as counted. Leaves out
 * sagas that another sweeper has counted since they were read: it drives them.
 */
export async function countSweep(queryable: Queryable, due: DueSaga[]): Promise<DueSaga[]> {
  if (due.length === 0) return [];
  return queryable.rows<DueSaga>(
    `
    WITH swept AS MATERIALIZED (
      SELECT order_id
        FROM sagas
       WHERE (order_id, sweeps) IN (SELECT d.order_id, d.sweeps FROM unnest($1::uuid[], $2::int[]) AS d (order_id, sweeps))
       ORDER BY order_id
         FOR UPDATE OF sagas SKIP LOCKED
    )
    UPDATE sagas s SET sweeps = s.sweeps + 1 FROM swept WHERE s.order_id = swept.order_id
    RETURNING s.order_id AS "orderId", s.sweeps
    `,
    [due.map(({ orderId }) => orderId), due.map(({ sweeps }) => sweeps)],
  );
}

/**
 * The worker survived the work that it counted. A later sweeper's count stays. A locked row is skipped: the transaction that
 * holds it moves the saga, which resets the count too.
 */
export async function forgetSweeps(queryable: Queryable, { orderId, sweeps }: DueSaga): Promise<void> {
  await queryable.rows(
    `
    WITH idle AS MATERIALIZED (
      SELECT order_id FROM sagas WHERE order_id = $1::uuid AND sweeps = $2::int FOR UPDATE SKIP LOCKED
    )
    UPDATE sagas SET sweeps = 0 WHERE order_id IN (SELECT order_id FROM idle)
    `,
    [orderId, sweeps],
  );
}

/**
 * Makes waiting sagas due now and returns their orders. Skips leased sagas, whose worker reads the news itself. Locks them
 * in the order of their ids, like every statement that locks several. `coalesce` forces a look-up by id (`docs/decisions/0025`).
 */
export async function wakeSagas(tx: Tx, orderIds: string[], now: Date): Promise<string[]> {
  if (orderIds.length === 0) return [];
  const woken = await tx.rows<{ orderId: string }>(
    `
    WITH waiting AS MATERIALIZED (
      SELECT order_id
        FROM sagas
       WHERE order_id = ANY ($1::uuid[])
         AND coalesce(next_run_at, '-infinity') > $2::timestamptz
         AND (lease_expires_at IS NULL OR lease_expires_at <= $2::timestamptz)
       ORDER BY order_id
         FOR UPDATE SKIP LOCKED
    )
    UPDATE sagas s SET next_run_at = $2::timestamptz
      FROM waiting
     WHERE s.order_id = waiting.order_id
    RETURNING s.order_id AS "orderId"
    `,
    [orderIds, now],
  );
  return woken.map(({ orderId }) => orderId);
}

/** After a restore: the provider may hold a charge of any unfinished order that this database forgot. Returns how many. */
export async function markRestored(queryable: Queryable): Promise<number> {
  const marked = await queryable.rows(
    `
    UPDATE sagas SET search_first = true
     WHERE status IN ('running', 'compensating', 'stuck') AND NOT search_first
    RETURNING order_id
    `,
    [],
  );
  return marked.length;
}

export interface TimelineRow extends TransitionRecord {
  version: number;
  fencingToken: number;
  worker: string;
  at: Date;
}

export const transitionsOf = (db: Database, orderId: string): Promise<TimelineRow[]> =>
  db.entities((manager) =>
    manager.find(SagaTransitionEntity, { where: { orderId }, order: { version: 'ASC' } }),
  );
