import { type Queryable, type Tx, columnsOf } from '../../database/database';
import { authorizationKinds } from '../payment-operations.repository';

/** The webhook inbox: each event is stored as received before the response 200. */
export interface ProviderEvent {
  id: string;
  type: string;
  providerReference: string | null;
  /** The order that the event names; whether it exists is checked later. */
  orderId: string | null;
  /** The connected account that it is about; null: our own. */
  stripeAccount: string | null;
  /** As it came. Of a routine event about an order only what our metadata say that its payment is for. */
  rawBody: string;
}

/**
 * Every charge causes these. About an intent that an operation of ours names they report what that operation asked for, and a
 * check of each would double the calls to the provider.
 */
const routine: ReadonlySet<string> = new Set([
  'payment_intent.created',
  'payment_intent.processing',
  'payment_intent.requires_action',
  'payment_intent.amount_capturable_updated',
  'payment_intent.payment_failed',
  'payment_intent.succeeded',
  'charge.succeeded',
  'charge.captured',
  'charge.failed',
  'charge.pending',
  'charge.updated',
]);

export const isRoutine = ({ type }: { type: string }): boolean => routine.has(type);

export const nothingWaited = 'nothing waited for it';

/**
 * Stores events with one statement, each once however often it is delivered, in the order of their ids: two APIs that store
 * the same events wait for each other in one direction only.
 *
 * A routine event that nothing waits for is settled here and never written again: its saga has ended, or a worker has just
 * asked the provider and gets the news in the response. All others are left to the sweeper, which is soon enough.
 */
export async function storeProviderEvents(queryable: Queryable, events: ProviderEvent[]): Promise<void> {
  await queryable.rows(
    `
    INSERT INTO provider_events (id, type, provider_reference, order_id, raw_body, stripe_account, verdict, processed_at)
    /* guard: webhook-stored-once */
    SELECT n.id, n.type, n.reference, n.order_id, n.raw_body, n.account,
           CASE WHEN settled.at IS NOT NULL THEN $8::text END, settled.at
      FROM unnest($1::text[], $2::text[], $3::text[], $4::uuid[], $5::text[], $6::text[],
                  $7::boolean[])
             AS n (id, type, reference, order_id, raw_body, account, routine)
      LEFT JOIN LATERAL (
             SELECT clock_timestamp() AS at
               FROM payment_operations p
               JOIN sagas s ON s.order_id = p.order_id
              WHERE n.routine AND p.order_id = n.order_id
                AND p.kind IN ${authorizationKinds} AND p.provider_reference = n.reference
                AND p.stripe_account IS NOT DISTINCT FROM n.account
                AND (s.next_run_at IS NULL
                     OR (s.lease_expires_at > statement_timestamp()
                         AND NOT EXISTS (SELECT FROM payment_operations o
                                          WHERE o.order_id = p.order_id AND o.status IN ('unknown', 'pending'))))
              LIMIT 1) settled ON true
     ORDER BY n.id
        ON CONFLICT DO NOTHING
    `,
    [
      ...columnsOf(events, 'id', 'type', 'providerReference', 'orderId', 'rawBody', 'stripeAccount'),
      events.map(isRoutine),
      nothingWaited,
    ],
  );
}

export interface UnprocessedEvent {
  id: string;
  type: string;
  /** Of the payment that the event is about. */
  providerReference: string | null;
  orderId: string | null;
  account: string | null;
  /** The database's clock, read after the row was locked. */
  now: Date;
}

/** For the sweeper's look. */
export const unprocessedEvent = `
  SELECT id FROM provider_events WHERE processed_at IS NULL ORDER BY received_at`;

/** Locks unprocessed events, oldest first; skips those that another sweeper has locked. */
export function lockUnprocessedEvents(tx: Tx, limit: number): Promise<UnprocessedEvent[]> {
  return tx.rows<UnprocessedEvent>(
    `
    WITH events AS MATERIALIZED (
      SELECT id, type, provider_reference AS "providerReference", order_id AS "orderId", stripe_account AS account,
             received_at
        FROM provider_events
       WHERE processed_at IS NULL
       ORDER BY received_at
       LIMIT $1::int
         FOR UPDATE SKIP LOCKED
    )
    SELECT id, type, "providerReference", "orderId", account, clock_timestamp() AS now FROM events ORDER BY received_at
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
