import { createHash } from 'node:crypto';
import { hearClock } from '../clock';
import type { Database, Queryable } from '../database/database';
import { abandonedRelease } from '../inventory/bulk-release/releases.repository';
import { dueReservation } from '../inventory/reservations/reservations.repository';
import { stockOutOfPlace } from '../inventory/stock/transfers';
import { stepNames } from '../orders/checkout-saga/checkout.saga';
import { codeVersion } from '../orders/checkout-saga/code-version';
import { dueSaga } from '../orders/checkout-saga/saga.repository';
import { dueTask } from '../orders/fulfilment/payment-tasks.repository';
import { dueMessage } from '../outbox/relay';
import { dueCheck } from '../payment/payment-checks.repository';
import { unprocessedEvent } from '../payment/webhooks/provider-events.repository';

/**
 * Each task, and the search for something that it would find. The searches are beside the tasks' own statements, because
 * what a search misses is done late.
 */
const searches = {
  expire: dueReservation,
  'drive sagas': dueSaga({ codeVersionMax: codeVersion, steps: stepNames }),
  relay: dueMessage,
  'process webhooks': unprocessedEvent,
  'check payments': dueCheck,
  'payment tasks': dueTask,
  'resume releases': abandonedRelease,
  rebalance: stockOutOfPlace,
} as const;

export type DueWork = keyof typeof searches;
export const dueWork = Object.keys(searches) as DueWork[];

/**
 * `LIMIT 1` in the order of an index and not `EXISTS`, whose order PostgreSQL ignores: with statistics that call half of the
 * rows due it would read the table from its start, through all that is done (docs/decisions/0025).
 */
const found = dueWork.map(
  (work) => `(SELECT '${work}' FROM (${searches[work]} LIMIT 1) AS one WHERE '${work}' = ANY ($5::text[]))`,
);

/**
 * Takes or renews the lease and looks, in one statement and one commit. A worker that does not get the lease has read one
 * row.
 */
const lookSql = `
  WITH held AS MATERIALIZED (
    SELECT expires_at - statement_timestamp() AS remaining
      FROM sweep_leases
     /* guard: sweep-lease-ends */
     WHERE look = $1::text AND holder <> $2::text AND expires_at > statement_timestamp()
  ), taken AS (
    INSERT INTO sweep_leases (look, holder, renewed_at, expires_at)
    SELECT $1::text, $2::text, statement_timestamp(), statement_timestamp() + $3::int * interval '1 millisecond'
     WHERE NOT EXISTS (SELECT FROM held)
        ON CONFLICT (look) DO UPDATE
       SET holder = excluded.holder, renewed_at = excluded.renewed_at, expires_at = excluded.expires_at
     WHERE sweep_leases.holder = excluded.holder OR sweep_leases.expires_at <= excluded.renewed_at
    RETURNING look
  )
  SELECT statement_timestamp() AS now, EXISTS (SELECT FROM taken) AS "isHolder",
         (SELECT ceil(1000 * extract(epoch FROM remaining))::int FROM held) AS "heldForMs",
         CASE WHEN $4::boolean OR EXISTS (SELECT FROM taken) THEN array_remove(ARRAY[${found.join(', ')}], NULL)
              ELSE '{}' END AS due`;

/** Workers that look for the same take turns. A newer build looks for more, so it has a lease for itself. */
const lookName = createHash('sha1').update(lookSql).digest('hex');

export interface LookOptions {
  holder: string;
  leaseMs: number;
  /** Look also without the lease. */
  looksAnyway: boolean;
  /** What to look for. */
  wanted?: readonly DueWork[];
}

export interface Look {
  isHolder: boolean;
  /** How long the lease of another worker lasts, if it is not renewed. */
  heldForMs: number | null;
  due: DueWork[];
}

export async function look(
  db: Database,
  { holder, leaseMs, looksAnyway, wanted = dueWork }: LookOptions,
): Promise<Look> {
  const [row] = await db.rows<Look & { now: Date }>(lookSql, [
    lookName,
    holder,
    leaseMs,
    looksAnyway,
    wanted,
  ]);
  hearClock(row!.now);
  return row!;
}

/** Leases of builds that no longer run. */
export async function deleteOldLeases(queryable: Queryable): Promise<void> {
  await queryable.rows(
    `DELETE FROM sweep_leases WHERE expires_at < statement_timestamp() - interval '1 day'`,
  );
}
