import { type Checkout, type Step, type StepOutcome, blocked, declined, done, factsOf } from '../checkout';
import { refund } from './refund';

/**
 * Takes the money that was set aside: the pivot. Until it is asked for, the order can be cancelled without a charge;
 * afterwards only a final no sends the saga back, never an unknown result.
 */
export class CapturePayment implements Step {
  readonly name = 'capture-payment';
  readonly kind = 'pivot';

  run({ payments }: Checkout): StepOutcome {
    const authorization = payments.find('authorize');
    if (authorization?.status !== 'approved' || !authorization.providerReference)
      return blocked({
        code: 'authorization_missing',
        why: 'there is no approved authorization to capture',
      });

    const operation = payments.findOrCreate('capture');
    if (operation.status === 'approved') return done('payment_captured', factsOf(operation));
    if (operation.status === 'declined')
      return declined('payment_declined', {
        code: 'capture_declined',
        data: factsOf(operation),
        why: operation.declineCode ?? 'declined',
      });
    return { kind: 'ask', operation, authorization: authorization.providerReference };
  }

  /** Refunds captured money. If the capture's result is unknown, asks for it again first, under the same key. */
  compensate(checkout: Checkout): StepOutcome {
    const { payments } = checkout;
    const authorization = payments.find('authorize');
    const capture = payments.find('capture');
    if (
      !authorization ||
      !capture ||
      capture.status === 'declined' ||
      capture.status === 'created' ||
      capture.status === 'failed'
    )
      return done('nothing_to_undo', capture && factsOf(capture));
    if (capture.status === 'approved') return refund(checkout, { of: capture });
    return { kind: 'ask', operation: capture, authorization: authorization.providerReference ?? undefined };
  }
}
