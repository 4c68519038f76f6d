import type { Queryable } from '../../database/database';

/** Counting stops here; more than this is a backlog, however much more it is. */
const countedMax = 20_000;

export interface Flow {
  running: Record<string, number>;
  compensating: number;
  stuck: number;
  unknown: number;
  /** True: there are more than were counted. */
  capped: boolean;
}

/** Checkouts that have not ended, by the step they are at. */
export async function flowNow(db: Queryable): Promise<Flow> {
  const rows = await db.rows<{ status: string; step: string; count: number }>(
    `
    SELECT status, step, count(*)::int AS count
      FROM (SELECT status, step FROM sagas WHERE status IN ('running', 'compensating', 'stuck') LIMIT $1::int) unfinished
     GROUP BY status, step
    `,
    [countedMax + 1],
  );
  const [unknown] = await db.rows<{ count: number }>(
    `
    SELECT count(*)::int AS count
      FROM (SELECT FROM payment_operations WHERE status = 'unknown' LIMIT $1::int) unheard
    `,
    [countedMax],
  );
  const of = (status: string) => rows.filter((row) => row.status === status);
  const sum = (some: { count: number }[]) => some.reduce((all, { count }) => all + count, 0);
  return {
    running: Object.fromEntries(of('running').map(({ step, count }) => [step, count])),
    compensating: sum(of('compensating')),
    stuck: sum(of('stuck')),
    unknown: unknown!.count,
    capped: sum(rows) > countedMax,
  };
}

/** Seconds that something is late by, or waits. */
export interface Lateness {
  expiry: number;
  outbox: number;
  sagaPastDue: number;
  unknownPayment: number;
  webhook: number;
}

/** The promise or the alarm for each, in seconds. */
export const latenessLimits: Lateness = {
  expiry: 5,
  outbox: 10,
  sagaPastDue: 30,
  unknownPayment: 1_800,
  webhook: 60,
};

/** The first entry of an index each. */
export async function latenessNow(db: Queryable): Promise<Lateness> {
  const [row] = await db.rows<Lateness>(
    `
    WITH clock AS MATERIALIZED (SELECT clock_timestamp() AS now),
         oldest AS MATERIALIZED (
           SELECT (SELECT min(expires_at) FROM reservations WHERE status = 'active') AS expiry,
                  (SELECT min(next_relay_at) FROM outbox WHERE applied_at IS NULL) AS outbox,
                  (SELECT min(next_run_at) FROM sagas WHERE next_run_at IS NOT NULL) AS saga,
                  (SELECT min(created_at) FROM payment_operations WHERE status = 'unknown') AS payment,
                  (SELECT min(received_at) FROM provider_events WHERE processed_at IS NULL) AS webhook)
    SELECT greatest(0, coalesce(extract(epoch FROM now - expiry), 0))::float8 AS expiry,
           greatest(0, coalesce(extract(epoch FROM now - nullif(outbox, 'infinity')), 0))::float8 AS outbox,
           greatest(0, coalesce(extract(epoch FROM now - saga), 0))::float8 AS "sagaPastDue",
           greatest(0, coalesce(extract(epoch FROM now - payment), 0))::float8 AS "unknownPayment",
           greatest(0, coalesce(extract(epoch FROM now - webhook), 0))::float8 AS webhook
      FROM clock, oldest
    `,
  );
  return row!;
}
