import type { Queryable, Tx } from '../../database/database';
import { publicId } from '../../ids';
import { factsOfOrders } from '../../payment/payment-facts.repository';
import { OrderPayments } from '../../payment/order-payments';
import {
  type PaymentOperation,
  isAuthorization,
  operationsOf,
  savePayments,
} from '../../payment/payment-operations.repository';
import { codeVersion, namingOf } from '../checkout-saga/code-version';
import { authorizationExpired } from '../orders.errors';
import { type OrderFacts, announceFacts } from '../orders.repository';
import { insertTask, newTask } from './payment-tasks.repository';

/**
 * How far the payment of a placed order is.
 *
 * captured     before it was placed, or since
 * capturing    a capture after the sale is under way, or stuck
 * held         it is set aside and can be captured
 * expired      what was set aside is not any more
 */
export type CaptureState = 'captured' | 'capturing' | 'held' | 'expired';

/** Exact while the caller holds the row lock of the order's saga. */
export async function captureStateOf(
  queryable: Queryable,
  order: OrderFacts,
  operations: PaymentOperation[],
): Promise<CaptureState> {
  // Of a free order there is nothing to capture.
  if (order.capture !== 'on_shipment' || order.amount === 0) return 'captured';
  // The void of an earlier card says nothing about the one that pays.
  const own = operations.filter(({ paymentAttempt }) => paymentAttempt === order.paymentAttempt);
  const is = (kind: string, ...statuses: string[]) =>
    own.some((one) => one.kind === kind && statuses.includes(one.status));
  if (is('capture', 'approved')) return 'captured';
  if (is('capture', 'created', 'sent', 'unknown', 'pending')) return 'capturing';
  const held = own.findLast((one) => isAuthorization(one) && one.status === 'approved');
  const facts = await factsOfOrders(queryable, [order.orderId]);
  const hasEnded = facts.some(
    ({ type, reference }) => type === 'authorization_expired' && reference === held?.providerReference,
  );
  return !held || hasEnded || is('void', 'approved') ? 'expired' : 'held';
}

export const hasExpired = () =>
  authorizationExpired(
    'What was set aside on the card is not any more, so it cannot be captured. Cancel the order to put its goods back on sale, or settle the payment with the customer in another way.',
  );

/** Writes the task and its operation, and the message that wakes a worker. */
export async function insertCapture(
  tx: Tx,
  wanted: {
    id: string;
    order: OrderFacts;
    amount: number;
    shipmentId: string | null;
    actor: string;
    now: Date;
  },
): Promise<void> {
  const { id, order, amount, shipmentId, actor, now } = wanted;
  const { orderId, currency } = order;
  const task = {
    ...newTask({ id, orderId, actor, now }),
    kind: 'capture' as const,
    amount,
    currency,
    shipmentId,
  };
  await insertTask(tx, task);
  const operations = await operationsOf(tx, orderId);
  const payments = new OrderPayments({ ...order, naming: namingOf(codeVersion) }, operations, now);
  payments.createForTask(task);
  await savePayments(tx, [payments]);
  const payload = { captureId: publicId('cap', id), amount: { amount, currency } };
  await announceFacts(tx, orderId, [{ type: 'order.capture_requested', payload }]);
}
