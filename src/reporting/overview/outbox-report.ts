import type { Queryable } from '../../database/database';
import type { OutboxReport } from './overview.responses';

/** Counting stops here; more than this is a backlog, however much more it is. */
const countedMax = 10_000;

/** Messages that were not applied yet. Dead letters wait for a person, not for a queue, and are counted apart. */
export async function outboxNow(db: Queryable): Promise<OutboxReport> {
  const [row] = await db.rows<Omit<OutboxReport, 'object' | 'capped'>>(
    `
    WITH clock AS MATERIALIZED (SELECT clock_timestamp() AS now),
         waiting AS MATERIALIZED (
           SELECT next_relay_at, relayed_at FROM outbox
            WHERE applied_at IS NULL AND next_relay_at < 'infinity'
            ORDER BY next_relay_at
            LIMIT $1::int)
    SELECT count(next_relay_at)::int AS waiting,
           (count(*) FILTER (WHERE next_relay_at <= now))::int AS due,
           (count(*) FILTER (WHERE relayed_at IS NOT NULL))::int AS relayed,
           greatest(0, extract(epoch FROM max(now) - min(next_relay_at) FILTER (WHERE next_relay_at <= now)))::float8
             AS "oldestSeconds",
           (SELECT count(*)::int FROM dead_letters WHERE retried_at IS NULL) AS "deadLetters"
      FROM clock LEFT JOIN waiting ON true
    `,
    [countedMax],
  );
  return { object: 'outbox', ...row!, capped: row!.waiting === countedMax };
}
