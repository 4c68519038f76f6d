import { Injectable } from '@nestjs/common';
import { Database, type Tx } from '../database/database';
import { HoldfastError, unavailable } from '../errors';
import { type Principal, ownerFilter } from '../auth/auth.guard';
import { replayOf } from '../idempotency/idempotency.repository';
import { reservationExpired } from '../inventory/inventory.errors';
import { hasShipments } from '../inventory/shipments/shipments.repository';
import { Relay } from '../outbox/relay';
import { isDisputed } from '../payment/payment-facts.repository';
import type { OperationKind, OperationStatus } from '../payment/payment-operations.repository';
import { stepsOf } from './checkout-saga/checkout.saga';
import { codeVersion } from './checkout-saga/code-version';
import { isLeased, lockSaga, saveSagas } from './checkout-saga/saga.repository';
import type { Reason } from './checkout-saga/transition-codes';
import { SagaUpdate, workerName } from './checkout-saga/saga-update';
import {
  orderAbandoned,
  orderAlreadyRejected,
  orderCancelled,
  orderNotPlaced,
  orderShipped,
  paymentDeclined,
  disputed,
  noSuchOrder,
} from './orders.errors';
import { type Order, announceCancellation, findOrder } from './orders.repository';
import { type OrderResponse, orderView } from './orders.responses';

/** Reads orders, and requests cancellations and refunds. */
@Injectable()
export class OrdersService {
  constructor(
    private readonly db: Database,
    private readonly relay: Relay,
  ) {}

  /** The order, if this caller may see it. Another shop's order is not found. */
  async get(id: string, principal: Principal): Promise<Order> {
    const order = await findOrder(this.db, id);
    if (!order || (ownerFilter(principal) ?? order.principal) !== order.principal) throw noSuchOrder();
    return order;
  }

  /**
   * Requests the end of an order: a pending one is compensated, a placed one refunded, and its stock returned. A second
   * request, with any key, changes nothing.
   */
  async requestCancellation(
    id: string,
    by: 'cancel' | 'refund',
    key: string,
    principal: Principal,
  ): Promise<{ replayed: boolean }> {
    const order = await this.get(id, principal);
    const replayed = await this.db.transaction(
      'request-cancellation',
      async (tx) => {
        const operation = `orders/${by}`;
        const claim = { principal: principal.name, operation, resourceId: id, request: { id } };
        if (await replayOf(tx, key, claim)) return true;
        await this.requestEnd(tx, order, by);
        return false;
      },
      { rerunWhenCommitIsUnknown: true },
    );
    this.relay.poke();
    return { replayed };
  }

  /** Compensates the saga, or leaves the request to the worker that drives it. Does nothing when it already ends. */
  private async requestEnd(tx: Tx, order: Order, by: 'cancel' | 'refund'): Promise<void> {
    const orderId = order.id;
    const saga = await lockSaga(tx, orderId);
    if (!saga) throw noSuchOrder();
    if (saga.codeVersion > codeVersion)
      throw unavailable('A newer version of this service drives the order. Ask again in a second.');
    // Given up by an operator and not settled yet: the customer's cancellation still decides about a late charge.
    const mayComeBack = by === 'cancel' && saga.endsAs === 'abandoned' && saga.status !== 'compensated';
    if (mayComeBack && saga.requestedEnd) return;
    if (saga.requestedEnd || (saga.endsAs && !mayComeBack))
      return refuseIfRejected(await findOrder(tx, orderId), by);
    if (by === 'refund' && saga.status !== 'completed') {
      throw orderNotPlaced('The order is still being charged. Cancel it, or refund it when it is placed.');
    }
    if (await isDisputed(tx, orderId)) throw disputed();
    await refuseShipped(tx, orderId);
    const update = new SagaUpdate(saga, stepsOf(order));
    const reason: Reason = {
      code: by === 'cancel' ? 'cancel_requested' : 'refund_requested',
      why: `asked for: ${by}`,
    };
    if (isLeased(saga) || mayComeBack) {
      update.noteCancellation(by, reason);
    } else {
      update.noteLostWorker();
      update.apply({ type: 'turn-back', by }, reason);
      update.giveBackLease();
    }
    await saveSagas(tx, [update], workerName);
    await announceCancellation(
      tx,
      by === 'cancel' ? 'order.cancel_requested' : 'order.refund_requested',
      orderId,
    );
  }
}

/** Nothing ships while the caller holds the saga's row lock. */
async function refuseShipped(tx: Tx, orderId: string): Promise<void> {
  if (await hasShipments(tx, orderId))
    throw orderShipped(
      'Refund what comes back with POST /v1/orders/{id}/refunds, by lines or by an amount. It can be refunded in full there.',
    );
}

function refuseIfRejected(order: Order | undefined, by: 'cancel' | 'refund'): void {
  const reason = order?.rejectionReason;
  if (reason && (by === 'refund' || reason !== 'cancelled')) {
    throw orderAlreadyRejected(`The order was rejected (${reason}) and its stock is back on sale.`);
  }
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
