import type { Queryable } from '../database/database';
import { isMisdated } from '../ids';
import type { OutboxEntity } from './outbox.entity';

/** What the event feed shows, read from the outbox: see event-feed.ts. */
export type FeedEvent = Pick<
  OutboxEntity,
  'id' | 'type' | 'aggregateType' | 'aggregateId' | 'sequence' | 'payload' | 'createdAt'
> & { createdMicros: number };

export type FeedKey = Pick<FeedEvent, 'createdMicros' | 'sequence' | 'id'>;

export interface FeedPage {
  limit: number;
  /** The key of the last one already seen. */
  after: FeedKey | null;
}

export const feedColumns = `
  id, type, aggregate_type AS "aggregateType", aggregate_id AS "aggregateId", sequence, payload, created_at AS "createdAt",
  (extract(epoch FROM created_at) * 1000000)::bigint AS "createdMicros"`;

const second = 1_000_000;

const misdated = isMisdated('id', 'created_at');

/**
 * A moment in microseconds, a transaction id above those of all writers that had one by then, and the lowest id that is
 * still in use on this server. (The upper bound of a snapshot would not do: open transactions are above it.) A standby
 * gives no ids and has no writers; what it shows is bounded by its last snapshot.
 */
export async function lookAtWriters(
  queryable: Queryable,
): Promise<{ micros: number; xid: number; xmin: number }> {
  const [row] = await queryable.rows<{ micros: number; xid: number; xmin: number }>(
    `
    SELECT (extract(epoch FROM statement_timestamp()) * 1000000)::bigint AS micros,
           CASE WHEN pg_is_in_recovery() THEN pg_snapshot_xmax(pg_current_snapshot()) ELSE pg_current_xact_id() END::text::bigint
             AS xid,
           pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS xmin
    `,
  );
  return row!;
}

/** Events from one moment, in microseconds, to another, after a key and oldest first. */
export type Between = (
  queryable: Queryable,
  window: FeedPage & { from: number; to: number },
) => Promise<FeedEvent[]>;

/** Those of all aggregates before a moment, oldest first. One more than `limit`, if there are more. */
export async function eventsBefore(
  queryable: Queryable,
  before: number,
  { limit, after }: FeedPage,
  between: Between = ofAll,
): Promise<FeedEvent[]> {
  const events: FeedEvent[] = [];
  // Window after window, each four times as wide as the last, so that a long quiet time costs few queries.
  let from = after?.createdMicros ?? (await oldest(queryable));
  for (let width = second; events.length <= limit && from < before; width *= 4) {
    const to = Math.min(from + width, before);
    const missing = limit + 1 - events.length;
    events.push(...(await between(queryable, { from, to, after, limit: missing })));
    from = to;
  }
  return events;
}

/**
 * When the feed begins, in microseconds. Ids are made by processes whose clocks may be ten minutes off, so the first event
 * may be twenty minutes older than the one with the first id. Of a misdated row only the date is believed.
 */
async function oldest(queryable: Queryable): Promise<number> {
  const [row] = await queryable.rows<{ oldest: number }>(
    `
    SELECT coalesce((extract(epoch FROM least((SELECT created_at - interval '20 minutes'
                                                 FROM outbox
                                                WHERE NOT (${misdated})
                                                ORDER BY id
                                                LIMIT 1),
                                              (SELECT min(created_at) FROM outbox WHERE ${misdated})))
                     * 1000000)::bigint, 0) AS oldest
    `,
  );
  return row!.oldest;
}

const ofAll: Between = (queryable, { from, to, after, limit }) =>
  queryable.rows<FeedEvent>(
    `
    SELECT ${feedColumns}
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

export function eventsOf(
  queryable: Queryable,
  aggregateId: string,
  { limit, after }: FeedPage,
): Promise<FeedEvent[]> {
  return queryable.rows<FeedEvent>(
    `
    SELECT ${feedColumns}
      FROM outbox
     WHERE aggregate_id = $1::uuid AND sequence > $2::int
     ORDER BY sequence
     LIMIT $3::int
    `,
    [aggregateId, after?.sequence ?? 0, limit + 1],
  );
}
