import type { Checkout } from '../checkout-saga/checkout';
import { type Step, type StepOutcome, blocked, declined, done } from '../checkout-saga/saga';

/**
 * Sets the money aside. The reservation is pinned in the same commit that records the intent, so there is no moment
 * in which a charge is under way for stock that may still expire.
 */
export class AuthorizePayment implements Step {
  readonly name = 'authorize-payment';
  readonly kind = 'compensatable';

  run({ stock, payments }: Checkout): StepOutcome {
    const pinned = stock.pin();
    if (pinned === 'expired')
      return declined('reservation_expired', 'the reservation ended before its charge began');
    if (pinned === 'released')
      return declined('cancelled', 'the reservation was released before its charge began');

    const operation = payments.findOrCreate('authorize');
    if (operation.status === 'approved') return done();
    if (operation.status === 'declined')
      return declined('payment_declined', operation.declineCode ?? 'declined');
    return { kind: 'ask', operation };
  }

  /**
   * Drops the authorization. One whose answer was never heard is asked for first, under its own key: not found is not
   * a no. One that was never sent is none.
   */
  compensate({ payments }: Checkout): StepOutcome {
    const authorization = payments.find('authorize');
    if (!authorization || authorization.status === 'declined' || authorization.status === 'created')
      return done();
    if (payments.find('capture')?.status === 'approved') return done();
    if (authorization.status !== 'approved') return { kind: 'ask', operation: authorization };

    const operation = payments.findOrCreate('void');
    if (operation.status === 'approved') return done();
    if (operation.status === 'declined') return blocked(`the void was declined: ${operation.declineCode}`);
    return { kind: 'ask', operation, authorization: authorization.providerReference ?? undefined };
  }
}
