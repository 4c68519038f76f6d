import { type Queryable, type Tx, columnsOf } from '../../database/database';
import type { FeedEvent, FeedKey } from '../../outbox/event-feed.repository';
import { feedColumns } from '../../outbox/event-feed.repository';
import type { Tried } from '../endpoints/webhook-sender';
import { type ReceivingEndpoint, receivingColumns } from './endpoint-claims.repository';

/** Events that wait to be taken, one per endpoint and aggregate: the aggregate's later ones wait behind it without rows. */

export interface NewWaiting {
  aggregateId: string;
  sequence: number;
  eventId: string;
  attempts: number;
  dueAt: Date;
  tried: Tried | null;
}

/** Where a row is there, its aggregate waits already, and these events wait behind it. */
export async function insertWaiting(tx: Tx, endpointId: string, rows: NewWaiting[]): Promise<void> {
  if (rows.length === 0) return;
  await tx.affected(
    `
    INSERT INTO webhook_waiting (endpoint_id, aggregate_id, sequence, event_id, attempts, due_at, response_status, error, duration_ms)
    SELECT $1::uuid, aggregate_id, sequence, event_id, attempts, due_at, response_status, error, duration_ms
      FROM unnest($2::uuid[], $3::int[], $4::uuid[], $5::int[], $6::timestamptz[], $7::int[], $8::text[], $9::int[])
             AS n (aggregate_id, sequence, event_id, attempts, due_at, response_status, error, duration_ms)
        ON CONFLICT DO NOTHING
    `,
    [
      endpointId,
      ...columnsOf(rows, 'aggregateId', 'sequence', 'eventId', 'attempts', 'dueAt'),
      rows.map(({ tried }) => tried?.status ?? null),
      rows.map(({ tried }) => tried?.error ?? null),
      rows.map(({ tried }) => tried?.durationMs ?? null),
    ],
  );
}

/** Those of these aggregates that wait. */
export async function waitingAmong(
  queryable: Queryable,
  endpointId: string,
  aggregateIds: string[],
): Promise<Set<string>> {
  const rows = await queryable.rows<{ id: string }>(
    `
    SELECT aggregate_id AS id FROM webhook_waiting WHERE endpoint_id = $1::uuid AND aggregate_id = ANY ($2::uuid[])
    `,
    [endpointId, aggregateIds],
  );
  return new Set(rows.map(({ id }) => id));
}

export interface ClaimedWaiting extends ReceivingEndpoint {
  aggregateId: string;
  sequence: number;
  eventId: string;
  attempts: number;
  fencingToken: number;
  createdAt: Date;
}

const claimedColumns = `
  w.aggregate_id AS "aggregateId", w.sequence, w.event_id AS "eventId", w.attempts, w.fencing_token AS "fencingToken",
  w.created_at AS "createdAt", ${receivingColumns}`;

const isFree = `(w.lease_expires_at IS NULL OR w.lease_expires_at <= statement_timestamp())`;

export interface WaitingClaim {
  leaseMs: number;
  limit: number;
  perEndpoint: number;
  /** Endpoints with as many tries in flight here as they may have. */
  busy: string[];
}

/** Takes what is due, a few of each endpoint, so that a slow one does not hold back the others. */
export function claimWaiting(
  queryable: Queryable,
  { leaseMs, limit, perEndpoint, busy }: WaitingClaim,
): Promise<ClaimedWaiting[]> {
  return queryable.rows<ClaimedWaiting>(
    `
    WITH due AS MATERIALIZED (
      SELECT w.endpoint_id, w.aggregate_id
        FROM (SELECT DISTINCT d.endpoint_id
                FROM webhook_waiting d
                JOIN webhook_endpoints e ON e.id = d.endpoint_id AND e.status = 'enabled' AND e.probe_at IS NULL
               WHERE d.due_at <= statement_timestamp() AND d.endpoint_id <> ALL ($4::uuid[])) f
       CROSS JOIN LATERAL (
        SELECT w.endpoint_id, w.aggregate_id
          FROM webhook_waiting w
         WHERE w.endpoint_id = f.endpoint_id AND w.due_at <= statement_timestamp() AND ${isFree}
         ORDER BY w.due_at
         LIMIT $3::int
           FOR UPDATE OF w SKIP LOCKED) w
       LIMIT $2::int
    )
    UPDATE webhook_waiting w
       SET lease_expires_at = statement_timestamp() + $1::int * interval '1 millisecond', fencing_token = w.fencing_token + 1
      FROM due, webhook_endpoints e
     WHERE w.endpoint_id = due.endpoint_id AND w.aggregate_id = due.aggregate_id AND e.id = w.endpoint_id
    RETURNING ${claimedColumns}
    `,
    [leaseMs, limit, perEndpoint, busy],
  );
}

/** Takes the oldest event of each endpoint whose probe is due. The next probe is due after the pause, whatever comes of this. */
export function claimProbes(
  queryable: Queryable,
  { leaseMs, probeSeconds }: { leaseMs: number; probeSeconds: number },
): Promise<ClaimedWaiting[]> {
  return queryable.rows<ClaimedWaiting>(
    `
    WITH due AS MATERIALIZED (
      SELECT e.id FROM webhook_endpoints e
       WHERE e.status = 'enabled' AND e.probe_at <= statement_timestamp()
       ORDER BY e.id
         FOR UPDATE SKIP LOCKED
    ), probed AS (
      UPDATE webhook_endpoints e SET probe_at = statement_timestamp() + $2::float8 * interval '1 second'
        FROM due WHERE e.id = due.id
      RETURNING e.id
    ), oldest AS MATERIALIZED (
      SELECT DISTINCT ON (w.endpoint_id) w.endpoint_id, w.aggregate_id
        FROM webhook_waiting w
        JOIN due ON due.id = w.endpoint_id
        LEFT JOIN outbox m ON m.id = w.event_id
       WHERE ${isFree}
       ORDER BY w.endpoint_id, m.created_at, w.aggregate_id
    )
    UPDATE webhook_waiting w
       SET lease_expires_at = statement_timestamp() + $1::int * interval '1 millisecond', fencing_token = w.fencing_token + 1
      FROM oldest, webhook_endpoints e
     WHERE w.endpoint_id = oldest.endpoint_id AND w.aggregate_id = oldest.aggregate_id AND e.id = w.endpoint_id
    RETURNING ${claimedColumns}
    `,
    [leaseMs, probeSeconds],
  );
}

export async function eventBySequence(
  queryable: Queryable,
  aggregateId: string,
  sequence: number,
): Promise<FeedEvent | undefined> {
  const [event] = await queryable.rows<FeedEvent>(
    `SELECT ${feedColumns} FROM outbox WHERE aggregate_id = $1::uuid AND sequence = $2::int`,
    [aggregateId, sequence],
  );
  return event;
}

export interface NextOf {
  aggregateId: string;
  sequence: number;
  types: readonly string[] | null;
  cursor: FeedKey;
}

/** The aggregate's next event that the cursor has passed over. */
export async function nextPassedOver(
  tx: Tx,
  { aggregateId, sequence, types, cursor }: NextOf,
): Promise<{ sequence: number; eventId: string } | undefined> {
  const [next] = await tx.rows<{ sequence: number; eventId: string }>(
    `
    SELECT sequence, id AS "eventId"
      FROM outbox
     WHERE aggregate_id = $1::uuid AND sequence > $2::int
       AND ($3::text[] IS NULL OR type = ANY ($3::text[]))
       AND (created_at, sequence, id) <= (timestamptz 'epoch' + $4::bigint * interval '1 microsecond', $5::int, $6::uuid)
     ORDER BY sequence
     LIMIT 1
    `,
    [aggregateId, sequence, types, cursor.createdMicros, cursor.sequence, cursor.id],
  );
  return next;
}

type Held = Pick<ClaimedWaiting, 'endpointId' | 'aggregateId' | 'fencingToken'>;
const isHeld = `endpoint_id = $1::uuid AND aggregate_id = $2::uuid AND fencing_token = $3::bigint`;
const heldBy = ({ endpointId, aggregateId, fencingToken }: Held) => [endpointId, aggregateId, fencingToken];

/** False: another worker has taken the row over. */
export async function holdsRow(tx: Tx, row: Held): Promise<boolean> {
  const rows = await tx.rows(
    `SELECT aggregate_id FROM webhook_waiting WHERE ${isHeld} FOR UPDATE`,
    heldBy(row),
  );
  return rows.length > 0;
}

/** The aggregate has nothing more that waits. */
export async function deleteWaiting(tx: Tx, row: Held): Promise<void> {
  await tx.affected(`DELETE FROM webhook_waiting WHERE ${isHeld}`, heldBy(row));
}

/** The row goes on to the aggregate's next event, which its holder tries at once. */
export async function moveOn(
  tx: Tx,
  row: Held,
  next: { sequence: number; eventId: string; now: Date; leaseMs: number },
): Promise<void> {
  await tx.affected(
    `
    UPDATE webhook_waiting
       SET sequence = $4::int, event_id = $5::uuid, attempts = 0, due_at = $6::timestamptz, created_at = $6::timestamptz,
           lease_expires_at = $7::timestamptz, response_status = NULL, error = NULL, duration_ms = NULL
     WHERE ${isHeld}
    `,
    [...heldBy(row), next.sequence, next.eventId, next.now, new Date(next.now.getTime() + next.leaseMs)],
  );
}

/** The row waits for its next try. */
export async function putOff(
  tx: Tx,
  row: Held,
  { attempts, dueAt, tried }: { attempts: number; dueAt: Date; tried: Tried },
): Promise<void> {
  await tx.affected(
    `
    UPDATE webhook_waiting
       SET attempts = $4::int, due_at = $5::timestamptz, lease_expires_at = NULL, response_status = $6::int, error = $7::text,
           duration_ms = $8::int
     WHERE ${isHeld}
    `,
    [...heldBy(row), attempts, dueAt, tried.status, tried.error, tried.durationMs],
  );
}

/** All that wait are due, because the receiver is back. */
export async function dueNow(tx: Tx, endpointId: string, now: Date): Promise<void> {
  await tx.affected(
    `UPDATE webhook_waiting SET due_at = least(due_at, $2::timestamptz) WHERE endpoint_id = $1::uuid`,
    [endpointId, now],
  );
}

export async function waitingCounts(tx: Tx, endpointId: string): Promise<{ all: number; failed: number }> {
  const [counts] = await tx.rows<{ all: number; failed: number }>(
    `
    SELECT count(*)::int AS all, (count(*) FILTER (WHERE attempts > 0))::int AS failed
      FROM webhook_waiting
     WHERE endpoint_id = $1::uuid
    `,
    [endpointId],
  );
  return counts!;
}

/** What belongs to an endpoint that is deleted. */
export async function deleteDeliveries(tx: Tx, endpointId: string): Promise<void> {
  await tx.affected(`DELETE FROM webhook_waiting WHERE endpoint_id = $1::uuid`, [endpointId]);
  await tx.affected(`DELETE FROM webhook_deliveries WHERE endpoint_id = $1::uuid`, [endpointId]);
  await tx.affected(`DELETE FROM webhook_replays WHERE endpoint_id = $1::uuid`, [endpointId]);
}
