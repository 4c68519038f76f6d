import type { Queryable, Tx } from '../../database/database';
import type { PaymentTaskEntity } from './payment-task.entity';

/**
 * Payment tasks, in SQL. A task is written by whatever holds the row lock of its order's saga; only `wakeTasks` takes a
 * task's own row lock alone.
 */
export type PaymentTask = PaymentTaskEntity;

/** A task that is due at once, as the rest of its members says what it is for. */
export const newTask = ({
  id,
  orderId,
  actor,
  now,
}: {
  id: string;
  orderId: string;
  actor: string;
  now: Date;
}) => ({
  id,
  orderId,
  actor,
  status: 'due' as const,
  request: null,
  lines: null,
  reason: null,
  shipmentId: null,
  attempt: 0,
  nextRunAt: now,
  leaseExpiresAt: null,
  fencingToken: 0,
  code: null,
  data: null,
  lastError: null,
  createdAt: now,
  endedAt: null,
});

const columns = `
  id, order_id AS "orderId", kind, status, amount, currency, request, lines, reason, shipment_id AS "shipmentId", actor,
  attempt, next_run_at AS "nextRunAt", lease_expires_at AS "leaseExpiresAt", fencing_token AS "fencingToken", code, data,
  last_error AS "lastError", created_at AS "createdAt", ended_at AS "endedAt"`;

export async function insertTask(tx: Tx, task: PaymentTask): Promise<void> {
  await tx.affected(
    `
    INSERT INTO payment_tasks (id, order_id, kind, status, amount, currency, request, lines, reason, shipment_id, actor,
                               next_run_at, created_at, ended_at)
    VALUES ($1::uuid, $2::uuid, $3::text, $4::text, $5::bigint, $6::text, $7::text, $8::jsonb, $9::text, $10::uuid,
            $11::text, $12::timestamptz, $13::timestamptz, $14::timestamptz)
    `,
    [
      task.id,
      task.orderId,
      task.kind,
      task.status,
      task.amount,
      task.currency,
      task.request,
      task.lines && JSON.stringify(task.lines),
      task.reason,
      task.shipmentId,
      task.actor,
      task.nextRunAt,
      task.createdAt,
      task.endedAt,
    ],
  );
}

/** Oldest first. */
export const tasksOf = (queryable: Queryable, orderId: string): Promise<PaymentTask[]> =>
  queryable.rows<PaymentTask>(`SELECT ${columns} FROM payment_tasks WHERE order_id = $1::uuid ORDER BY id`, [
    orderId,
  ]);

export async function findTask(queryable: Queryable, id: string): Promise<PaymentTask | undefined> {
  const [task] = await queryable.rows<PaymentTask>(
    `SELECT ${columns} FROM payment_tasks WHERE id = $1::uuid`,
    [id],
  );
  return task;
}

/** Under its row lock too, so that a wake-up that is being committed is not written over. */
export async function lockTask(tx: Tx, id: string): Promise<PaymentTask | undefined> {
  const [task] = await tx.rows<PaymentTask>(
    `SELECT ${columns} FROM payment_tasks WHERE id = $1::uuid FOR UPDATE`,
    [id],
  );
  return task;
}

/** Writes what moved, unless another worker has taken the task over since it was read. */
export async function saveTask(tx: Tx, task: PaymentTask, tokenBefore: number): Promise<void> {
  const saved = await tx.affected(
    `
    UPDATE payment_tasks
       SET status = $3::text, attempt = $4::int, next_run_at = $5::timestamptz, lease_expires_at = $6::timestamptz,
           fencing_token = $7::bigint, code = $8::text, data = $9::jsonb, last_error = $10::text,
           ended_at = $11::timestamptz
     WHERE id = $1::uuid AND fencing_token = $2::bigint
    `,
    [
      task.id,
      tokenBefore,
      task.status,
      task.attempt,
      task.nextRunAt,
      task.leaseExpiresAt,
      task.fencingToken,
      task.code,
      task.data && JSON.stringify(task.data),
      task.lastError?.slice(0, 500) ?? null,
      task.endedAt,
    ],
  );
  if (saved !== 1) throw new Error(`Bug: payment task ${task.id} changed under its own lock.`);
}

/** What `dueTasks` would find; for the sweeper's look. A leased task is due when its lease ends. */
export const dueTask = `
  SELECT id FROM payment_tasks WHERE next_run_at <= statement_timestamp() ORDER BY next_run_at`;

export const dueTasks = (queryable: Queryable, limit: number): Promise<{ id: string; orderId: string }[]> =>
  queryable.rows(
    `
    SELECT id, order_id AS "orderId"
      FROM payment_tasks
     WHERE next_run_at <= statement_timestamp()
     ORDER BY next_run_at
     LIMIT $1::int
    `,
    [limit],
  );

/** Makes waiting tasks due now. Skips leased ones, whose worker reads the news itself, and locked ones. */
export async function wakeTasks(tx: Tx, orderIds: string[], now: Date): Promise<string[]> {
  if (orderIds.length === 0) return [];
  const woken = await tx.rows<{ orderId: string }>(
    `
    WITH waiting AS MATERIALIZED (
      SELECT id
        FROM payment_tasks
       WHERE order_id = ANY ($1::uuid[]) AND next_run_at > $2::timestamptz
         AND (lease_expires_at IS NULL OR lease_expires_at <= $2::timestamptz)
       ORDER BY id
         FOR UPDATE SKIP LOCKED
    )
    UPDATE payment_tasks t SET next_run_at = $2::timestamptz
      FROM waiting
     WHERE t.id = waiting.id
    RETURNING t.order_id AS "orderId"
    `,
    [orderIds, now],
  );
  return woken.map(({ orderId }) => orderId);
}

/** How often a request of this name was made before: a key may be used again when it is forgotten. */
export async function countRequests(tx: Tx, orderId: string, name: string): Promise<number> {
  const [row] = await tx.rows<{ count: number }>(
    `
    SELECT count(*)::int AS count
      FROM payment_tasks
     WHERE order_id = $1::uuid AND split_part(request, '.', 1) = $2::text
    `,
    [orderId, name],
  );
  return row!.count;
}

/** A capture after the sale that has not ended. Exact while the caller holds the row lock of the order's saga. */
export async function isCapturing(tx: Tx, orderId: string): Promise<boolean> {
  const tasks = await tx.rows(
    `SELECT id FROM payment_tasks WHERE order_id = $1::uuid AND kind = 'capture' AND status IN ('due', 'stuck')`,
    [orderId],
  );
  return tasks.length > 0;
}
