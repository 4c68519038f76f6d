import type { Tx } from '../database/database';
import { newId } from '../ids';
import type { QueueName } from '../queue/queues';

/**
 * Every message there is, and the queue that it rings. A message is an event in the past tense, written in the
 * transaction of the change that it tells, so that there is never one without the other.
 *
 * Whoever causes a change announces it: an order's messages speak for its reservation too, and a reservation's own
 * messages tell what its saga did not cause.
 */
export const messageRoutes = {
  'order.accepted': 'checkout',
  'order.cancel_requested': 'compensation',
  'order.refund_requested': 'compensation',
  'order.placed': 'events',
  'order.rejected': 'events',
  'order.reopened': 'events',
  'order.cancelled': 'events',
  'order.refunded': 'events',
  'reservation.created': 'events',
  'reservation.extended': 'events',
  'reservation.confirmed': 'events',
  'reservation.released': 'events',
  'reservation.expired': 'events',
} as const satisfies Record<string, QueueName>;

export type MessageType = keyof typeof messageRoutes;

export interface NewMessage {
  aggregateType: 'order' | 'reservation';
  aggregateId: string;
  /** The aggregate's own version after the change: messages of one aggregate are relayed in this order. */
  sequence: number;
  type: MessageType;
  payload: Record<string, unknown>;
}

/** Writes messages with the change that caused them. The relay sends them after the commit. */
export async function appendMessages(tx: Tx, messages: NewMessage[]): Promise<void> {
  if (messages.length === 0) return;
  await tx.affected(
    `
    INSERT INTO outbox (id, aggregate_type, aggregate_id, sequence, type, payload)
    SELECT id, aggregate_type, aggregate_id, sequence, type, payload
      FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::int[], $5::text[], $6::jsonb[])
             AS m (id, aggregate_type, aggregate_id, sequence, type, payload)
    `,
    [
      messages.map(() => newId()),
      messages.map((message) => message.aggregateType),
      messages.map((message) => message.aggregateId),
      messages.map((message) => message.sequence),
      messages.map((message) => message.type),
      messages.map((message) => JSON.stringify(message.payload)),
    ],
  );
}

/**
 * Records that `consumer` applied a message, in the transaction of its effect. False: it was applied before, and the
 * effect must not happen again.
 *
 * This is the end-to-end acknowledgement: a message without it is relayed again, whatever the queue lost.
 */
export async function receiveMessage(tx: Tx, consumer: string, messageId: string): Promise<boolean> {
  const [received] = await tx.rows<{ first: boolean }>(
    `
    WITH received AS (
      INSERT INTO inbox (consumer, message_id) VALUES ($1::text, $2::uuid)
          ON CONFLICT DO NOTHING
      RETURNING message_id, received_at
    ), acknowledged AS (
      UPDATE outbox o SET applied_at = received.received_at
        FROM received
       WHERE o.id = received.message_id AND o.applied_at IS NULL
    )
    SELECT EXISTS (SELECT FROM received) AS first
    `,
    [consumer, messageId],
  );
  return received!.first;
}
