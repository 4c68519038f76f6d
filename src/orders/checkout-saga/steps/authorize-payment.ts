import { type Checkout, type Step, type StepOutcome, blocked, declined, done, factsOf } from '../checkout';

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
      return declined('reservation_expired', {
        code: 'reservation_expired',
        why: 'the reservation ended before its charge began',
      });
    if (pinned === 'released')
      return declined('cancelled', {
        code: 'reservation_released',
        why: 'the reservation was released before its charge began',
      });

    const operation = payments.findOrCreate('authorize');
    if (operation.status === 'approved') return done('payment_authorized', factsOf(operation));
    if (operation.status === 'declined')
      return declined('payment_declined', {
        code: 'authorization_declined',
        data: factsOf(operation),
        why: operation.declineCode ?? 'declined',
      });
    return { kind: 'ask', operation };
  }

  /**
   * Drops the authorization. One whose answer was never heard is asked for first, under its own key: not found is not
   * a no. One that was never sent is none.
   */
  compensate({ payments }: Checkout): StepOutcome {
    const authorization = payments.find('authorize');
    if (!authorization || authorization.status === 'declined' || authorization.status === 'created')
      return done('nothing_to_undo', authorization && factsOf(authorization));
    // The refund gave its money back.
    if (payments.find('capture')?.status === 'approved') return done('nothing_to_undo');
    if (authorization.status !== 'approved') {
      // guard: unheard-authorization-is-asked
      return { kind: 'ask', operation: authorization };
    }

    const operation = payments.findOrCreate('void');
    if (operation.status === 'approved') return done('payment_voided', factsOf(operation));
    if (operation.status === 'declined')
      return blocked({
        code: 'void_declined',
        data: factsOf(operation),
        why: `the void was declined: ${operation.declineCode}`,
      });
    return { kind: 'ask', operation, authorization: authorization.providerReference ?? undefined };
  }
}
