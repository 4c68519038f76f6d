import {
  type Checkout,
  type Step,
  type StepOutcome,
  blocked,
  declined,
  declinedAndUndone,
  done,
  factsOf,
} from '../checkout';

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
    if (operation.status === 'pending' && operation.waitsFor === 'buyer') {
      // guard: intent-is-voided-first
      return declinedAndUndone('payment_declined', {
        code: 'authentication_required',
        data: factsOf(operation),
        why: 'the buyer would have to authenticate',
      });
    }
    if (operation.status === 'approved' && operation.declineCode) {
      // guard: partial-authorization-is-voided
      return declinedAndUndone('payment_declined', {
        code: 'partial_authorization',
        data: {
          ...factsOf(operation),
          ...(operation.reported && { said: operation.reported }),
        },
        why: 'the bank authorized less than the total',
      });
    }
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
   * Voids the authorization. If its result is unknown, asks for it again first, under the same key. An intent that waits for
   * the buyer is voided too: until the provider confirms that, the buyer may still confirm it.
   */
  compensate({ payments }: Checkout): StepOutcome {
    const authorization = payments.find('authorize');
    if (!authorization || endedWithoutMoney.includes(authorization.status))
      return done('nothing_to_undo', authorization && factsOf(authorization));
    // The refund has returned the money.
    if (payments.find('capture')?.status === 'approved') return done('nothing_to_undo');
    const waitsForBuyer = authorization.status === 'pending' && authorization.waitsFor === 'buyer';
    if (authorization.status !== 'approved' && !waitsForBuyer) {
      // guard: unheard-authorization-is-asked
      return { kind: 'ask', operation: authorization };
    }

    const operation = payments.findOrCreate('void');
    if (operation.status === 'approved') {
      if (waitsForBuyer)
        payments.record(authorization.id, { status: 'declined', declineCode: 'authentication_required' });
      return done('payment_voided', factsOf(operation));
    }
    if (operation.status === 'declined')
      return blocked({
        code: 'void_declined',
        data: factsOf(operation),
        why: `the void was declined: ${operation.declineCode}`,
      });
    return { kind: 'ask', operation, authorization: authorization.providerReference ?? undefined };
  }
}

/** Never sent, refused, or replaced after a search had found nothing. */
const endedWithoutMoney: readonly string[] = ['created', 'declined', 'failed'];
