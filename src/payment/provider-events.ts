import type { Queryable, Tx } from '../database/database';
import { newId } from '../ids';
import { appendMessages } from '../outbox/outbox';

/** The webhook inbox: what the provider told us, kept word for word before it is answered with 200. */
export interface ProviderEvent {
  id: string;
  type: string;
  providerReference: string | null;
  /** Our order, if the event names one; whether there is such an order is found out later. */
  orderId: string | null;
  rawBody: string;
}

/** Stores an event and rings for it. False: it was delivered before, and nothing is done. */
export async function storeProviderEvent(tx: Tx, event: ProviderEvent): Promise<boolean> {
  const stored = await tx.affected(
    `
    INSERT INTO provider_events (id, type, provider_reference, order_id, raw_body)
    VALUES ($1::text, $2::text, $3::text, $4::uuid, $5::text)
        ON CONFLICT DO NOTHING
    `,
    [event.id, event.type, event.providerReference, event.orderId, event.rawBody],
  );
  if (stored === 0) return false;
  await appendMessages(tx, [
    {
      aggregateType: 'provider_event',
      aggregateId: newId(),
      sequence: 1,
      type: 'provider_event.received',
      payload: { providerEventId: event.id },
    },
  ]);
  return true;
}

export function unprocessedEvents(queryable: Queryable, limit: number, id: string | null = null) {
  return queryable.rows<{ id: string; orderId: string | null }>(
    `
    SELECT id, order_id AS "orderId"
      FROM provider_events
     WHERE processed_at IS NULL AND ($2::text IS NULL OR id = $2::text)
     ORDER BY received_at
     LIMIT $1::int
    `,
    [limit, id],
  );
}

/** What became of it: `saga woken`, `nothing waited for it`, `orphan` (no such order). */
export async function markProcessed(tx: Tx, id: string, verdict: string, now: Date): Promise<void> {
  await tx.affected(
    `UPDATE provider_events SET processed_at = $3::timestamptz, verdict = $2::text WHERE id = $1::text AND processed_at IS NULL`,
    [id, verdict, now],
  );
}
