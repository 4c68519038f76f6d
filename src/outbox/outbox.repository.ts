import { type Queryable, type Tx, columnsOf } from '../database/database';
import { newId } from '../ids';
import type { QueueName } from '../queue/queues';

/**
 * Every type of message, and the queue it wakes. A message is an event in the past tense, written in the transaction of
 * the change that it reports, so that there is never one without the other.
 *
 * Each change has one message: an order's messages cover its reservation too, and a reservation's own messages report
 * what its saga did not cause.
 */
export const messageRoutes = {
  'order.accepted': 'checkout',
  'order.cancel_requested': 'compensation',
  'order.refund_requested': 'compensation',
  // guard: message-routes
  'order.placed': 'events',
  'order.rejected': 'events',
  'order.reopened': 'events',
  'order.cancelled': 'events',
  'order.refunded': 'events',
  'order.refund_succeeded': 'events',
  'order.refund_failed': 'events',
  'order.dispute_opened': 'events',
  'order.dispute_closed': 'events',
  'order.authorization_expired': 'events',
  'reservation.created': 'events',
  'reservation.extended': 'events',
  'reservation.changed': 'events',
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

/** No consumer acts on these: they appear in the event feed and wake no queue. */
const forTheFeed: ReadonlySet<MessageType> = new Set<MessageType>([
  'order.placed',
  'order.rejected',
  'order.reopened',
  'order.cancelled',
  'order.refunded',
  'order.refund_succeeded',
  'order.refund_failed',
  'order.dispute_opened',
  'order.dispute_closed',
  'order.authorization_expired',
  'reservation.changed',
  'reservation.confirmed',
]);
/** An order's saga reacts to these; without an order they are for the feed alone. */
const forTheOrder: ReadonlySet<MessageType> = new Set<MessageType>([
  'reservation.released',
  'reservation.expired',
]);

const isForTheFeedAlone = ({ type, payload }: Pick<NewMessage, 'type' | 'payload'>): boolean =>
  forTheFeed.has(type) || (forTheOrder.has(type) && payload.orderId === null);

/**
 * Writes messages with the change that caused them. The relay sends them after the commit; those for the feed alone count
 * as applied at once.
 */
export async function appendMessages(tx: Tx, messages: NewMessage[]): Promise<void> {
  if (messages.length === 0) return;
  await tx.affected(
    `
    INSERT INTO outbox (id, aggregate_type, aggregate_id, sequence, type, payload, applied_at)
    SELECT id, aggregate_type, aggregate_id, sequence, type, payload,
           CASE WHEN for_the_feed THEN clock_timestamp() END
      FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::int[], $5::text[], $6::jsonb[], $7::boolean[])
             AS m (id, aggregate_type, aggregate_id, sequence, type, payload, for_the_feed)
    `,
    [
      messages.map(() => newId()),
      ...columnsOf(messages, 'aggregateType', 'aggregateId', 'sequence', 'type'),
      messages.map((message) => JSON.stringify(message.payload)),
      messages.map(isForTheFeedAlone),
    ],
  );
}

/**
 * The INSERT of messages inside the statement that changes their orders, which saves the saga's commit a round trip.
 * `changed` is the statement's CTE with the columns (id, version_before); the parameters of `numberedMessages` follow
 * after the first `before` ones.
 */
export const insertNumberedMessages = (changed: string, before: number) => `
    INSERT INTO outbox (id, aggregate_type, aggregate_id, sequence, type, payload, applied_at)
    SELECT m.id, 'order', ${changed}.id, ${changed}.version_before + m.nth, m.type, m.payload, m.applied_at
      FROM ${changed}
      JOIN unnest($${before + 1}::uuid[], $${before + 2}::uuid[], $${before + 3}::int[], $${before + 4}::text[],
                  $${before + 5}::jsonb[], $${before + 6}::timestamptz[])
             AS m (id, order_id, nth, type, payload, applied_at) ON m.order_id = ${changed}.id`;

/** `nth`: it is numbered by the order's version before the change plus this. */
export type NumberedMessage = Pick<NewMessage, 'type' | 'payload'> & {
  orderId: string;
  nth: number;
  at: Date;
};

export const numberedMessages = (messages: NumberedMessage[]): unknown[] => [
  messages.map(() => newId()),
  ...columnsOf(messages, 'orderId', 'nth', 'type'),
  messages.map(({ payload }) => JSON.stringify(payload)),
  messages.map((message) => (isForTheFeedAlone(message) ? message.at : null)),
];

/**
 * Records that `consumer` applied these messages, in the transaction of their effects. Returns those that it had not
 * applied before; the effects of the others must not happen again.
 *
 * This is the end-to-end acknowledgement: a message without it is relayed again.
 */
export async function receiveMessages(tx: Tx, consumer: string, messageIds: string[]): Promise<Set<string>> {
  if (messageIds.length === 0) return new Set();
  // Locked by id, as the relay does when it marks them: no deadlock.
  const received = await tx.rows<{ messageId: string }>(
    `
    WITH received AS (
      INSERT INTO inbox (consumer, message_id)
      SELECT $1::text, message_id FROM unnest($2::uuid[]) AS m (message_id) ORDER BY message_id
          ON CONFLICT DO NOTHING
      RETURNING message_id, received_at
    ), locked AS MATERIALIZED (
      SELECT o.id, o.applied_at, received.received_at
        FROM outbox o JOIN received ON received.message_id = o.id
       ORDER BY o.id
         FOR UPDATE OF o
    ), acknowledged AS (
      UPDATE outbox o SET applied_at = locked.received_at
        FROM locked
       WHERE o.id = locked.id AND locked.applied_at IS NULL
    )
    SELECT message_id AS "messageId" FROM received
    `,
    [consumer, messageIds],
  );
  return new Set(received.map(({ messageId }) => messageId));
}

/** For one message. False: it was applied before. */
export async function receiveMessage(tx: Tx, consumer: string, messageId: string): Promise<boolean> {
  return (await receiveMessages(tx, consumer, [messageId])).has(messageId);
}

/** Returns how many it deleted: as many as `limit` when more may be left. */
export async function deleteOldInboxRows(
  queryable: Queryable,
  hours: number,
  limit: number,
): Promise<number> {
  const deleted = await queryable.rows(
    `
    DELETE FROM inbox
     WHERE (consumer, message_id) IN (SELECT consumer, message_id FROM inbox
                                       WHERE received_at < statement_timestamp() - $1::int * interval '1 hour'
                                       LIMIT $2::int)
    RETURNING message_id
    `,
    [hours, limit],
  );
  return deleted.length;
}
