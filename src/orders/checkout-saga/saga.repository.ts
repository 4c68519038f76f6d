import type { Queryable, Tx } from '../../database/database';
import type { Saga, SagaState, SagaStatus, StepName } from './saga';

/** A worker whose lease was taken over by another writes nothing; this is how it finds out. */
export class StaleLease extends Error {
  constructor(orderId: string) {
    super(`The saga of order ${orderId} is driven by another worker now.`);
  }
}

/** One line of a saga's history. */
export interface TransitionRecord {
  fromStatus: SagaStatus | null;
  toStatus: SagaStatus;
  step: string;
  attempt: number;
  cause: string;
  detail: string | null;
}

const columns = `
  s.order_id AS "orderId", s.status, s.step, s.attempt, s.wanted, s.ends_as AS "endsAs",
  s.fencing_token AS "fencingToken", s.version, s.code_version AS "codeVersion",
  o.reservation_id AS "reservationId", o.customer_id AS "customerId", o.payment_method AS "paymentMethod",
  o.total_amount AS amount, o.currency, s.sweeps`;

export async function insertSagas(
  tx: Tx,
  sagas: { orderId: string; step: string; codeVersion: number; createdAt: Date }[],
  worker: string,
): Promise<void> {
  await tx.affected(
    `
    WITH born AS (
      INSERT INTO sagas (order_id, status, step, next_run_at, code_version)
      SELECT order_id, 'running', step, created_at, code_version
        FROM unnest($1::uuid[], $2::text[], $3::int[], $4::timestamptz[]) AS n (order_id, step, code_version, created_at)
      RETURNING order_id
    )
    INSERT INTO saga_transitions (order_id, version, from_status, to_status, step, attempt, cause, fencing_token, worker)
    SELECT order_id, 1, NULL, 'running', 'reserve-stock', 1, 'accepted', 0, $5::text FROM born
    `,
    [
      sagas.map((saga) => saga.orderId),
      sagas.map((saga) => saga.step),
      sagas.map((saga) => saga.codeVersion),
      sagas.map((saga) => saga.createdAt),
      worker,
    ],
  );
}

/** What this build can drive; the rest is left for newer workers. */
export interface Driver {
  owner: string;
  codeVersionMax: number;
  steps: readonly StepName[];
}

/**
 * Takes the lease on a saga that is due and not driven by anybody, under a new fencing token. Undefined: not due,
 * ended, driven by somebody, or written by newer code, which a newer worker will drive.
 */
export async function claimSaga(tx: Tx, orderId: string, driver: Driver): Promise<Saga | undefined> {
  const [saga] = await tx.rows<Saga & { leaseExpiresAt: Date | null; nextRunAt: Date | null }>(
    `
    WITH locked AS MATERIALIZED (
      SELECT ${columns}, s.lease_expires_at AS "leaseExpiresAt", s.next_run_at AS "nextRunAt"
        FROM sagas s JOIN orders o ON o.id = s.order_id
       WHERE s.order_id = $1::uuid AND s.next_run_at IS NOT NULL AND s.code_version <= $2::int AND s.step = ANY ($3::text[])
         FOR UPDATE OF s SKIP LOCKED
    )
    SELECT locked.*, clock_timestamp() AS now FROM locked
    `,
    [orderId, driver.codeVersionMax, driver.steps],
  );
  if (!saga || saga.nextRunAt! > saga.now || (saga.leaseExpiresAt && saga.leaseExpiresAt > saga.now))
    return undefined;
  saga.fencingToken += 1;
  await tx.affected(
    `UPDATE sagas SET fencing_token = $2::bigint, lease_owner = $3::text WHERE order_id = $1::uuid`,
    [orderId, saga.fencingToken, driver.owner],
  );
  return saga;
}

/** The saga as it stands, locked, if our lease is still the newest one. Throws StaleLease if it is not. */
export async function lockLeased(tx: Tx, orderId: string, fencingToken: number): Promise<Saga> {
  const [saga] = await tx.rows<Saga>(
    `
    WITH locked AS MATERIALIZED (
      SELECT ${columns}
        FROM sagas s JOIN orders o ON o.id = s.order_id
       WHERE s.order_id = $1::uuid AND s.fencing_token = $2::bigint
         FOR UPDATE OF s
    )
    SELECT locked.*, clock_timestamp() AS now FROM locked
    `,
    [orderId, fencingToken],
  );
  if (!saga) throw new StaleLease(orderId);
  return saga;
}

export interface SagaSchedule {
  /** Null: nothing is left to do by itself. */
  nextRunAt: Date | null;
  /** Null: the lease is given back. */
  leaseExpiresAt: Date | null;
}

/** The same for a hand that holds no lease: an operator's or a customer's wish. Undefined: there is no such saga. */
export async function lockSaga(
  tx: Tx,
  orderId: string,
): Promise<(Saga & SagaSchedule & { leased: boolean }) | undefined> {
  const [saga] = await tx.rows<Saga & SagaSchedule>(
    `
    WITH locked AS MATERIALIZED (
      SELECT ${columns}, s.next_run_at AS "nextRunAt", s.lease_expires_at AS "leaseExpiresAt"
        FROM sagas s JOIN orders o ON o.id = s.order_id
       WHERE s.order_id = $1::uuid
         FOR UPDATE OF s
    )
    SELECT locked.*, clock_timestamp() AS now FROM locked
    `,
    [orderId],
  );
  return saga && { ...saga, leased: saga.leaseExpiresAt !== null && saga.leaseExpiresAt > saga.now };
}

/** Writes where the saga stands now and how it got there. The fencing token is in the WHERE: a stale worker changes no row. */
export async function saveSaga(
  tx: Tx,
  saga: Saga,
  state: SagaState,
  schedule: SagaSchedule,
  records: TransitionRecord[],
  worker: string,
): Promise<void> {
  const written = await tx.affected(
    `
    WITH moved AS (
      UPDATE sagas
         SET status = $3::text, step = $4::text, attempt = $5::int, wanted = $6::text, ends_as = $7::text,
             last_error = $8::text, next_run_at = $9::timestamptz, lease_expires_at = $10::timestamptz,
             sweeps = CASE WHEN $10::timestamptz IS NULL THEN 0 ELSE sweeps END,
             lease_owner = CASE WHEN $10::timestamptz IS NULL THEN NULL ELSE lease_owner END,
             version = version + cardinality($13::text[])
       WHERE order_id = $1::uuid AND fencing_token = $2::bigint
      RETURNING order_id
    )
    INSERT INTO saga_transitions (order_id, version, from_status, to_status, step, attempt, cause, detail, fencing_token, worker)
    SELECT moved.order_id, $11::int + nth, from_status, to_status, t.step, t.attempt, cause, detail, $2::bigint, $12::text
      FROM moved, unnest($13::text[], $14::text[], $15::text[], $16::int[], $17::text[], $18::text[])
             WITH ORDINALITY AS t (from_status, to_status, step, attempt, cause, detail, nth)
    `,
    [
      saga.orderId,
      saga.fencingToken,
      state.status,
      state.step,
      state.attempt,
      state.wanted,
      state.endsAs,
      records.at(-1)?.detail?.slice(0, 500) ?? null,
      schedule.nextRunAt,
      schedule.leaseExpiresAt,
      saga.version,
      worker,
      records.map((record) => record.fromStatus),
      records.map((record) => record.toStatus),
      records.map((record) => record.step),
      records.map((record) => record.attempt),
      records.map((record) => record.cause),
      records.map((record) => record.detail?.slice(0, 500) ?? null),
    ],
  );
  // Every save has at least one record, so no row written means no row moved: the token is another's.
  if (written === 0) throw new StaleLease(saga.orderId);
}

export interface DueSaga {
  orderId: string;
  sweeps: number;
}

/** Sagas whose time has come and that nobody drives: what every lost doorbell and every dead worker leaves behind. */
export function dueSagas(
  queryable: Queryable,
  limit: number,
  driver: Pick<Driver, 'codeVersionMax' | 'steps'>,
): Promise<DueSaga[]> {
  return queryable.rows<DueSaga>(
    `
    SELECT order_id AS "orderId", sweeps
      FROM sagas
     WHERE next_run_at <= statement_timestamp() AND code_version <= $2::int AND step = ANY ($3::text[])
     ORDER BY next_run_at
     LIMIT $1::int
    `,
    [limit, driver.codeVersionMax, driver.steps],
  );
}

/**
 * Counts a sweep before its work is begun, for the work may be what kills the worker. Returns the sagas as they are now;
 * left out are those that another sweeper has counted since they were read, for it is driving them.
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

/** The worker that counted came back from the work alive, whatever came of it. A later sweeper's count stays. */
export async function forgetSweeps(queryable: Queryable, { orderId, sweeps }: DueSaga): Promise<void> {
  await queryable.rows(`UPDATE sagas SET sweeps = 0 WHERE order_id = $1::uuid AND sweeps = $2::int`, [
    orderId,
    sweeps,
  ]);
}

/**
 * Makes waiting sagas due now, because there is news; returns which of them waited. One that is being driven hears the
 * news by itself. Locks them in the order of their ids, like whoever else wakes several.
 */
export async function wakeSagas(tx: Tx, orderIds: string[], now: Date): Promise<string[]> {
  if (orderIds.length === 0) return [];
  const woken = await tx.rows<{ orderId: string }>(
    `
    WITH waiting AS MATERIALIZED (
      SELECT order_id
        FROM sagas
       WHERE order_id = ANY ($1::uuid[])
         AND next_run_at > $2::timestamptz
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

export interface TimelineRow extends TransitionRecord {
  version: number;
  fencingToken: number;
  worker: string;
  at: Date;
}

export function transitionsOf(queryable: Queryable, orderId: string): Promise<TimelineRow[]> {
  return queryable.rows<TimelineRow>(
    `
    SELECT version, from_status AS "fromStatus", to_status AS "toStatus", step, attempt, cause, detail,
           fencing_token AS "fencingToken", worker, at
      FROM saga_transitions
     WHERE order_id = $1::uuid
     ORDER BY version
    `,
    [orderId],
  );
}
