import type { Queryable } from '../database/database';

/** Orders that have ended, with what was asked for after they were placed; reservations likewise. */
const hasEnded = (aggregate: string) => `
  (EXISTS (SELECT FROM sagas s WHERE s.order_id = ${aggregate} AND s.status IN ('completed', 'compensated'))
   OR EXISTS (SELECT FROM reservations r
               WHERE r.id = ${aggregate} AND r.status IN ('confirmed', 'released', 'expired')))
  AND NOT EXISTS (SELECT FROM payment_tasks t WHERE t.order_id = ${aggregate} AND t.status IN ('due', 'stuck'))`;

export interface PruneBatch {
  /** Events before this may go. */
  horizon: Date;
  /** The id after which to look. */
  after: string;
  limit: number;
}

/**
 * Looks at the next events by id, and deletes the aggregates among them that have ended, whose events are all older than
 * the horizon and all acknowledged. An aggregate goes as a whole, so that what is left of the feed has no holes. Returns the
 * id that it came to; null: there are no more events before the horizon. `noteKeptSince` comes first.
 */
export async function pruneEvents(
  queryable: Queryable,
  { horizon, after, limit }: PruneBatch,
): Promise<string | null> {
  const [row] = await queryable.rows<{ last: string | null }>(
    `
    WITH next AS MATERIALIZED (
      SELECT id, aggregate_id
        FROM outbox
       WHERE id > $2::uuid
       ORDER BY id
       LIMIT $3::int
    ), old AS MATERIALIZED (
      SELECT a.aggregate_id
        FROM (SELECT DISTINCT aggregate_id FROM next) a
       WHERE ${hasEnded('a.aggregate_id')}
         AND NOT EXISTS (SELECT FROM outbox m
                          WHERE m.aggregate_id = a.aggregate_id
                            AND (m.created_at >= $1::timestamptz OR coalesce(m.applied_at, 'infinity') = 'infinity'))
    ), gone AS (
      DELETE FROM outbox WHERE aggregate_id = ANY (ARRAY(SELECT aggregate_id FROM old))
    )
    SELECT max(next.id::text)::uuid AS last
      FROM next
     WHERE EXISTS (SELECT FROM outbox m WHERE m.id = next.id AND m.created_at < $1::timestamptz)
    `,
    [horizon, after, limit],
  );
  return row?.last ?? null;
}

/** An audit looks no further back than this. */
export async function noteKeptSince(queryable: Queryable, horizon: Date): Promise<void> {
  await queryable.rows(
    `UPDATE event_upkeep SET kept_since = $1::timestamptz WHERE kept_since IS NULL OR kept_since < $1::timestamptz`,
    [horizon],
  );
}
