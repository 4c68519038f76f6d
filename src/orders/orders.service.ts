import { Injectable } from '@nestjs/common';
import { Database, type Tx } from '../database/database';
import { unavailable } from '../errors';
import { type Principal, ownerFilter } from '../auth/auth.guard';
import { replayOf } from '../idempotency/idempotency.repository';
import { hasShipments } from '../inventory/shipments/shipments.repository';
import { Relay } from '../outbox/relay';
import { isDisputed } from '../payment/payment-facts.repository';
import { stepsOf } from './checkout-saga/checkout.saga';
import { codeVersion } from './checkout-saga/code-version';
import { isLeased, lockSaga, saveSagas } from './checkout-saga/saga.repository';
import type { Reason } from './checkout-saga/transition-codes';
import { SagaUpdate, workerName } from './checkout-saga/saga-update';
import {
  orderAlreadyRejected,
  orderNotPlaced,
  orderShipped,
  paymentInProgress,
  disputed,
  noSuchOrder,
} from './orders.errors';
import { isCapturing } from './fulfilment/payment-tasks.repository';
import { announceCancellation } from './orders.repository';
import { type Order, findOrder } from './shown-orders.repository';

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
      const refusal = orderNotPlaced(
        'The order is still being charged. Cancel it, or refund it when it is placed.',
      );
      throw saga.endsAs ? refusal : refusal.forNow();
    }
    if (await isDisputed(tx, orderId)) throw disputed();
    await refuseShipped(tx, orderId);
    if (await isCapturing(tx, orderId))
      throw paymentInProgress('Its payment is being captured. Try again when that has ended.').forNow();
    const update = new SagaUpdate(saga, stepsOf({ ...order, amount: order.totalAmount }));
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
  // guard: shipped-orders-are-not-undone
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
