import { IsIn } from 'class-validator';
import { AreSomeOf, IsInstant, MayBeAbsent } from '../../http/validation';
import { stepNames } from '../../orders/checkout-saga/checkout.saga';
import { OrderListQuery } from '../../orders/orders.dto';
import { sagaStatusType } from '../../orders/orders.responses';
import { type Queryable, columnsOf } from '../../database/database';
import { idsOfPeriod, lastId, misdatedOf } from '../../ids';
import type { OrderEnd, SagaStatus } from '../../orders/saga-state';
import type { OrderStatus } from '../../orders/order.entity';
import { orderEnds } from '../../orders/orders.repository';
import { type Order, orderColumns } from '../../orders/shown-orders.repository';

export class AdminOrderListQuery extends OrderListQuery {
  @MayBeAbsent({ description: 'One status, or several separated by commas.', example: 'stuck' })
  @AreSomeOf(sagaStatusType.options)
  sagaStatus?: string;

  @MayBeAbsent({ description: 'The step it stands at; several separated by commas.', example: stepNames[2] })
  @AreSomeOf(stepNames)
  step?: string;

  @MayBeAbsent({ description: 'Only those with a payment that was not heard of.', enum: ['unknown'] })
  @IsIn(['unknown'], { message: 'paymentStatus can only be unknown' })
  paymentStatus?: 'unknown';

  @MayBeAbsent({ description: 'Created at this instant or later.', example: '2026-11-20T10:00:00Z' })
  @IsInstant()
  from?: string;

  @MayBeAbsent({ description: 'Created before this instant.', example: '2026-11-20T11:00:00Z' })
  @IsInstant()
  to?: string;
}

/**
 * Orders with an operator's filters. A page costs as much as its rows, however many orders there are.
 *
 * The indexes are on sagas, one for unfinished sagas and one for each end, because a saga's row is rewritten with every
 * step anyway and orders stay free of them.
 */
export interface OrderFilter {
  /** Null means all, here and below. */
  statuses: OrderStatus[] | null;
  sagaStatuses: SagaStatus[] | null;
  steps: string[] | null;
  customerId: string | null;
  /** Only those with a payment whose result is unknown. */
  paymentUnknown: boolean;
  /** When it was created: from the first, and before the second. */
  from: Date | null;
  to: Date | null;
}

const residual = `
  ($6::text[] IS NULL OR o.status = ANY ($6::text[]))
  AND ($7::text[] IS NULL OR s.status = ANY ($7::text[]))
  AND ($8::text[] IS NULL OR s.step = ANY ($8::text[]))
  AND ($9::timestamptz IS NULL OR o.created_at >= $9::timestamptz)
  AND ($10::timestamptz IS NULL OR o.created_at < $10::timestamptz)`;

/**
 * Sagas of one state after the other, each by an index in the order of their ids. Orders are bounded too, because the
 * planner does not carry a bound over a join, and a merge join would begin at the newest order.
 */
const branch = (state: string, from: string) => `
  SELECT f.order_id AS id
    FROM ${from}
    CROSS JOIN LATERAL (
      SELECT s.order_id
        FROM sagas s JOIN orders o ON o.id = s.order_id
       WHERE ${state} AND s.order_id < $1::uuid AND s.order_id >= $2::uuid
         AND o.id < $1::uuid AND o.id >= $2::uuid AND ${residual}
       ORDER BY s.order_id DESC
       LIMIT $3::int) f`;

const bySaga = [
  branch(
    `s.status = w.status AND s.step = w.step AND s.status IN ('running', 'compensating', 'stuck')`,
    `unnest($4::text[], $5::text[]) AS w (status, step)`,
  ),
  branch(`s.status = 'completed'`, `(SELECT WHERE $11::boolean) AS w`),
  branch(`s.status = 'compensated' AND s.ends_as = w.ends_as`, `unnest($12::text[]) AS w (ends_as)`),
].join(' UNION ALL ');

const byOrder = (condition: string) => `
  SELECT o.id
    FROM orders o JOIN sagas s ON s.order_id = o.id
   WHERE ${condition} AND o.id < $1::uuid AND o.id >= $2::uuid AND ${residual}`;

const ofCustomer = `
   o.customer_id = $4::text
   AND (NOT $5::boolean
        OR EXISTS (SELECT FROM payment_operations p WHERE p.order_id = o.id AND p.status = 'unknown'))`;
const withUnknownPayment = `
   o.id IN (SELECT p.order_id FROM payment_operations p WHERE p.status = 'unknown')
   AND $4::text IS NULL AND $5::boolean`;

/** Rows whose ids disagree with their time, by their dates: there are few, and they have a partial index. */
const misdated = (condition: string, before: string) => `
  SELECT o.id
    FROM orders o JOIN sagas s ON s.order_id = o.id
   WHERE o.id = ANY (${misdatedOf('orders', 'created_at', { from: '$9', to: '$10' })})
     AND ${condition} AND ${residual}
     AND o.id < ${before}::uuid AND NOT (o.id < $1::uuid AND o.id >= $2::uuid)`;

const ways = {
  bySaga: `${bySaga} UNION ALL ${misdated('true', '$13')}`,
  byCustomer: `${byOrder(ofCustomer)} UNION ALL ${misdated(ofCustomer, '$11')}`,
  byUnknownPayment: `${byOrder(withUnknownPayment)} UNION ALL ${misdated(withUnknownPayment, '$11')}`,
};

const pageOf = (way: keyof typeof ways) => `
  WITH page AS MATERIALIZED (SELECT w.id FROM (${ways[way]}) w ORDER BY w.id DESC LIMIT $3::int)
  SELECT ${orderColumns}
    FROM page JOIN orders o ON o.id = page.id JOIN sagas s ON s.order_id = o.id
    JOIN reservations r ON r.id = o.reservation_id
   ORDER BY o.id DESC`;

/** Newest first; `before` is the id of the last one already seen. Returns one more than `limit` if there are more. */
export function listAllOrders(
  queryable: Queryable,
  filter: OrderFilter,
  { limit, before }: { limit: number; before: string | null },
): Promise<Order[]> {
  const { first, below } = idsOfPeriod(filter, before);
  const common = [below, first, limit + 1];
  const rest = [filter.statuses, filter.sagaStatuses, filter.steps, filter.from, filter.to];
  if (filter.customerId !== null || filter.paymentUnknown) {
    const way = filter.customerId === null ? 'byUnknownPayment' : 'byCustomer';
    const asked = [filter.customerId, filter.paymentUnknown];
    return queryable.rows(pageOf(way), [...common, ...asked, ...rest, before ?? lastId]);
  }
  const { unfinished, completed, compensated } = statesOf(filter);
  return queryable.rows(pageOf('bySaga'), [
    ...common,
    ...columnsOf(unfinished, 'status', 'step'),
    ...rest,
    completed,
    compensated,
    before ?? lastId,
  ]);
}

/** The saga states that orders with these filters can have; the order's row then decides. */
function statesOf({ statuses, sagaStatuses, steps }: OrderFilter) {
  const isAsked = (status: SagaStatus) => sagaStatuses?.includes(status) ?? true;
  const isAmong = (status: OrderStatus) => statuses?.includes(status) ?? true;
  const underWay = (['running', 'compensating', 'stuck'] as const).filter(
    // A running saga has a pending order.
    (status) => isAsked(status) && (status !== 'running' || isAmong('pending')),
  );
  return {
    unfinished: underWay.flatMap((status) => (steps ?? stepNames).map((step) => ({ status, step }))),
    completed: isAsked('completed') && isAmong('placed'),
    compensated: (Object.keys(orderEnds) as OrderEnd[]).filter(
      (end) => isAsked('compensated') && isAmong(orderEnds[end].to),
    ),
  };
}
