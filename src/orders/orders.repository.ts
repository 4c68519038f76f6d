import { type Queryable, type Tx, columnsOf } from '../database/database';
import {
  type FeedMessage,
  type MessageType,
  type NumberedMessage,
  appendMessages,
  insertNumberedMessages,
  numberedMessages,
} from '../outbox/outbox.repository';
import type { PaymentOptions } from '../payment/payment-options';
import type { CaptureMode, OnDecline, OrderEntity, OrderStatus } from './order.entity';
import type { OrderEnd } from './saga-state';

export interface NewOrder extends Omit<
  OrderEntity,
  'status' | 'rejectionReason' | 'version' | 'placedAt' | 'endedAt' | 'paymentAttempt' | 'pastVersions'
> {
  lines: { sku: string; quantity: number; unitAmount: number }[];
}

export async function insertOrders(tx: Tx, orders: NewOrder[]): Promise<void> {
  const lines = orders.flatMap((order) => order.lines.map((line) => ({ ...line, of: order.id })));
  await tx.affected(
    `
    WITH placed AS (
      INSERT INTO orders (id, principal, customer_id, reservation_id, payment_method, status, total_amount, currency, metadata,
                          created_at, payment, capture, on_decline)
      SELECT id, principal, customer_id, reservation_id, payment_method, 'pending', total_amount, currency, metadata,
             created_at, payment, capture, on_decline
        FROM unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::text[], $6::bigint[], $7::text[], $8::jsonb[], $9::timestamptz[],
                    $10::jsonb[], $15::text[], $16::jsonb[])
               AS n (id, principal, customer_id, reservation_id, payment_method, total_amount, currency, metadata, created_at,
                     payment, capture, on_decline)
    )
    INSERT INTO order_lines (order_id, sku, quantity, unit_amount)
    SELECT order_id, sku, sum(quantity)::bigint, min(unit_amount)
      FROM unnest($11::uuid[], $12::text[], $13::int[], $14::bigint[]) AS n (order_id, sku, quantity, unit_amount)
     GROUP BY order_id, sku
    `,
    [
      ...columnsOf(orders, 'id', 'principal', 'customerId', 'reservationId', 'paymentMethod'),
      ...columnsOf(orders, 'totalAmount', 'currency'),
      orders.map((order) => JSON.stringify(order.metadata)),
      orders.map((order) => order.createdAt.toISOString()),
      orders.map(({ payment }) => payment && JSON.stringify(payment)),
      ...columnsOf(lines, 'of', 'sku', 'quantity', 'unitAmount'),
      ...columnsOf(orders, 'capture'),
      orders.map(({ onDecline }) => onDecline && JSON.stringify(onDecline)),
    ],
  );
}

/** Sends the message of a cancellation or refund request. The order's version grows, so that its messages keep their order. */
export async function announceCancellation(
  tx: Tx,
  type: 'order.cancel_requested' | 'order.refund_requested',
  orderId: string,
): Promise<void> {
  const [row] = await tx.rows<{ version: number; principal: string }>(
    `UPDATE orders SET version = version + 1 WHERE id = $1::uuid RETURNING version, principal`,
    [orderId],
  );
  const { version: sequence, principal } = row!;
  await appendMessages(tx, [
    { aggregateType: 'order', aggregateId: orderId, principal, sequence, type, payload: {} },
  ]);
}

/**
 * Messages about an order's money that its saga did not cause. The version grows even without a message, because what the order
 * shows has changed.
 */
export async function announceFacts(
  tx: Tx,
  orderId: string,
  messages: { type: MessageType; payload: Record<string, unknown> }[],
): Promise<void> {
  const [row] = await tx.rows<{ version: number; principal: string }>(
    `UPDATE orders SET version = version + $2::int WHERE id = $1::uuid RETURNING version, principal`,
    [orderId, Math.max(1, messages.length)],
  );
  const { version, principal } = row!;
  const before = version - messages.length;
  await appendMessages(
    tx,
    messages.map((message, nth) => ({
      ...message,
      aggregateType: 'order',
      aggregateId: orderId,
      principal,
      sequence: before + nth + 1,
    })),
  );
}

/** The principal that owns it. Undefined: there is no such order. */
export async function ownerOfOrder(queryable: Queryable, orderId: string): Promise<string | undefined> {
  const [row] = await queryable.rows<{ principal: string }>(
    `SELECT principal FROM orders WHERE id = $1::uuid`,
    [orderId],
  );
  return row?.principal;
}

export const linesOfOrder = (queryable: Queryable, orderId: string): Promise<NewOrder['lines']> =>
  queryable.rows(
    `SELECT sku, quantity, unit_amount AS "unitAmount" FROM order_lines WHERE order_id = $1::uuid ORDER BY sku`,
    [orderId],
  );

/** What a saga knows of its order. It changes only under the saga's lock. */
export interface OrderFacts {
  orderId: string;
  status: OrderStatus;
  reservationId: string;
  paymentMethod: string;
  payment: PaymentOptions | null;
  amount: number;
  currency: string;
  createdAt: Date;
  capture: CaptureMode;
  onDecline: OnDecline | null;
  /** The present one, from 1. */
  paymentAttempt: number;
}

export async function orderFactsOf(tx: Tx, orderIds: string[]): Promise<OrderFacts[]> {
  return tx.rows<OrderFacts>(
    `
    SELECT id AS "orderId", status, reservation_id AS "reservationId", payment_method AS "paymentMethod",
           payment, total_amount AS amount, currency, created_at AS "createdAt", capture, on_decline AS "onDecline",
           payment_attempt AS "paymentAttempt"
      FROM orders
     WHERE id = ANY ($1::uuid[])
    `,
    [orderIds],
  );
}

/** One change of an order's status, or other news of it, with the message about it. */
export interface OrderMove {
  orderId: string;
  reservationId: string;
  from: OrderStatus;
  to: OrderStatus;
  reason: string | null;
  /** For the feed: a saga's commit wakes no relay. */
  message: FeedMessage;
  /** What the message says beside the reason. */
  facts?: Record<string, unknown>;
  at: Date;
}

/** The status, reason and message of each end. */
export const orderEnds: Record<OrderEnd, Pick<OrderMove, 'to' | 'reason' | 'message'>> = {
  payment_declined: { to: 'rejected', reason: 'payment_declined', message: 'order.rejected' },
  reservation_expired: { to: 'rejected', reason: 'reservation_expired', message: 'order.rejected' },
  cancelled: { to: 'rejected', reason: 'cancelled', message: 'order.rejected' },
  abandoned: { to: 'rejected', reason: 'abandoned', message: 'order.rejected' },
  placed_then_cancelled: { to: 'cancelled', reason: null, message: 'order.cancelled' },
  placed_then_refunded: { to: 'refunded', reason: null, message: 'order.refunded' },
};

/** Writes each order's last status, and a message for each move, numbered by the order's version. */
export async function moveOrders(tx: Tx, movesOfOrders: (readonly OrderMove[])[]): Promise<void> {
  const moved = movesOfOrders.filter((moves) => moves.length > 0);
  if (moved.length === 0) return;
  const last = moved.map((moves) => moves[moves.length - 1]!);
  // guard: messages-of-moves
  const sent = moved.flatMap((moves) => moves.map((move, index) => messageOf(move, index + 1)));
  const messages = await tx.affected(
    `
    WITH moved AS (
      UPDATE orders o
         SET status = n.to_status,
             rejection_reason = n.reason,
             placed_at = CASE WHEN n.to_status = 'placed' THEN n.at ELSE o.placed_at END,
             ended_at = CASE WHEN n.to_status = 'pending' THEN NULL ELSE n.at END,
             reservation_id = n.reservation_id,
             past_versions = o.past_versions
                           + CASE WHEN n.reservation_id = o.reservation_id THEN 0
                                  ELSE (SELECT r.version FROM reservations r WHERE r.id = o.reservation_id) END,
             version = o.version + n.moves
        FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::uuid[], $7::int[])
               AS n (id, from_status, to_status, reason, at, reservation_id, moves)
       WHERE o.id = n.id AND o.status = n.from_status
      RETURNING o.id, o.version - n.moves AS version_before, o.principal
    )
    ${insertNumberedMessages('moved', 7)}
    `,
    [
      last.map((move) => move.orderId),
      moved.map((moves) => moves[0]!.from),
      ...columnsOf(last, 'to', 'reason', 'at', 'reservationId'),
      // guard: versions-of-moves
      moved.map((moves) => moves.length),
      ...numberedMessages(tx, sent),
    ],
  );
  if (messages !== sent.length) throw new Error('Bug: an order was not in the state that its saga left.');
}

/** The `nth` message of an order's moves. */
const messageOf = (
  { orderId, reservationId, reason, message: type, facts, at }: OrderMove,
  nth: number,
): NumberedMessage => ({
  orderId,
  nth,
  type,
  payload: { reservationId, reason: reason ?? undefined, ...facts },
  at,
});
