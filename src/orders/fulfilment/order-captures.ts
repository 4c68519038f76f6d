import { Injectable } from '@nestjs/common';
import { Database, type Tx } from '../../database/database';
import { ValidationFailed } from '../../errors';
import { Relay } from '../../outbox/relay';
import { operationsOf } from '../../payment/payment-operations.repository';
import { lockPlaced } from '../checkout-saga/placed-orders.repository';
import { nothingToCapture } from '../orders.errors';
import { type CaptureState, captureStateOf, hasExpired, insertCapture } from './captures';
import { type FulfilmentRequest, requestOnce } from './request-once';

export interface CaptureBody {
  /** In minor units. Left out: the total. */
  amount?: number;
}

/**
 * Takes the money of an order that is captured when it ships: all of it, or less, and then the rest is lifted by the
 * provider. The request writes a payment task under the row lock of the order's saga.
 */
@Injectable()
export class OrderCaptures {
  constructor(
    readonly db: Database,
    readonly relay: Relay,
  ) {}

  /** A repeat under the same key captures nothing more. */
  async request(request: FulfilmentRequest<CaptureBody>): Promise<{ replayed: boolean }> {
    const { orderId, body, principal } = request;
    const names = { transaction: 'request-capture', operation: 'orders/capture' } as const;
    return requestOnce(this, names, request, (tx, id) =>
      this.captureIn(tx, { id, orderId, body, actor: principal.name }),
    );
  }

  /** Within the transaction that has claimed the request's key. The caller pokes the relay after the commit. */
  async captureIn(
    tx: Tx,
    { id, orderId, body, actor }: { id: string; orderId: string; body: CaptureBody; actor: string },
  ): Promise<{ amount: number; total: number; currency: string }> {
    const { order, saga } = await lockPlaced(tx, orderId);
    const operations = await operationsOf(tx, orderId);
    refuseUnlessHeld(await captureStateOf(tx, order, operations));
    const amount = body.amount ?? order.amount;
    if (amount > order.amount)
      throw new ValidationFailed({
        pointer: '/amount',
        code: 'amount_over_total',
        detail: `The order's total is ${order.amount} ${order.currency} in minor units. Capture at most that.`,
      });
    await insertCapture(tx, { id, order, amount, shipmentId: null, actor, now: saga.now });
    return { amount, total: order.amount, currency: order.currency };
  }
}

function refuseUnlessHeld(state: CaptureState): void {
  if (state === 'expired') throw hasExpired();
  if (state !== 'held')
    throw nothingToCapture(
      state === 'capturing'
        ? 'A capture is under way already. Look at the payment of the order.'
        : 'The payment is captured already, or the order is free. Look at the payment of the order.',
    );
}
