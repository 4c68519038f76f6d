import { type Queryable, type Tx, columnsOf } from '../database/database';
import {
  type FeedMessage,
  type MessageType,
  type NumberedMessage,
  appendMessages,
  insertNumberedMessages,
  numberedMessages,
} from '../outbox/outbox.repository';
import { givenBackOf } from '../inventory/reservations/sold-lines.repository';
import type { ShipmentEntity } from '../inventory/shipments/shipment.entity';
import type { PaymentOperation } from '../payment/payment-operations.repository';
import type { PaymentOptions } from '../payment/payment-options';
import type { ReservationStatus } from '../inventory/reservations/reservation.entity';
import type { CaptureMode, OnDecline, OrderEntity, OrderStatus } from './order.entity';
import type { OrderEnd, SagaStatus } from './saga-state';

export interface NewOrder extends Omit<
  OrderEntity,
  'status' | 'rejectionReason' | 'version' | 'placedAt' | 'endedAt' | 'paymentAttempt' | 'pastVersions'
> {
  lines: { sku: string; quantity: number; unitAmount: number }[];
}

/** A fact as one statement reads it with its order, so its times are text. */
export interface OrderFact {
  type: string;
  amount: number;
  currency: string;
  at: string;
  reference: string;
  status: string | null;
  dueBy: string | null;
  settledAt: string | null;
}

/** As one statement reads it with its order, so its time is text. */
export type OrderShipment = Pick<ShipmentEntity, 'id' | 'status' | 'lines' | 'reference'> & {
  createdAt: string;
};

/** An operation as one statement reads it with its order, so its time is text. */
export interface OrderOperation extends Pick<
  PaymentOperation,
  | 'kind'
  | 'status'
  | 'providerReference'
  | 'declineCode'
  | 'waitsFor'
  | 'failureReason'
  | 'paymentAttempt'
  | 'mayTryAnotherCard'
  | 'amount'
  | 'request'
  | 'taskId'
> {
  stripeAccount: string | null;
  actionExpiresAt: string | null;
  captureBefore: string | null;
}

/** A refund in part. Its time is text too. */
export interface OrderRefund {
  id: string;
  status: 'due' | 'stuck' | 'done' | 'failed';
  amount: number;
  lines: { sku: string; quantity: number; restock: 'sellable' | 'none'; givenBack: number }[] | null;
  reason: string;
  createdAt: string;
}

/** With what became of its units since they were sold. */
export interface OrderLine {
  sku: string;
  quantity: number;
  unitAmount: number;
  shipped: number;
  givenBack: number;
  returned: number;
}

export interface Order extends Omit<OrderEntity, 'paymentMethod' | 'payment' | 'pastVersions'> {
  lines: OrderLine[];
  /** Of its sold units. `left`: neither shipped nor given back. */
  units: { shipped: number; left: number };
  shipments: OrderShipment[];
  expiresAt: Date;
  reservationStatus: ReservationStatus;
  now: Date;
  saga: { status: SagaStatus; step: string; version: number };
  operations: OrderOperation[];
  refunds: OrderRefund[];
  facts: OrderFact[];
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
  const [row] = await tx.rows<{ version: number }>(
    `UPDATE orders SET version = version + 1 WHERE id = $1::uuid RETURNING version`,
    [orderId],
  );
  const sequence = row!.version;
  await appendMessages(tx, [{ aggregateType: 'order', aggregateId: orderId, sequence, type, payload: {} }]);
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
  const [row] = await tx.rows<{ version: number }>(
    `UPDATE orders SET version = version + $2::int WHERE id = $1::uuid RETURNING version`,
    [orderId, Math.max(1, messages.length)],
  );
  const before = row!.version - messages.length;
  await appendMessages(
    tx,
    messages.map((message, nth) => ({
      ...message,
      aggregateType: 'order',
      aggregateId: orderId,
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
             version = o.version + n.moves
        FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::uuid[], $7::int[])
               AS n (id, from_status, to_status, reason, at, reservation_id, moves)
       WHERE o.id = n.id AND o.status = n.from_status
      RETURNING o.id, o.version - n.moves AS version_before
    )
    ${insertNumberedMessages('moved', 7)}
    `,
    [
      last.map((move) => move.orderId),
      moved.map((moves) => moves[0]!.from),
      ...columnsOf(last, 'to', 'reason', 'at', 'reservationId'),
      // guard: versions-of-moves
      moved.map((moves) => moves.length),
      ...numberedMessages(sent),
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

/** For SELECTs of whole orders from `orders o`, `sagas s` and `reservations r`. */
export const orderColumns = `
  o.id, o.principal, o.customer_id AS "customerId", o.reservation_id AS "reservationId", o.status,
  o.rejection_reason AS "rejectionReason", o.total_amount AS "totalAmount", o.currency, o.metadata, o.version, o.capture,
  o.created_at AS "createdAt", o.placed_at AS "placedAt", o.ended_at AS "endedAt",
  o.on_decline AS "onDecline", o.payment_attempt AS "paymentAttempt", r.expires_at AS "expiresAt",
  r.status AS "reservationStatus", clock_timestamp() AS now,
  json_build_object('status', s.status, 'step', s.step, 'version', s.version) AS saga,
  (SELECT json_agg(json_build_object('sku', ol.sku, 'quantity', ol.quantity, 'unitAmount', ol.unit_amount,
                                     'shipped', g.shipped, 'givenBack', g.given_back, 'returned', g.returned) ORDER BY ol.sku)
     FROM order_lines ol
    CROSS JOIN LATERAL (SELECT coalesce(sum(l.shipped), 0) AS shipped, coalesce(sum(${givenBackOf}), 0) AS given_back,
                               coalesce(sum(l.returned), 0) AS returned
                          FROM reservation_lines l WHERE l.reservation_id = r.id AND l.sku = ol.sku) g
    WHERE ol.order_id = o.id) AS lines,
  (SELECT json_build_object('shipped', sum(l.shipped),
                            'left', CASE WHEN r.returned_at IS NULL THEN sum(l.quantity - l.shipped - l.given_back) ELSE 0 END)
     FROM reservation_lines l WHERE l.reservation_id = r.id) AS units,
  coalesce((SELECT json_agg(json_build_object('id', h.id, 'status', h.status, 'lines', h.lines, 'reference', h.reference,
                                              'createdAt', h.created_at) ORDER BY h.id)
              FROM shipments h WHERE h.order_id = o.id), '[]') AS shipments,
  coalesce((SELECT json_agg(json_build_object('id', t.id, 'status', t.status, 'amount', t.amount, 'lines', t.lines,
                                              'reason', t.reason, 'createdAt', t.created_at) ORDER BY t.id)
              FROM payment_tasks t WHERE t.order_id = o.id AND t.kind = 'refund'), '[]') AS refunds,
  coalesce((SELECT json_agg(json_build_object('kind', p.kind, 'status', p.status, 'providerReference', p.provider_reference,
                                              'declineCode', p.decline_code, 'waitsFor', p.waits_for,
                                              'failureReason', p.failure_reason, 'paymentAttempt', p.payment_attempt,
                                              'mayTryAnotherCard', p.may_try_another_card,
                                              'stripeAccount', p.stripe_account, 'amount', p.amount,
                                              'request', p.request, 'taskId', p.task_id,
                                              'actionExpiresAt', p.action_expires_at,
                                              'captureBefore', p.capture_before) ORDER BY p.id)
              FROM payment_operations p WHERE p.order_id = o.id), '[]') AS operations,
  coalesce((SELECT json_agg(json_build_object('type', f.type, 'amount', f.amount, 'currency', f.currency, 'at', f.at,
                                              'reference', f.reference, 'status', f.status, 'dueBy', f.due_by,
                                              'settledAt', f.settled_at) ORDER BY f.at, f.id)
              FROM payment_facts f WHERE f.order_id = o.id), '[]') AS facts`;

export async function findOrder(queryable: Queryable, id: string): Promise<Order | undefined> {
  const [order] = await queryable.rows<Order>(
    `SELECT ${orderColumns} FROM orders o JOIN sagas s ON s.order_id = o.id JOIN reservations r ON r.id = o.reservation_id WHERE o.id = $1::uuid`,
    [id],
  );
  return order;
}

export interface OrderFilter {
  principal: string | null;
  customerId: string | null;
  statuses: string[] | null;
}

/** A shop's own orders, newest first; `after` is the id of the last one already seen. */
export function listOrders(queryable: Queryable, filter: OrderFilter, limit: number, after: string | null) {
  return queryable.rows<Order>(
    `
    SELECT ${orderColumns}
      FROM orders o JOIN sagas s ON s.order_id = o.id JOIN reservations r ON r.id = o.reservation_id
     WHERE ($1::text IS NULL OR o.principal = $1::text)
       AND ($2::text IS NULL OR o.customer_id = $2::text)
       AND ($3::text[] IS NULL OR o.status = ANY ($3::text[]))
       AND ($4::uuid IS NULL OR o.id < $4::uuid)
     ORDER BY o.id DESC
     LIMIT $5::int
    `,
    [filter.principal, filter.customerId, filter.statuses, after, limit + 1],
  );
}
