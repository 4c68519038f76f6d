import { type Queryable, type Tx, columnsOf } from '../database/database';
import { newId } from '../ids';
import type { QueueName } from '../queue/queues';

/**
 * What a message wakes:
 *
 * a queue  its consumer acts on it and acknowledges it in the commit of the effect
 * alarm    the relay adds the alarm of the reservation's end and acknowledges it
 * feed     nobody: it is there for readers of the event feed, and counts as applied at once
 */
type Route = QueueName | 'alarm' | 'feed';

/**
 * Every type of message and its route. A message is an event in the past tense, written in the transaction of the change
 * that it reports, so that there is never one without the other.
 *
 * Each change has one message: an order's messages cover its reservation too, and a reservation's own messages report
 * what its saga did not cause.
 */
export const messageRoutes = {
  'order.accepted': 'checkout',
  'order.payment_requested': 'checkout',
  'order.cancel_requested': 'compensation',
  'order.refund_requested': 'compensation',
  'order.capture_requested': 'compensation',
  // guard: message-routes
  'order.placed': 'feed',
  'order.rejected': 'feed',
  'order.reopened': 'feed',
  'order.cancelled': 'feed',
  'order.refunded': 'feed',
  'order.payment_action_required': 'feed',
  'order.payment_declined': 'feed',
  'order.refund_succeeded': 'feed',
  'order.refund_failed': 'feed',
  'order.dispute_opened': 'feed',
  'order.dispute_closed': 'feed',
  'order.authorization_expired': 'feed',
  'order.captured': 'feed',
  'order.shipped': 'feed',
  'reservation.created': 'alarm',
  'reservation.extended': 'alarm',
  'reservation.changed': 'feed',
  'reservation.confirmed': 'feed',
  'reservation.shipped': 'feed',
  'reservation.returned': 'feed',
  // An order's saga reacts to these two; without an order they are for the feed.
  'reservation.released': 'events',
  'reservation.expired': 'events',
} as const satisfies Record<string, Route>;

export type MessageType = keyof typeof messageRoutes;

/** Messages that only the feed needs, so that no relay must be woken for them. */
export type FeedMessage = {
  [Type in MessageType]: (typeof messageRoutes)[Type] extends 'feed' ? Type : never;
}[MessageType];

/** Messages after which an order's saga is due: the commit that takes the saga acknowledges them. */
export const sagaMessages: readonly MessageType[] = (Object.keys(messageRoutes) as MessageType[]).filter(
  (type) => messageRoutes[type] === 'checkout' || messageRoutes[type] === 'compensation',
);

export interface NewMessage {
  aggregateType: 'order' | 'reservation';
  aggregateId: string;
  /** Whose it is. */
  principal: string;
  /** The aggregate's own version after the change: messages of one aggregate are relayed in this order. */
  sequence: number;
  type: MessageType;
  payload: Record<string, unknown>;
  /** Its id, when this process has claimed it from its birth: it gives the message to its relay after the commit. */
  claimedAs?: string;
}

/** Messages of a relay that died between claim and mark are claimed by another after this time. */
export const claimLeaseMs = 5_000;

/** An event is never older than what readers may have seen: see `newest-event.ts`. */
const writtenAt = (newest: string) => `greatest(clock_timestamp(), ${newest}::timestamptz)`;

const isForTheFeedAlone = ({ type, payload }: Pick<NewMessage, 'type' | 'payload'>): boolean =>
  messageRoutes[type] === 'feed' || (messageRoutes[type] === 'events' && payload.orderId === null);

/**
 * Writes messages with the change that caused them. The relay sends them after the commit; those for the feed alone count
 * as applied at once.
 */
export async function appendMessages(tx: Tx, messages: NewMessage[]): Promise<void> {
  if (messages.length === 0) return;
  await tx.affected(
    `
    INSERT INTO outbox (id, aggregate_type, aggregate_id, sequence, type, payload, applied_at, relay_epoch, next_relay_at,
                        principal, created_at)
    SELECT id, aggregate_type, aggregate_id, sequence, type, payload,
           CASE WHEN for_the_feed THEN clock_timestamp() END,
           CASE WHEN claimed THEN 1 ELSE 0 END,
           clock_timestamp() + CASE WHEN claimed THEN $9::int ELSE 0 END * interval '1 millisecond',
           principal, ${writtenAt('$11')}
      FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::int[], $5::text[], $6::jsonb[], $7::boolean[], $8::boolean[],
                  $10::text[])
             AS m (id, aggregate_type, aggregate_id, sequence, type, payload, for_the_feed, claimed, principal)
    `,
    [
      messages.map(({ claimedAs }) => claimedAs ?? newId()),
      ...columnsOf(messages, 'aggregateType', 'aggregateId', 'sequence', 'type'),
      messages.map((message) => JSON.stringify(message.payload)),
      messages.map(isForTheFeedAlone),
      messages.map(({ claimedAs }) => claimedAs !== undefined),
      claimLeaseMs,
      ...columnsOf(messages, 'principal'),
      tx.newestEventAt,
    ],
  );
}

/**
 * The INSERT of messages inside the statement that changes their orders, which saves the saga's commit a round trip.
 * `changed` is the statement's CTE with the columns (id, version_before, principal); the parameters of `numberedMessages` follow
 * after the first `before` ones.
 */
export const insertNumberedMessages = (changed: string, before: number) => `
    INSERT INTO outbox (id, aggregate_type, aggregate_id, sequence, type, payload, applied_at, principal, created_at)
    SELECT m.id, 'order', ${changed}.id, ${changed}.version_before + m.nth, m.type, m.payload, m.applied_at,
           ${changed}.principal, ${writtenAt(`$${before + 7}`)}
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

export const numberedMessages = (tx: Tx, messages: NumberedMessage[]): unknown[] => [
  messages.map(() => newId()),
  ...columnsOf(messages, 'orderId', 'nth', 'type'),
  messages.map(({ payload }) => JSON.stringify(payload)),
  messages.map((message) => (isForTheFeedAlone(message) ? message.at : null)),
  tx.newestEventAt,
];

/**
 * Acknowledges messages in the transaction of their effects, under their rows' locks. Returns those that were not applied
 * before; the effects of the others must not happen again.
 *
 * A message without this is relayed again.
 */
export async function receiveMessages(tx: Tx, messageIds: string[]): Promise<Set<string>> {
  if (messageIds.length === 0) return new Set();
  // Locked by id, as the relay does when it marks them: no deadlock.
  const waiting = await tx.rows<{ id: string; now: Date }>(
    `
    WITH locked AS MATERIALIZED (
      SELECT id, applied_at
        FROM outbox
       WHERE id = ANY ($1::uuid[])
       ORDER BY id
         FOR UPDATE
    )
    SELECT id, clock_timestamp() AS now FROM locked WHERE applied_at IS NULL
    `,
    [messageIds],
  );
  if (waiting.length === 0) return new Set();
  const ids = waiting.map(({ id }) => id);
  await tx.affected(`UPDATE outbox SET applied_at = $2::timestamptz WHERE id = ANY ($1::uuid[])`, [
    ids,
    waiting[waiting.length - 1]!.now,
  ]);
  return new Set(ids);
}

/**
 * Acknowledges what announced that these orders' sagas are due, sent or not. The caller has locked the sagas, so nothing
 * is announced meanwhile. `coalesce` forces the lookup by the order: docs/decisions/0025.
 */
export async function receiveSagaMessages(tx: Tx, orderIds: string[], now: Date): Promise<void> {
  await tx.affected(
    `
    WITH waiting AS MATERIALIZED (
      SELECT id
        FROM outbox
       WHERE aggregate_id = ANY ($1::uuid[])
         AND type = ANY ($2::text[])
         AND coalesce(applied_at, 'infinity') = 'infinity'
       ORDER BY id
         FOR UPDATE
    )
    UPDATE outbox o SET applied_at = $3::timestamptz FROM waiting WHERE o.id = waiting.id
    `,
    [orderIds, sagaMessages, now],
  );
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
