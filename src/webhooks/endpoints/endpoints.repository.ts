import type { Queryable, Tx } from '../../database/database';
import type { WebhookEndpointEntity } from '../webhook.entity';

/** Webhook endpoints as their shops and operators see them. */
export interface Endpoint extends Pick<
  WebhookEndpointEntity,
  | 'id'
  | 'principal'
  | 'url'
  | 'types'
  | 'description'
  | 'status'
  | 'disabledReason'
  | 'lastDeliveredAt'
  | 'createdAt'
> {
  /** How old the oldest event is that it has not taken; 0: it has taken all. */
  behindSeconds: number;
  isProbed: boolean;
  failures: number;
  waiting: number;
  replay: { id: string; from: string | null; sent: number; status: 'running' | 'done' | 'cancelled' } | null;
  lastFailure: { responseStatus: number | null; error: string | null } | null;
}

const columns = `
  e.id, e.principal, e.url, e.types, e.description, e.status, e.disabled_reason AS "disabledReason",
  e.last_delivered_at AS "lastDeliveredAt", e.created_at AS "createdAt", e.probe_at IS NOT NULL AS "isProbed", e.failures,
  (SELECT count(*)::int FROM webhook_waiting w WHERE w.endpoint_id = e.id) AS waiting,
  (SELECT json_build_object('responseStatus', w.response_status, 'error', w.error)
     FROM webhook_waiting w
    WHERE w.endpoint_id = e.id AND w.attempts > 0
    ORDER BY w.due_at DESC LIMIT 1) AS "lastFailure",
  (SELECT json_build_object('id', p.id, 'from', p.from_at, 'sent', p.sent, 'status', p.status)
     FROM webhook_replays p
    WHERE p.endpoint_id = e.id
    ORDER BY p.id DESC LIMIT 1) AS replay,
  greatest(0, ceil(extract(epoch FROM statement_timestamp() - least(
    (SELECT min(m.created_at) FROM webhook_waiting w JOIN outbox m ON m.id = w.event_id WHERE w.endpoint_id = e.id),
    (SELECT m.created_at
       FROM outbox m
      WHERE m.principal = e.principal AND m.principal IS DISTINCT FROM '' AND m.created_at >= e.cursor_at
        AND (m.created_at, m.sequence, m.id)
            > (e.cursor_at, e.cursor_sequence, coalesce(e.cursor_id, '00000000-0000-0000-0000-000000000000'))
        AND (e.types IS NULL OR m.type LIKE ANY (ARRAY(SELECT replace(named, '*', '%') FROM unnest(e.types) named)))
      ORDER BY m.created_at
      LIMIT 1), statement_timestamp()))))::int AS "behindSeconds"`;

/** Oldest first. `principal`: whose; null: everybody's. `after` is the id of the last one already seen. */
export const listEndpoints = (
  queryable: Queryable,
  principal: string | null,
  { limit, after }: { limit: number; after: string | null },
): Promise<Endpoint[]> =>
  queryable.rows<Endpoint>(
    `
    SELECT ${columns}
      FROM webhook_endpoints e
     WHERE ($1::text IS NULL OR e.principal = $1::text) AND ($2::uuid IS NULL OR e.id > $2::uuid)
     ORDER BY e.id
     LIMIT $3::int
    `,
    [principal, after, limit + 1],
  );

export async function findEndpoint(queryable: Queryable, id: string): Promise<Endpoint | undefined> {
  const [endpoint] = await queryable.rows<Endpoint>(
    `SELECT ${columns} FROM webhook_endpoints e WHERE e.id = $1::uuid`,
    [id],
  );
  return endpoint;
}

export interface NewEndpoint {
  id: string;
  principal: string;
  url: string;
  types: string[] | null;
  description: string | null;
  secret: Buffer;
}

/** At most so many per principal, also with several requests at once: the advisory lock ends with the transaction. */
export async function insertEndpoint(tx: Tx, endpoint: NewEndpoint, endpointsMax: number): Promise<boolean> {
  await tx.rows(`SELECT pg_advisory_xact_lock(hashtextextended('webhook endpoints of ' || $1::text, 0))`, [
    endpoint.principal,
  ]);
  const made = await tx.affected(
    `
    INSERT INTO webhook_endpoints (id, principal, url, types, description, secret, cursor_at, cursor_sequence, cursor_id)
    SELECT $1::uuid, $2::text, $3::text, $4::text[], $5::text, $6::bytea,
           greatest(clock_timestamp(), (SELECT max(m.created_at) FROM outbox m WHERE m.created_at > statement_timestamp())),
           0, NULL
     WHERE (SELECT count(*) FROM webhook_endpoints WHERE principal = $2::text) < $7::int
    `,
    [
      ...[
        endpoint.id,
        endpoint.principal,
        endpoint.url,
        endpoint.types,
        endpoint.description,
        endpoint.secret,
      ],
      endpointsMax,
    ],
  );
  return made === 1;
}

export interface EndpointChange {
  url: string | null;
  /** Undefined: stay as they are. Null: all. */
  types: string[] | null | undefined;
  description: string | null | undefined;
}

export async function updateEndpoint(tx: Tx, id: string, change: EndpointChange): Promise<void> {
  await tx.affected(
    `
    UPDATE webhook_endpoints
       SET url = coalesce($2::text, url),
           types = CASE WHEN $3::boolean THEN $4::text[] ELSE types END,
           description = CASE WHEN $5::boolean THEN $6::text ELSE description END
     WHERE id = $1::uuid
    `,
    [
      ...[id, change.url, change.types !== undefined, change.types ?? null],
      ...[change.description !== undefined, change.description ?? null],
    ],
  );
}

/** It goes on where it stopped, with a clean record; the rest is the caller's, which has locked the row. */
export async function enableEndpoint(tx: Tx, id: string): Promise<void> {
  await tx.affected(
    `
    UPDATE webhook_endpoints
       SET status = 'enabled', disabled_reason = NULL, failures = 0, failing_since = NULL, probe_at = NULL
     WHERE id = $1::uuid
    `,
    [id],
  );
}

export async function disableEndpoint(tx: Tx, id: string, reason: 'by_owner' | 'by_operator'): Promise<void> {
  await tx.affected(
    `UPDATE webhook_endpoints SET status = 'disabled', disabled_reason = $2::text WHERE id = $1::uuid`,
    [id, reason],
  );
}

/** The secret in force signs on for a while, beside the new one. One that was replaced before ends. */
export async function replaceSecret(
  tx: Tx,
  id: string,
  { secret, previousEndsAt }: { secret: Buffer; previousEndsAt: Date },
): Promise<void> {
  await tx.affected(
    `
    UPDATE webhook_endpoints
       SET previous_secret = secret, previous_secret_ends_at = $3::timestamptz, secret = $2::bytea
     WHERE id = $1::uuid
    `,
    [id, secret, previousEndsAt],
  );
}

export async function deleteEndpoint(tx: Tx, id: string): Promise<void> {
  await tx.affected(`DELETE FROM webhook_endpoints WHERE id = $1::uuid`, [id]);
}

/** Some secrets, to see that they can be opened: the oldest and the newest. */
export async function someSecrets(queryable: Queryable): Promise<Buffer[]> {
  const rows = await queryable.rows<{ secret: Buffer }>(
    `
    (SELECT secret FROM webhook_endpoints ORDER BY id LIMIT 1)
    UNION ALL
    (SELECT secret FROM webhook_endpoints ORDER BY id DESC LIMIT 1)
    `,
  );
  return rows.map(({ secret }) => secret);
}
