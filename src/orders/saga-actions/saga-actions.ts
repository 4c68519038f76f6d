import { Injectable } from '@nestjs/common';
import { Database, type Tx } from '../../database/database';
import { type HoldfastError, unavailable } from '../../errors';
import { type Change, operatorAction } from '../../audit-log/operator-action';
import type { Principal } from '../../auth/auth.guard';
import { publicId } from '../../ids';
import { Relay } from '../../outbox/relay';
import { factsOfOrders, isDisputed } from '../../payment/payment-facts.repository';
import type { OrderPayments } from '../../payment/order-payments';
import type { PaymentOperation } from '../../payment/payment-operations.repository';
import { hasFailedRefund } from '../../payment/payment-status';
import { isUnanswered } from '../checkout-saga/advance';
import { type Checkout, loadCheckouts, saveCheckouts } from '../checkout-saga/checkout';
import { stepsOf } from '../checkout-saga/checkout.saga';
import { codeVersion } from '../checkout-saga/code-version';
import type { Saga } from '../saga-state';
import type { Reason } from '../checkout-saga/transition-codes';
import { isLeased, lockSaga } from '../checkout-saga/saga.repository';
import { disputed, noSuchOrder, sagaDriven, sagaGoesBack, sagaNotStuck, sagaSettled } from '../orders.errors';

/**
 * What an operator can do about a saga.
 *
 * retry       ask again now, under the same keys, so it cannot charge twice
 * compensate  undo everything, at whatever step it is: refund or void, stock back on sale, order rejected as cancelled
 * resolve     the order was settled elsewhere or is given up: it ends now and its stock goes back on sale. No known money
 *             is moved; unknown results are still asked for, and a charge that arrives then is late (LATE_PAYMENT)
 */
export type SagaAction = 'retry' | 'compensate' | 'resolve';

/** Each action is checked, done and recorded under the saga's lock, at most once per key. */
@Injectable()
export class SagaActions {
  constructor(
    private readonly db: Database,
    private readonly relay: Relay,
  ) {}

  /** True: this key did it before. Order of refusals: no such order, settled, driven by a worker, not possible. */
  async perform(
    action: SagaAction,
    orderId: string,
    { reason, key }: { reason: string; key?: string },
    actor: Principal,
  ): Promise<boolean> {
    const { status } = await operatorAction(
      this.db,
      {
        transaction: 'operator-action',
        actor,
        reason,
        object: { type: 'order', id: publicId('ord', orderId) },
        once: { key, operation: `orders/${orderId}/saga/${action}` },
      },
      (tx) => this.move(tx, action, orderId, { actor: actor.name, reason }),
    );
    this.relay.poke();
    return status === 'replayed';
  }

  private async move(
    tx: Tx,
    action: SagaAction,
    orderId: string,
    data: { actor: string; reason: string },
  ): Promise<Change> {
    const saga = await lockSaga(tx, orderId);
    if (!saga) throw noSuchOrder();
    const [checkout] = await loadCheckouts(tx, [saga], stepsOf);
    const { update, payments } = checkout!;
    const refusal = refusalOf(action, saga, payments.all);
    if (refusal) throw refusal;
    const refundsAgain = action === 'retry' && hasFailedRefund(payments.all);
    if (refundsAgain && (await isRefundSettled(tx, orderId, payments)))
      throw sagaSettled(
        'The case of the failed refund is settled. A new refund would pay the customer twice.',
      );
    if ((refundsAgain || action === 'compensate') && (await isDisputed(tx, orderId))) throw disputed();
    update.noteLostWorker();
    const cause = { code: codes[action], data, why: `${action} by ${data.actor}: ${data.reason}` };
    if (action === 'retry') retry(checkout!, cause);
    if (action === 'compensate') update.apply({ type: 'compensated-by-hand' }, cause);
    if (action === 'resolve') giveUp(checkout!, cause);
    update.giveBackLease();
    await saveCheckouts(tx, [checkout!]);
    return { action: `saga.${action}`, before: shown(saga), after: shown(update.saga) };
  }
}

const codes = {
  retry: 'retried_by_operator',
  compensate: 'compensated_by_operator',
  resolve: 'resolved_by_operator',
} as const;

/** Asks again at once. A refund that failed is made again, under the next number and so a new key. */
function retry({ update, payments }: Checkout, cause: Reason): void {
  const isAgain = hasFailedRefund(payments.all);
  if (isAgain) payments.create('refund', payments.find('refund')!.amount);
  if (!isAgain || update.saga.status === 'stuck') return update.apply({ type: 'retried' }, cause);
  update.apply({ type: 'refund-retried' }, { ...cause, code: 'refund_retried_by_operator' });
}

/** An operator has settled the failed refund, so the customer has been paid in another way. */
async function isRefundSettled(tx: Tx, orderId: string, payments: OrderPayments): Promise<boolean> {
  const failed = payments.find('refund')!.providerReference;
  const facts = await factsOfOrders(tx, [orderId]);
  return facts.some(
    ({ type, reference, settledAt }) =>
      type === 'refund_failed' && reference === failed && settledAt !== null,
  );
}

/** The order ends before its money is settled. The saga keeps asking while a charge may still arrive. */
function giveUp(checkout: Checkout, cause: Reason): void {
  const { update, stock, payments } = checkout;
  const mayBeCharged = payments.all.some(isUnanswered);
  update.apply({ type: 'given-up', mayBeCharged }, cause);
  stock.undo(`order given up: ${cause.why}`);
  checkout.end();
}

/** Why the action is not possible now; undefined when it is. */
export function refusalOf(
  action: SagaAction,
  saga: Saga,
  operations: readonly PaymentOperation[],
): HoldfastError | undefined {
  if (saga.codeVersion > codeVersion)
    return unavailable('A newer version of this service drives the order. Ask again in a second.');
  if (saga.status === 'completed' || saga.status === 'compensated') {
    if (action === 'retry' && hasFailedRefund(operations)) return undefined;
    return sagaSettled(
      saga.status === 'completed'
        ? 'The order is placed. To undo it, cancel or refund it.'
        : 'The saga has ended. Check the money in its timeline.',
    );
  }
  if (isLeased(saga))
    return sagaDriven('A worker is asking the provider at this moment. Try again in a few seconds.');
  if (action === 'compensate' && saga.endsAs)
    return sagaGoesBack('The saga is being compensated already. Retry it, or mark it as resolved.');
  if (action === 'resolve' && saga.status !== 'stuck' && saga.attempt === 0)
    return sagaNotStuck(
      'The saga is neither stuck nor waiting for the provider. Compensate it, or let it run.',
    );
  return undefined;
}

const shown = ({ status, step, attempt, endsAs }: Saga) => ({ status, step, attempt, endsAs });
