import type { Queryable, Tx } from '../../database/database';

/** The webhook inbox: what the provider told us, kept word for word before it is answered with 200. */
export interface ProviderEvent {
  id: string;
  type: string;
  providerReference: string | null;
  /** Our order, if the event names one; whether there is such an order is found out later. */
  orderId: string | null;
  rawBody: string;
}

/**
 * Stores an event, once however often it is delivered. It rings no doorbell: a webhook only makes a saga look sooner
 * than it would by itself, and the sweeper's rhythm is soon enough for that. (A job per webhook was half of all jobs.)
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
  orderId: string | null;
  /** The database's clock, read after the row was locked. */
  now: Date;
}

/** Locks events that nobody has acted on yet, oldest first; those that another sweeper works on are skipped. */
export function lockUnprocessedEvents(tx: Tx, limit: number): Promise<UnprocessedEvent[]> {
  return tx.rows<UnprocessedEvent>(
    `
    WITH events AS MATERIALIZED (
      SELECT id, order_id AS "orderId", received_at
        FROM provider_events
       WHERE processed_at IS NULL
       ORDER BY received_at
       LIMIT $1::int
         FOR UPDATE SKIP LOCKED
    )
    SELECT id, "orderId", clock_timestamp() AS now FROM events ORDER BY received_at
    `,
    [limit],
  );
}

/** What became of it: `saga woken`, `nothing waited for it`, `orphan` (no such order). */
export interface Verdict {
  id: string;
  verdict: string;
}

/** Of events that the caller has locked. */
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
