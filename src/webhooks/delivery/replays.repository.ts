import type { Queryable, Tx } from '../../database/database';
import { type FeedEvent, type FeedKey, feedColumns } from '../../outbox/event-feed.repository';
import { renderEvents } from '../../shop-events/event-objects';
import { type EventPages, keyOf } from '../../shop-events/event-pages';
import { typesNamed } from '../../shop-events/event-types';
import { beforeAll } from '../../shop-events/shop-feed.repository';
import { type ReceivingEndpoint, receivingColumns } from './endpoint-claims.repository';

/** Replays: events that an endpoint is sent again, from one key of the feed to where live delivery stood. */

export interface NewReplay {
  id: string;
  endpointId: string;
  from: FeedKey | null;
  /** As the answer shows it. */
  fromAt: Date | null;
  types: string[] | null;
  eventIds: string[] | null;
}

const moment = (micros: string) => `timestamptz 'epoch' + ${micros}::bigint * interval '1 microsecond'`;

/** False: one is running. The caller has locked the endpoint. */
export async function insertReplay(tx: Tx, replay: NewReplay): Promise<boolean> {
  const { createdMicros, sequence, id } = replay.from ?? beforeAll;
  const made = await tx.affected(
    `
    INSERT INTO webhook_replays (id, endpoint_id, from_at, types, event_ids, cursor_at, cursor_sequence, cursor_id,
                                 until_at, until_sequence, until_id)
    SELECT $1::uuid, e.id, $3::timestamptz, $4::text[], $5::uuid[], ${moment('$6')}, $7::int, $8::uuid,
           e.cursor_at, e.cursor_sequence, e.cursor_id
      FROM webhook_endpoints e
     WHERE e.id = $2::uuid
        ON CONFLICT DO NOTHING
    `,
    [replay.id, replay.endpointId, replay.fromAt, replay.types, replay.eventIds, createdMicros, sequence, id],
  );
  return made === 1;
}

export interface ReplayBatch extends ReceivingEndpoint {
  id: string;
  /** The endpoint's: a replay runs under its lease. */
  fencingToken: number;
  replayTypes: string[] | null;
  eventIds: string[] | null;
  attempts: number;
  cursor: FeedKey;
  until: FeedKey;
}

interface ReplayRow extends Omit<ReplayBatch, 'cursor' | 'until'> {
  cursorMicros: number;
  cursorSequence: number;
  cursorId: string;
  untilMicros: number;
  untilSequence: number;
  untilId: string | null;
}

/** Takes replays that are due and whose endpoints are free. */
export async function claimReplays(
  queryable: Queryable,
  { leaseMs, limit }: { leaseMs: number; limit: number },
): Promise<ReplayBatch[]> {
  if (limit < 1) return [];
  const rows = await queryable.rows<ReplayRow>(
    `
    WITH free AS MATERIALIZED (
      SELECT e.id
        FROM webhook_replays p
        JOIN webhook_endpoints e ON e.id = p.endpoint_id
       WHERE p.status = 'running' AND p.due_at <= statement_timestamp()
         AND e.status = 'enabled' AND e.probe_at IS NULL
         AND (e.lease_expires_at IS NULL OR e.lease_expires_at <= statement_timestamp())
       ORDER BY e.id
       LIMIT $2::int
         FOR UPDATE OF e SKIP LOCKED
    )
    UPDATE webhook_endpoints e
       SET lease_expires_at = statement_timestamp() + $1::int * interval '1 millisecond', fencing_token = e.fencing_token + 1
      FROM free, webhook_replays p
     WHERE e.id = free.id AND p.endpoint_id = e.id AND p.status = 'running'
    RETURNING ${receivingColumns}, e.fencing_token AS "fencingToken", p.id, p.types AS "replayTypes",
              p.event_ids AS "eventIds", p.attempts,
              (extract(epoch FROM p.cursor_at) * 1000000)::bigint AS "cursorMicros", p.cursor_sequence AS "cursorSequence",
              p.cursor_id AS "cursorId",
              (extract(epoch FROM p.until_at) * 1000000)::bigint AS "untilMicros", p.until_sequence AS "untilSequence",
              p.until_id AS "untilId"
    `,
    [leaseMs, limit],
  );
  return rows.map(
    ({ cursorMicros, cursorSequence, cursorId, untilMicros, untilSequence, untilId, ...row }) => ({
      ...row,
      cursor: { createdMicros: cursorMicros, sequence: cursorSequence, id: cursorId },
      until: { createdMicros: untilMicros, sequence: untilSequence, id: untilId ?? beforeAll.id },
    }),
  );
}

/** The next events, up to where live delivery stood. `isLast`: there are no more after these. */
export async function eventsToReplay(
  queryable: Queryable,
  pages: EventPages,
  { principal, types: ofEndpoint, replayTypes, eventIds, cursor, until }: ReplayBatch,
  limit: number,
) {
  if (eventIds) return eventsByIds(queryable, { principal, eventIds, cursor, limit });
  const named = replayTypes ?? ofEndpoint;
  const page = await pages.get(principal, {
    after: cursor,
    before: until.createdMicros + 1,
    types: named && typesNamed(named, () => '/types'),
    limit,
  });
  const events = page.events.filter(({ key }) => !isAfter(key, until));
  return { events, isLast: page.next === null || events.length < page.events.length };
}

async function eventsByIds(
  queryable: Queryable,
  {
    principal,
    eventIds,
    cursor,
    limit,
  }: { principal: string; eventIds: string[]; cursor: FeedKey; limit: number },
) {
  const found = await queryable.rows<FeedEvent>(
    `
    SELECT ${feedColumns}
      FROM outbox
     WHERE id = ANY ($1::uuid[]) AND principal = $2::text
       AND (created_at, sequence, id) > (${moment('$3')}, $4::int, $5::uuid)
     ORDER BY created_at, sequence, id
     LIMIT $6::int
    `,
    [eventIds, principal, cursor.createdMicros, cursor.sequence, cursor.id, limit],
  );
  const views = await renderEvents(queryable, found);
  return {
    events: found.map((event, nth) => ({
      key: keyOf(event),
      aggregateId: event.aggregateId,
      view: views[nth]!,
    })),
    isLast: found.length < limit,
  };
}

const isAfter = (one: FeedKey, other: FeedKey): boolean =>
  one.createdMicros !== other.createdMicros
    ? one.createdMicros > other.createdMicros
    : one.sequence !== other.sequence
      ? one.sequence > other.sequence
      : one.id > other.id;

export interface ReplayProgress {
  /** The last one that is done with; null: none of this batch. */
  cursor: FeedKey | null;
  sent: number;
  attempts: number;
  dueAt: Date;
  isDone: boolean;
}

export async function saveReplay(
  tx: Tx,
  { id }: Pick<ReplayBatch, 'id'>,
  { cursor, sent, attempts, dueAt, isDone }: ReplayProgress,
): Promise<void> {
  await tx.affected(
    `
    UPDATE webhook_replays
       SET cursor_at = CASE WHEN $2::bigint IS NULL THEN cursor_at ELSE ${moment('$2')} END,
           cursor_sequence = coalesce($3::int, cursor_sequence), cursor_id = coalesce($4::uuid, cursor_id),
           sent = sent + $5::int, attempts = $6::int, due_at = $7::timestamptz,
           status = CASE WHEN $8::boolean THEN 'done' ELSE status END,
           ended_at = CASE WHEN $8::boolean THEN $9::timestamptz END
     WHERE id = $1::uuid AND status = 'running'
    `,
    [
      ...[id, cursor?.createdMicros ?? null, cursor?.sequence ?? null, cursor?.id ?? null],
      ...[sent, attempts, dueAt, isDone, dueAt],
    ],
  );
}

/** The endpoint was disabled. */
export async function cancelReplay(tx: Tx, endpointId: string, now: Date): Promise<void> {
  await tx.affected(
    `
    UPDATE webhook_replays SET status = 'cancelled', ended_at = $2::timestamptz
     WHERE endpoint_id = $1::uuid AND status = 'running'
    `,
    [endpointId, now],
  );
}
