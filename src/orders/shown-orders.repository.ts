import type { Queryable } from '../database/database';
import type { ReservationStatus } from '../inventory/reservations/reservation.entity';
import { givenBackOf } from '../inventory/reservations/sold-lines.repository';
import type { ShipmentEntity } from '../inventory/shipments/shipment.entity';
import type { PaymentOperation } from '../payment/payment-operations.repository';
import type { OrderEntity } from './order.entity';
import type { SagaStatus } from './saga-state';

/** Orders as they are shown, with everything that belongs to them. */

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
  /** See `shownVersion`. It is not the number of its last event. */
  version: number;
  now: Date;
  saga: { status: SagaStatus; step: string };
  operations: OrderOperation[];
  refunds: OrderRefund[];
  facts: OrderFact[];
}

/**
 * Grows with every committed change of what an order shows, from `orders o`, `sagas s` and `reservations r`: each of them
 * counts its changes, and what is in other tables changes in a transaction that raises one of these.
 */
export const shownVersion = `o.past_versions + o.version + s.version + r.version`;

/** For SELECTs of whole orders from `orders o`, `sagas s` and `reservations r`. */
export const orderColumns = `
  o.id, o.principal, o.customer_id AS "customerId", o.reservation_id AS "reservationId", o.status,
  o.rejection_reason AS "rejectionReason", o.total_amount AS "totalAmount", o.currency, o.metadata, o.capture,
  ${shownVersion} AS version,
  o.created_at AS "createdAt", o.placed_at AS "placedAt", o.ended_at AS "endedAt",
  o.on_decline AS "onDecline", o.payment_attempt AS "paymentAttempt", r.expires_at AS "expiresAt",
  r.status AS "reservationStatus", clock_timestamp() AS now,
  json_build_object('status', s.status, 'step', s.step) AS saga,
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
  const [order] = await findOrders(queryable, [id]);
  return order;
}

/** In any order. */
export const findOrders = (queryable: Queryable, ids: string[]): Promise<Order[]> =>
  queryable.rows<Order>(
    `SELECT ${orderColumns} FROM orders o JOIN sagas s ON s.order_id = o.id JOIN reservations r ON r.id = o.reservation_id WHERE o.id = ANY ($1::uuid[])`,
    [ids],
  );

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
