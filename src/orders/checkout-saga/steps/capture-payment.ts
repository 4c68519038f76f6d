import { type Checkout, type Step, type StepOutcome, blocked, declined, done, factsOf } from '../checkout';

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
  compensate({ payments }: Checkout): StepOutcome {
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
    const reference = authorization.providerReference ?? undefined;
    if (capture.status !== 'approved') return { kind: 'ask', operation: capture, authorization: reference };

    // Never made again without an operator: the customer may have been paid in another way.
    const failed = payments.find('refund');
    if (failed?.status === 'failed' && failed.failureReason)
      return blocked({
        code: 'refund_failed',
        data: factsOf(failed),
        why: `the refund failed: ${failed.failureReason}`,
      });
    const operation = payments.findOrCreate('refund');
    if (operation.status === 'approved') return done('payment_refunded', factsOf(operation));
    // Accepted: it is followed to its end after the order has ended.
    if (operation.status === 'pending') return done('refund_accepted', factsOf(operation));
    if (operation.status === 'declined')
      return blocked({
        code: 'refund_declined',
        data: factsOf(operation),
        why: `the refund was declined: ${operation.declineCode}`,
      });
    return { kind: 'ask', operation, authorization: reference };
  }
}
