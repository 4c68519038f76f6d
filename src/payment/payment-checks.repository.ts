import { type Queryable, type Tx, columnsOf } from '../database/database';

/** Orders whose payments are due to be compared with the provider's records. One row per order, however often it is due. */
export interface PaymentCheckClaim {
  orderId: string;
  /** How often it was claimed since the last event. */
  attempt: number;
  leaseExpiresAt: Date;
  /** By the database's clock, before the provider was asked. */
  claimedAt: Date;
}

export interface PlannedCheck {
  orderId: string;
  dueAt: Date;
}

/** Makes these orders due at `dueAt`. */
export const requestChecks = (queryable: Queryable, orderIds: string[], dueAt: Date): Promise<void> =>
  planChecks(
    queryable,
    orderIds.map((orderId) => ({ orderId, dueAt })),
  );

/**
 * Makes orders due, or leaves them due sooner. One that is being checked becomes due again: what the worker has read may be
 * older than the news.
 */
export async function planChecks(queryable: Queryable, checks: PlannedCheck[]): Promise<void> {
  if (checks.length === 0) return;
  await queryable.rows(
    `
    INSERT INTO payment_checks AS c (order_id, due_at)
    SELECT order_id, min(due_at) FROM unnest($1::uuid[], $2::timestamptz[]) AS n (order_id, due_at)
     GROUP BY order_id ORDER BY order_id
        ON CONFLICT (order_id) DO UPDATE
       SET due_at = CASE WHEN c.lease_expires_at IS NULL THEN least(c.due_at, excluded.due_at) ELSE excluded.due_at END,
           attempt = 0
    `,
    columnsOf(checks, 'orderId', 'dueAt'),
  );
}

/** What `claimChecks` would claim; for the sweeper's look. */
export const dueCheck = `
  SELECT order_id FROM payment_checks
   WHERE due_at <= statement_timestamp() AND (lease_expires_at IS NULL OR lease_expires_at <= statement_timestamp())
   ORDER BY due_at`;

/** Claims due orders, those that waited longest first. Another worker finds them leased. */
export async function claimChecks(
  tx: Tx,
  { limit, leaseMs }: { limit: number; leaseMs: number },
): Promise<PaymentCheckClaim[]> {
  const due = await tx.rows<{ orderId: string; attempt: number; now: Date }>(
    `
    WITH due AS MATERIALIZED (
      SELECT order_id, attempt
        FROM payment_checks
       WHERE due_at <= clock_timestamp()
         AND (lease_expires_at IS NULL OR lease_expires_at <= clock_timestamp())
       ORDER BY due_at
       LIMIT $1::int
         FOR UPDATE SKIP LOCKED
    )
    SELECT order_id AS "orderId", attempt + 1 AS attempt, clock_timestamp() AS now FROM due
    `,
    [limit],
  );
  if (due.length === 0) return [];
  const claimedAt = due[0]!.now;
  const leaseExpiresAt = new Date(claimedAt.getTime() + leaseMs);
  await tx.affected(
    `
    UPDATE payment_checks SET lease_expires_at = $2::timestamptz, due_at = $3::timestamptz, attempt = attempt + 1
     WHERE order_id = ANY ($1::uuid[])
    `,
    [due.map(({ orderId }) => orderId), leaseExpiresAt, claimedAt],
  );
  return due.map(({ orderId, attempt }) => ({ orderId, attempt, claimedAt, leaseExpiresAt }));
}

/**
 * Gives the claim back: due again at a time, or done. An order that became due during the check stays due. A claim whose lease
 * another worker has taken over changes nothing.
 */
export async function finishCheck(
  queryable: Queryable,
  { orderId, leaseExpiresAt, claimedAt }: PaymentCheckClaim,
  againAt: Date | null,
): Promise<void> {
  await queryable.rows(
    `
    WITH done AS (
      DELETE FROM payment_checks
       WHERE order_id = $1::uuid AND lease_expires_at = $2::timestamptz
         AND due_at = $3::timestamptz AND $4::timestamptz IS NULL
    )
    UPDATE payment_checks
       SET lease_expires_at = NULL,
           due_at = CASE WHEN due_at = $3::timestamptz THEN $4::timestamptz ELSE due_at END
     WHERE order_id = $1::uuid AND lease_expires_at = $2::timestamptz
       AND (due_at <> $3::timestamptz OR $4::timestamptz IS NOT NULL)
    RETURNING order_id
    `,
    [orderId, leaseExpiresAt, claimedAt, againAt],
  );
}
