import type { Queryable } from '../database/database';
import {
  type Between,
  type FeedEvent,
  type FeedKey,
  eventsBefore,
  feedColumns,
} from '../outbox/event-feed.repository';
import { ownerOf } from '../outbox/event-owners';
import type { MessageType } from '../outbox/outbox.repository';

/** The events of one shop, read from the outbox. */

export interface ShopPage {
  /** The key of the last one already seen. `beforeAll`: from the oldest that is kept. */
  after: FeedKey;
  /** A settled moment, in microseconds: see `EventFeed`. */
  before: number;
  /** Null: all. */
  types: readonly MessageType[] | null;
  aggregateId?: string | null;
  limit: number;
}

export interface ShopEvents {
  /** Oldest first; one more than the limit, if there are more. */
  events: FeedEvent[];
  /** The last one that was looked at, when the search for rare types was cut short: the next page begins after it. */
  cutAt: FeedKey | null;
}

const noId = '00000000-0000-0000-0000-000000000000';
/** Before every event. */
export const beforeAll: FeedKey = { createdMicros: 0, sequence: 0, id: noId };
/** Before every event of this moment or later. */
export const beforeMoment = (micros: number): FeedKey => ({ ...beforeAll, createdMicros: micros });
export const namesAnEvent = ({ id }: FeedKey): boolean => id !== noId;

/** How many events of other types a read passes over. */
const scannedMax = 5_000;

const moment = (micros: string) => `timestamptz 'epoch' + ${micros}::bigint * interval '1 microsecond'`;

// PostgreSQL does not infer the last condition, which is the index's own, from a parameter.
const inPage = `
  m.created_at >= ${moment('$2')} AND m.created_at < ${moment('$5')}
  AND (m.created_at, m.sequence, m.id) > (${moment('$2')}, $3::int, $4::uuid)
  AND m.principal IS DISTINCT FROM ''`;

/** What `feedColumns` are made of. */
const read = `id, type, aggregate_type, aggregate_id, sequence, payload, created_at`;
const ofMessage = `m.id, m.type, m.aggregate_type, m.aggregate_id, m.sequence, m.payload, m.created_at`;

/**
 * By the index of owners, in its order. Messages of earlier processes that run beside this build have no owner yet; there
 * are few of them, in the same index.
 */
const pageSql = (ofAggregate: string) => `
  WITH own AS (
    SELECT ${ofMessage} FROM outbox m
     WHERE m.principal = $1::text AND ${inPage} ${ofAggregate}
     ORDER BY m.created_at, m.sequence, m.id
     LIMIT $6::int
  ), unowned AS (
    SELECT ${ofMessage} FROM outbox m
     WHERE m.principal IS NULL AND ${inPage} ${ofAggregate} AND ${ownerOf('m')} = $1::text
     ORDER BY m.created_at, m.sequence, m.id
     LIMIT $6::int
  ), scanned AS (
    SELECT ${read}, row_number() OVER (ORDER BY created_at, sequence, id) AS nth
      FROM (SELECT ${read} FROM own UNION ALL SELECT ${read} FROM unowned) found
     ORDER BY created_at, sequence, id
     LIMIT $6::int
  )
  SELECT ${feedColumns}
    FROM scanned
   WHERE $7::text[] IS NULL OR type = ANY ($7::text[]) OR nth = $6::int
   ORDER BY nth`;

const pageOfAll = pageSql('');
const pageOfAggregate = pageSql('AND m.aggregate_id = $8::uuid');

/** Settled events of a principal. */
export async function eventsOfPrincipal(
  queryable: Queryable,
  principal: string,
  { after, before, types, aggregateId = null, limit }: ShopPage,
): Promise<ShopEvents> {
  const scans = types === null ? limit + 1 : scannedMax;
  const parameters = [principal, after.createdMicros, after.sequence, after.id, before, scans, types];
  const found = await queryable.rows<FeedEvent>(
    aggregateId === null ? pageOfAll : pageOfAggregate,
    aggregateId === null ? parameters : [...parameters, aggregateId],
  );
  const events = found.filter(({ type }) => types === null || types.includes(type));
  // The last one that was looked at is there whatever its type.
  const last = found[found.length - 1];
  const cutAt = types !== null && last && events.length <= limit && !events.includes(last) ? last : null;
  return { events: events.slice(0, limit + 1), cutAt };
}

/**
 * The same while messages of builds before the shops' feed are left whose owners are not filled in. They are found window
 * after window, and their owners by looking each up.
 */
export async function eventsWithoutIndex(
  queryable: Queryable,
  principal: string,
  { after, before, types, aggregateId = null, limit }: ShopPage,
): Promise<ShopEvents> {
  const between: Between = (_, window) =>
    queryable.rows<FeedEvent>(
      `
      SELECT ${feedColumns}
        FROM outbox m
       WHERE m.created_at >= ${moment('$1')} AND m.created_at < ${moment('$2')}
         AND (m.created_at, m.sequence, m.id) > (${moment('$3')}, $4::int, $5::uuid)
         AND ($6::text[] IS NULL OR m.type = ANY ($6::text[]))
         AND ($7::uuid IS NULL OR m.aggregate_id = $7::uuid)
         AND coalesce(nullif(m.principal, ''), ${ownerOf('m')}) = $8::text
       ORDER BY m.created_at, m.sequence, m.id
       LIMIT $9::int
      `,
      [
        ...[window.from, window.to, after.createdMicros, after.sequence, after.id],
        ...[types, aggregateId, principal, window.limit],
      ],
    );
  const start = namesAnEvent(after) || after.createdMicros > 0 ? after : null;
  const events = await eventsBefore(queryable, before, { limit, after: start }, between);
  return { events, cutAt: null };
}

/** The key of a principal's newest event before a moment; null: it has none. */
export async function newestEventOf(
  queryable: Queryable,
  principal: string,
  before: number,
): Promise<FeedKey | null> {
  const [row] = await queryable.rows<FeedKey>(
    `
    SELECT m.id, m.sequence, (extract(epoch FROM m.created_at) * 1000000)::bigint AS "createdMicros"
      FROM outbox m
     WHERE m.principal = $1::text AND m.principal IS DISTINCT FROM '' AND m.created_at < ${moment('$2')}
     ORDER BY m.created_at DESC, m.sequence DESC, m.id DESC
     LIMIT 1
    `,
    [principal, before],
  );
  return row ?? null;
}

export async function isKept(queryable: Queryable, eventId: string): Promise<boolean> {
  const rows = await queryable.rows(`SELECT id FROM outbox WHERE id = $1::uuid`, [eventId]);
  return rows.length > 0;
}

/** Who has new events of which types between two settled moments, in microseconds. */
export async function newsBetween(
  queryable: Queryable,
  from: number,
  to: number,
): Promise<Map<string, Set<MessageType>>> {
  const rows = await queryable.rows<{ principal: string | null; type: MessageType }>(
    `
    SELECT DISTINCT coalesce(nullif(m.principal, ''), ${ownerOf('m')}) AS principal, m.type
      FROM outbox m
     WHERE m.created_at >= ${moment('$1')} AND m.created_at < ${moment('$2')}
    `,
    [from, to],
  );
  const news = new Map<string, Set<MessageType>>();
  for (const { principal, type } of rows)
    if (principal !== null) news.set(principal, (news.get(principal) ?? new Set()).add(type));
  return news;
}
