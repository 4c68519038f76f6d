import type { Queryable } from '../database/database';
import { isMisdated } from '../ids';
import type { OutboxEntity } from './outbox.entity';

/**
 * The public event feed, read from the outbox: oldest first, and those of each aggregate in order.
 *
 * An aggregate's messages are written one after the other under its lock, so the database's clock gives their order.
 * Events that an open transaction may precede are not shown yet, so nothing appears later before an event already shown.
 */
export type FeedEvent = Pick<
  OutboxEntity,
  'id' | 'type' | 'aggregateType' | 'aggregateId' | 'sequence' | 'payload' | 'createdAt'
> & { createdMicros: number };

export type FeedKey = Pick<FeedEvent, 'createdMicros' | 'sequence' | 'id'>;

const columns = `
  id, type, aggregate_type AS "aggregateType", aggregate_id AS "aggregateId", sequence, payload, created_at AS "createdAt",
  (extract(epoch FROM created_at) * 1000000)::bigint AS "createdMicros"`;

const second = 1_000_000;

const misdated = isMisdated('id', 'created_at');

/** One more than `limit`, if there are more. `after` is the key of the last one already seen. */
export async function readFeed(
  queryable: Queryable,
  aggregateId: string | null,
  { limit, after }: { limit: number; after: FeedKey | null },
): Promise<FeedEvent[]> {
  if (aggregateId !== null) return ofAggregate(queryable, aggregateId, { limit, after });
  const { settled, oldest } = await bounds(queryable);
  const events: FeedEvent[] = [];
  // Window after window, each four times as wide as the last, so that a long quiet time costs few queries.
  let from = after?.createdMicros ?? oldest;
  for (let width = second; events.length <= limit && from < settled; width *= 4) {
    const to = Math.min(from + width, settled);
    const missing = limit + 1 - events.length;
    events.push(...(await between(queryable, { from, to, after, limit: missing })));
    from = to;
  }
  return events;
}

/**
 * Up to when no open transaction can add events, and when the feed begins; in microseconds. A transaction that has
 * written has an xid; one without, such as a long backup, can only write events newer than this query. Ids are made by
 * processes whose clocks may be ten minutes off, so the first event may be twenty minutes older than the one with the
 * first id. Of a misdated row only the date is believed.
 */
async function bounds(queryable: Queryable): Promise<{ settled: number; oldest: number }> {
  const [row] = await queryable.rows<{ settled: number; oldest: number }>(
    `
    WITH open AS MATERIALIZED (
      SELECT min(xact_start) AS since
        FROM pg_stat_activity
       WHERE datname = current_database() AND backend_type = 'client backend' AND backend_xid IS NOT NULL
    )
    SELECT (extract(epoch FROM least(open.since, statement_timestamp())) * 1000000)::bigint AS settled,
           coalesce((extract(epoch FROM least((SELECT created_at - interval '20 minutes'
                                                 FROM outbox
                                                WHERE NOT (${misdated})
                                                ORDER BY id
                                                LIMIT 1),
                                              (SELECT min(created_at) FROM outbox WHERE ${misdated})))
                     * 1000000)::bigint, 0) AS oldest
      FROM open
    `,
  );
  return row!;
}

function between(
  queryable: Queryable,
  { from, to, after, limit }: { from: number; to: number; after: FeedKey | null; limit: number },
): Promise<FeedEvent[]> {
  return queryable.rows<FeedEvent>(
    `
    SELECT ${columns}
      FROM outbox
     WHERE created_at >= timestamptz 'epoch' + $1::bigint * interval '1 microsecond'
       AND created_at < timestamptz 'epoch' + $2::bigint * interval '1 microsecond'
       AND ($4::uuid IS NULL
            OR (created_at, sequence, id) > (timestamptz 'epoch' + $6::bigint * interval '1 microsecond', $3::int, $4::uuid))
     ORDER BY created_at, sequence, id
     LIMIT $5::int
    `,
    [from, to, after?.sequence ?? null, after?.id ?? null, limit, after?.createdMicros ?? null],
  );
}

function ofAggregate(
  queryable: Queryable,
  aggregateId: string,
  { limit, after }: { limit: number; after: FeedKey | null },
): Promise<FeedEvent[]> {
  return queryable.rows<FeedEvent>(
    `
    SELECT ${columns}
      FROM outbox
     WHERE aggregate_id = $1::uuid AND sequence > $2::int
     ORDER BY sequence
     LIMIT $3::int
    `,
    [aggregateId, after?.sequence ?? 0, limit + 1],
  );
}
