import type { Tx } from '../../database/database';
import { pin } from '../../inventory/held-stock';
import { findOrCreate, operationsOf } from '../../payment/payment-operations';
import { type Saga, type Step, type StepOutcome, blocked, declined, done } from '../checkout-saga/saga';

/**
 * Sets the money aside. The reservation is pinned in the same commit that records the intent, so there is no moment
 * in which a charge is under way for stock that may still expire.
 */
export class AuthorizePayment implements Step {
  readonly name = 'authorize-payment';
  readonly kind = 'compensatable';

  async run(tx: Tx, saga: Saga): Promise<StepOutcome> {
    const pinned = await pin(tx, saga.reservationId, saga.orderId);
    if (pinned === 'expired')
      return declined('reservation_expired', 'the reservation ended before its charge began');
    if (pinned === 'released')
      return declined('cancelled', 'the reservation was released before its charge began');

    const { orderId, amount, currency } = saga;
    const operation = await findOrCreate(tx, { orderId, kind: 'authorize', amount, currency });
    if (operation.status === 'approved') return done();
    if (operation.status === 'declined')
      return declined('payment_declined', operation.declineCode ?? 'declined');
    return { kind: 'ask', operation };
  }

  /**
   * Drops the authorization. One whose answer was never heard is asked for first, under its own key: not found is not
   * a no. One that was never sent is none.
   */
  async compensate(tx: Tx, saga: Saga): Promise<StepOutcome> {
    const operations = await operationsOf(tx, saga.orderId);
    const authorization = operations.find(({ kind }) => kind === 'authorize');
    if (!authorization || authorization.status === 'declined' || authorization.status === 'created')
      return done();
    if (operations.some(({ kind, status }) => kind === 'capture' && status === 'approved')) return done();
    if (authorization.status !== 'approved') return { kind: 'ask', operation: authorization };

    const { orderId, amount, currency } = saga;
    const operation = await findOrCreate(tx, { orderId, kind: 'void', amount, currency });
    if (operation.status === 'approved') return done();
    if (operation.status === 'declined') return blocked(`the void was declined: ${operation.declineCode}`);
    return { kind: 'ask', operation, authorization: authorization.providerReference ?? undefined };
  }
}
