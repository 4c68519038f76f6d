import type { Queryable, Tx } from '../../database/database';

/** The webhook inbox: each event is stored as received before the response 200. */
export interface ProviderEvent {
  id: string;
  type: string;
  providerReference: string | null;
  /** The order that the event names; whether it exists is checked later. */
  orderId: string | null;
  rawBody: string;
}

/**
 * Stores an event, once however often it is delivered. It adds no wake-up job: a webhook only makes a saga look sooner, and
 * the sweeper is soon enough for that. (A job per webhook was half of all jobs.)
 */
export async function storeProviderEvent(queryable: Queryable, event: ProviderEvent): Promise<void> {
  await queryable.rows(
    `
    INSERT INTO provider_events (id, type, provider_reference, order_id, raw_body)
    /* guard: webhook-stored-once */
    VALUES ($1::text, $2::text, $3::text, $4::uuid, $5::text)
        ON CONFLICT DO NOTHING
    `,
    [event.id, event.type, event.providerReference, event.orderId, event.rawBody],
  );
}

export interface UnprocessedEvent {
  id: string;
  type: string;
  /** Of the payment that the event is about. */
  providerReference: string | null;
  orderId: string | null;
  /** The database's clock, read after the row was locked. */
  now: Date;
}

/** Locks unprocessed events, oldest first; skips those that another sweeper has locked. */
export function lockUnprocessedEvents(tx: Tx, limit: number): Promise<UnprocessedEvent[]> {
  return tx.rows<UnprocessedEvent>(
    `
    WITH events AS MATERIALIZED (
      SELECT id, type, provider_reference AS "providerReference", order_id AS "orderId", received_at
        FROM provider_events
       WHERE processed_at IS NULL
       ORDER BY received_at
       LIMIT $1::int
         FOR UPDATE SKIP LOCKED
    )
    SELECT id, type, "providerReference", "orderId", clock_timestamp() AS now FROM events ORDER BY received_at
    `,
    [limit],
  );
}

/** What our metadata in these events say that their payment is for. */
export async function purposeOfEvents(
  tx: Tx,
  ids: string[],
): Promise<Map<string, { kind: unknown; number: unknown }>> {
  const rows = await tx.rows<{ id: string; rawBody: string }>(
    `SELECT id, raw_body AS "rawBody" FROM provider_events WHERE id = ANY ($1::text[])`,
    [ids],
  );
  // Not in SQL: an escaped NUL, which is valid JSON, would fail the whole batch.
  return new Map(
    rows.map(({ id, rawBody }) => {
      const { data } = JSON.parse(rawBody) as { data?: { object?: { metadata?: Record<string, unknown> } } };
      const { kind, number } = data?.object?.metadata ?? {};
      return [id, { kind, number }];
    }),
  );
}

/** What it led to: `saga woken`, `payments checked`, `nothing waited for it`, `orphan` (no such order). */
export interface Verdict {
  id: string;
  verdict: string;
}

/** The caller has locked these events. */
export async function markProcessed(tx: Tx, verdicts: Verdict[], now: Date): Promise<void> {
  await tx.affected(
    `
    UPDATE provider_events e SET processed_at = $3::timestamptz, verdict = v.verdict
      FROM unnest($1::text[], $2::text[]) AS v (id, verdict)
     WHERE e.id = v.id
    `,
    [verdicts.map(({ id }) => id), verdicts.map(({ verdict }) => verdict), now],
  );
}
