import type { Queryable, Tx } from '../../database/database';
import type { FeedKey } from '../../outbox/event-feed.repository';

/** Endpoints and their cursors, as a worker takes them to deliver. */

/** What a try needs to know of an endpoint. */
export interface ReceivingEndpoint {
  endpointId: string;
  principal: string;
  url: string;
  types: string[] | null;
  secret: Buffer;
  previousSecret: Buffer | null;
  previousSecretEndsAt: Date | null;
  /** The database's clock. */
  now: Date;
}

export const receivingColumns = `
  e.id AS "endpointId", e.principal, e.url, e.types, e.secret, e.previous_secret AS "previousSecret",
  e.previous_secret_ends_at AS "previousSecretEndsAt", statement_timestamp() AS now`;

export interface ClaimedEndpoint extends ReceivingEndpoint {
  fencingToken: number;
  cursor: FeedKey;
}

const noId = '00000000-0000-0000-0000-000000000000';

const microsOf = (time: string) => `(extract(epoch FROM ${time}) * 1000000)::bigint`;
const moment = (micros: string) => `timestamptz 'epoch' + ${micros}::bigint * interval '1 microsecond'`;

/** With so many aggregates that wait, the cursor stands still: an endpoint that is down costs no more rows than this. */
export const waitingMax = 1_000;

const isFree = `(e.lease_expires_at IS NULL OR e.lease_expires_at <= statement_timestamp())`;

export interface CursorClaim {
  /** Those with news; null: all. */
  principals: string[] | null;
  /** The settled moment, in microseconds. */
  settled: number;
  leaseMs: number;
  limit: number;
}

/**
 * Takes endpoints that have events after their cursors, so that no other worker delivers from there meanwhile. Endpoints
 * that are caught up cost nothing but this one statement.
 */
export async function claimCursors(
  queryable: Queryable,
  { principals, settled, leaseMs, limit }: CursorClaim,
): Promise<ClaimedEndpoint[]> {
  const rows = await queryable.rows<ClaimedRow>(
    `
    WITH free AS MATERIALIZED (
      SELECT e.id
        FROM webhook_endpoints e
       WHERE e.status = 'enabled' AND e.probe_at IS NULL AND ${isFree}
         AND ($1::text[] IS NULL OR e.principal = ANY ($1::text[]))
         AND EXISTS (SELECT FROM outbox m
                      WHERE m.principal = e.principal AND m.principal IS DISTINCT FROM ''
                        AND m.created_at >= e.cursor_at AND m.created_at < ${moment('$2')}
                        AND (m.created_at, m.sequence, m.id)
                            > (e.cursor_at, e.cursor_sequence, coalesce(e.cursor_id, '${noId}')))
         AND (SELECT count(*) FROM webhook_waiting w WHERE w.endpoint_id = e.id) < ${waitingMax}
       ORDER BY e.id
       LIMIT $4::int
         FOR UPDATE OF e SKIP LOCKED
    )
    UPDATE webhook_endpoints e
       SET lease_expires_at = statement_timestamp() + $3::int * interval '1 millisecond', fencing_token = e.fencing_token + 1
      FROM free
     WHERE e.id = free.id
    RETURNING ${receivingColumns}, e.fencing_token AS "fencingToken", ${microsOf('e.cursor_at')} AS "cursorMicros",
              e.cursor_sequence AS "cursorSequence", e.cursor_id AS "cursorId"
    `,
    [principals, settled, leaseMs, limit],
  );
  return rows.map(claimedOf);
}

type ClaimedRow = ReceivingEndpoint & {
  fencingToken: number;
  cursorMicros: number;
  cursorSequence: number;
  cursorId: string | null;
};

export const claimedOf = ({
  cursorMicros,
  cursorSequence,
  cursorId,
  ...row
}: ClaimedRow): ClaimedEndpoint => ({
  ...row,
  cursor: { createdMicros: cursorMicros, sequence: cursorSequence, id: cursorId ?? noId },
});

/** Whether any endpoint is enabled: without one there is nothing to look for. */
export async function anyEnabled(queryable: Queryable): Promise<boolean> {
  const rows = await queryable.rows(`SELECT id FROM webhook_endpoints WHERE status = 'enabled' LIMIT 1`);
  return rows.length > 0;
}

export interface EndpointState {
  principal: string;
  types: string[] | null;
  status: 'enabled' | 'disabled';
  cursor: FeedKey;
  failures: number;
  failingSince: Date | null;
  lastDeliveredAt: Date | null;
  now: Date;
}

/** Locked, with the clock. Its cursor moves only under this lock. Undefined: it was deleted. */
export async function lockEndpoint(tx: Tx, endpointId: string): Promise<EndpointState | undefined> {
  await tx.rows(`SELECT id FROM webhook_endpoints WHERE id = $1::uuid FOR UPDATE`, [endpointId]);
  const [row] = await tx.rows<
    Omit<EndpointState, 'cursor'> & { micros: number; sequence: number; id: string | null }
  >(
    `
    SELECT e.principal, e.types, e.status, e.failures, e.failing_since AS "failingSince",
           e.last_delivered_at AS "lastDeliveredAt", ${microsOf('e.cursor_at')} AS micros, e.cursor_sequence AS sequence,
           e.cursor_id AS id, clock_timestamp() AS now
      FROM webhook_endpoints e
     WHERE e.id = $1::uuid
    `,
    [endpointId],
  );
  if (!row) return undefined;
  const { micros, sequence, id, ...state } = row;
  return { ...state, cursor: { createdMicros: micros, sequence, id: id ?? noId } };
}

/** False: another worker has taken the endpoint over, so its cursor is that one's. */
export async function moveCursor(
  tx: Tx,
  { endpointId, fencingToken }: Pick<ClaimedEndpoint, 'endpointId' | 'fencingToken'>,
  { createdMicros, sequence, id }: FeedKey,
): Promise<boolean> {
  const moved = await tx.affected(
    `
    UPDATE webhook_endpoints
       SET cursor_at = ${moment('$3')}, cursor_sequence = $4::int, cursor_id = $5::uuid, lease_expires_at = NULL
     WHERE id = $1::uuid
       /* guard: delivery-is-fenced */
       AND fencing_token = $2::bigint
    `,
    [endpointId, fencingToken, createdMicros, sequence, id],
  );
  return moved === 1;
}

/** Gives the endpoint back without having moved its cursor. */
export async function freeEndpoint(
  queryable: Queryable,
  { endpointId, fencingToken }: Pick<ClaimedEndpoint, 'endpointId' | 'fencingToken'>,
): Promise<void> {
  await queryable.rows(
    `UPDATE webhook_endpoints SET lease_expires_at = NULL WHERE id = $1::uuid AND fencing_token = $2::bigint`,
    [endpointId, fencingToken],
  );
}

/** How an endpoint is, after tries: see `endpoint-health.ts`. */
export interface Health {
  failures: number;
  failingSince: Date | null;
  probeAt: Date | null;
  lastDeliveredAt: Date | null;
  /** Set when it must not be tried any more. */
  disabledReason: 'gone' | 'failing' | null;
}

export async function saveHealth(tx: Tx, endpointId: string, health: Health): Promise<void> {
  await tx.affected(
    `
    UPDATE webhook_endpoints
       SET failures = $2::int, failing_since = $3::timestamptz, probe_at = $4::timestamptz,
           last_delivered_at = $5::timestamptz,
           status = CASE WHEN $6::text IS NULL THEN status ELSE 'disabled' END,
           disabled_reason = coalesce(disabled_reason, $6::text)
     WHERE id = $1::uuid
    `,
    [
      ...[endpointId, health.failures, health.failingSince, health.probeAt],
      ...[health.lastDeliveredAt, health.disabledReason],
    ],
  );
}
