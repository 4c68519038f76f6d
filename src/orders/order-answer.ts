import type { FastifyReply } from 'fastify';
import { HoldfastError } from '../errors';
import { reservationExpired } from '../inventory/inventory.errors';
import type { OperationKind, OperationStatus } from '../payment/payment-operations.repository';
import { orderAbandoned, orderCancelled, paymentDeclined } from './orders.errors';
import type { Order } from './shown-orders.repository';
import { type OrderResponse, orderView } from './orders.responses';

/** What a request that pays for an order is answered with, at once or after a wait. */

/** Longer waits are cut to this: proxies and load balancers close silent requests soon after. */
export const waitSecondsMax = 30;

/** `Prefer: wait=N` (RFC 7240), other preferences beside it ignored. */
export function waitMs(prefer: string | undefined): number {
  const seconds = Number(/(?:^|[,;\s])wait=(\d{1,6})(?:$|[,;\s])/i.exec(prefer ?? '')?.[1] ?? 0);
  return Math.min(seconds, waitSecondsMax) * 1_000;
}

/** Sets status and headers. Throws the problem of an order that was rejected, or that waits for another card. */
export function answerWith(order: Order, reply: FastifyReply): OrderResponse {
  const answer = answerFor(order);
  if (answer instanceof HoldfastError) throw answer;
  void reply.status(answer.status).header('location', `/v1/orders/${answer.body.id}`);
  if (answer.status === 202) void reply.header('retry-after', '1');
  return answer.body;
}

/** The response for an order: the order, or a problem that says why it was rejected and contains the order. */
export function answerFor(order: Order): { status: number; body: OrderResponse } | HoldfastError {
  const view = orderView(order);
  if (order.status === 'pending') return mayPayAgain(view) ?? { status: 202, body: view };
  if (order.status === 'placed') return { status: 201, body: view };
  if (order.status !== 'rejected') return { status: 200, body: view };
  const members = { order: view };
  if (order.rejectionReason === 'payment_declined') {
    return paymentDeclined(
      'The stock is back on sale. Ask the buyer for another card and order again with a new key.',
      { declineCode: view.payment.declineCode, ...members },
    );
  }
  if (order.rejectionReason === 'reservation_expired') {
    return reservationExpired(
      'The reservation ended before its charge began; nothing was charged. Order again with a new key.',
      members,
    );
  }
  if (order.rejectionReason === 'abandoned') {
    return orderAbandoned(
      'An operator ended the order before its payment was settled, and its stock is back on sale. Before you sell the same to this buyer again, read this order: a late charge is refunded or places it after all.',
      members,
    );
  }
  return orderCancelled(`The order was cancelled before it was placed${chargeOf(order)}`, members);
}

/** The answer while the stock is held for another card. */
function mayPayAgain(order: OrderResponse): HoldfastError | undefined {
  const { declineCode, attemptsLeft, retryUntil, retryInSeconds } = order.payment;
  if (retryUntil === null) return undefined;
  return paymentDeclined(
    `The stock is held until ${retryUntil}. Ask the buyer for another card and send it to POST /v1/orders/${order.id}/payments.`,
    { declineCode, mayTryAnotherCard: true, attemptsLeft, retryUntil, retryInSeconds, order },
  );
}

/** What became of the money of an order that was cancelled before it was placed. */
function chargeOf({ operations }: Order): string {
  const is = (kind: OperationKind, ...statuses: OperationStatus[]) =>
    operations.some((operation) => operation.kind === kind && statuses.includes(operation.status));
  if (is('refund', 'approved')) return '; what was charged was refunded.';
  if (is('capture', 'approved') || is('charge', 'approved'))
    return '; what was charged has not been refunded yet.';
  const isUnknown = operations.some(({ status }) => status === 'sent' || status === 'unknown');
  return isUnknown ? '; whether anything was charged is not known yet.' : '; nothing was charged.';
}
