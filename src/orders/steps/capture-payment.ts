import type { Checkout } from '../checkout-saga/checkout';
import { type Step, type StepOutcome, blocked, declined, done } from '../checkout-saga/saga';

/**
 * Takes the money that was set aside: the pivot. Until it is asked for the order can still be called off for free;
 * afterwards only a no from the provider turns the saga back, never silence.
 */
export class CapturePayment implements Step {
  readonly name = 'capture-payment';
  readonly kind = 'pivot';

  run({ payments }: Checkout): StepOutcome {
    const authorization = payments.find('authorize');
    if (authorization?.status !== 'approved' || !authorization.providerReference)
      return blocked('there is no approved authorization to capture');

    const operation = payments.findOrCreate('capture');
    if (operation.status === 'approved') return done();
    if (operation.status === 'declined')
      return declined('payment_declined', operation.declineCode ?? 'declined');
    return { kind: 'ask', operation, authorization: authorization.providerReference };
  }

  /** Gives captured money back. A capture whose answer was never heard is asked for first, under its own key. */
  compensate({ payments }: Checkout): StepOutcome {
    const authorization = payments.find('authorize');
    const capture = payments.find('capture');
    if (!authorization || !capture || capture.status === 'declined' || capture.status === 'created')
      return done();
    const reference = authorization.providerReference ?? undefined;
    if (capture.status !== 'approved') return { kind: 'ask', operation: capture, authorization: reference };

    const operation = payments.findOrCreate('refund');
    if (operation.status === 'approved') return done();
    if (operation.status === 'declined') return blocked(`the refund was declined: ${operation.declineCode}`);
    return { kind: 'ask', operation, authorization: reference };
  }
}
