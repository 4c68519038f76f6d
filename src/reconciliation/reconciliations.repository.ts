import { type Queryable, clockOf } from '../database/database';

/**
 * Comparisons of our payments with the provider's. At most one is running, over all processes (a unique index).
 *
 * running → done     every payment of the period was compared
 * running → failed   the provider did not answer, its process was stopped, or its lease expired
 */
export type ReconciliationStatus = 'running' | 'done' | 'failed';

export interface Period {
  from: Date;
  to: Date;
}

/** As the API shows it. */
export interface FoundDifference {
  kind: string;
  /** Null: the provider names no order of ours. */
  orderId: string | null;
  ours: string;
  provider: string;
  amountAtRisk: { amount: number; currency: string };
  /** The review case; null where nothing is left to do. */
  caseId: string | null;
}

export interface Reconciliation extends Period {
  id: string;
  status: ReconciliationStatus;
  actor: string;
  compared: number;
  others: number;
  differenceCount: number;
  differences: FoundDifference[];
  error: string | null;
  startedAt: Date;
  endedAt: Date | null;
}

/** Much longer than a call to the provider: the lease is extended after each page that is read and each order compared. */
const leaseMs = 60_000;
/** More than an operator reads; all of them become facts and cases, and are counted. */
const differencesShownMax = 500;

const columns = `
  id, status, actor, from_at AS "from", to_at AS "to", compared, others, difference_count AS "differenceCount",
  differences, error, started_at AS "startedAt", ended_at AS "endedAt"`;

/** `once`: not if this actor's last one that is done ended as late. */
type NewReconciliation = Period & { id: string; actor: string; once?: boolean };

/** False: one is running, or was done. */
export async function beginReconciliation(
  queryable: Queryable,
  { id, actor, from, to, once = false }: NewReconciliation,
): Promise<boolean> {
  const now = await clockOf(queryable);
  await failAbandoned(queryable, now);
  const begun = await queryable.rows(
    `
    INSERT INTO reconciliations (id, status, actor, from_at, to_at, started_at, lease_expires_at)
    SELECT $1::uuid, 'running', $2::text, $3::timestamptz, $4::timestamptz, $5::timestamptz, $6::timestamptz
     WHERE NOT ($7::boolean AND EXISTS (SELECT FROM reconciliations
                                         WHERE actor = $2::text AND status = 'done' AND to_at >= $4::timestamptz))
        ON CONFLICT DO NOTHING
    RETURNING id
    `,
    [id, actor, from, to, now, leaseFrom(now), once],
  );
  return begun.length === 1;
}

/** Their process has ended. What they found stays found. */
async function failAbandoned(queryable: Queryable, now: Date): Promise<void> {
  await queryable.rows(
    `
    UPDATE reconciliations
       SET status = 'failed', error = $2::text, ended_at = $1::timestamptz, lease_expires_at = NULL
     WHERE status = 'running' AND lease_expires_at < $1::timestamptz
    `,
    [now, 'Its process ended before it did. Run the period again.'],
  );
}

export interface Progress {
  compared: number;
  others: number;
  differences: FoundDifference[];
}

/** Adds to a running one and extends its lease. False: it is not running any more. */
export async function addProgress(
  queryable: Queryable,
  id: string,
  { compared, others, differences }: Progress,
): Promise<boolean> {
  const written = await queryable.rows(
    `
    UPDATE reconciliations
       SET compared = compared + $2::int,
           others = others + $3::int,
           difference_count = difference_count + $4::int,
           differences = CASE WHEN $4::int > 0 AND difference_count < ${differencesShownMax}
                              THEN jsonb_path_query_array(differences || $5::jsonb, '$[0 to ${differencesShownMax - 1}]')
                              ELSE differences END,
           lease_expires_at = $6::timestamptz
     WHERE id = $1::uuid AND status = 'running'
    RETURNING id
    `,
    [
      id,
      compared,
      others,
      differences.length,
      JSON.stringify(differences),
      leaseFrom(await clockOf(queryable)),
    ],
  );
  return written.length === 1;
}

/** `error`: why it failed; null when it is done. */
export async function endReconciliation(
  queryable: Queryable,
  id: string,
  error: string | null,
): Promise<void> {
  await queryable.rows(
    `
    UPDATE reconciliations
       SET status = $2::text, error = $3::text, ended_at = $4::timestamptz, lease_expires_at = NULL
     WHERE id = $1::uuid AND status = 'running'
    `,
    [id, error === null ? 'done' : 'failed', error, await clockOf(queryable)],
  );
}

export async function findReconciliation(
  queryable: Queryable,
  id: string,
): Promise<Reconciliation | undefined> {
  const [row] = await queryable.rows<Reconciliation>(
    `SELECT ${columns} FROM reconciliations WHERE id = $1::uuid`,
    [id],
  );
  return row;
}

/** Newest first; `after` is the id of the last one already seen. */
export function listReconciliations(queryable: Queryable, limit: number, after: string | null) {
  return queryable.rows<Reconciliation>(
    `
    SELECT ${columns}
      FROM reconciliations
     WHERE $2::uuid IS NULL OR id < $2::uuid
     ORDER BY id DESC
     LIMIT $1::int
    `,
    [limit + 1, after],
  );
}

/** The newest of this actor: of those that are done, or of all. */
export async function newestOf(
  queryable: Queryable,
  actor: string,
  which: 'done' | 'any',
): Promise<Reconciliation | undefined> {
  const [row] = await queryable.rows<Reconciliation>(
    `
    SELECT ${columns}
      FROM reconciliations
     WHERE actor = $1::text AND ($2::text = 'any' OR status = 'done')
     ORDER BY id DESC
     LIMIT 1
    `,
    [actor, which],
  );
  return row;
}

const leaseFrom = (now: Date) => new Date(now.getTime() + leaseMs);
