import { type Checkout, type Step, type StepOutcome, blocked, declined, done, factsOf } from '../checkout';

/**
 * Sets the money aside. The reservation is pinned in the commit that records the intent, so a charge is never under way for
 * stock that may still expire.
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

  /** Voids the authorization. If its result is unknown, asks for it again first, under the same key. */
  compensate({ payments }: Checkout): StepOutcome {
    const authorization = payments.find('authorize');
    if (!authorization || authorization.status === 'declined' || authorization.status === 'created')
      return done('nothing_to_undo', authorization && factsOf(authorization));
    // The refund has returned the money.
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
