import type { PaymentOperation } from '../../../payment/payment-operations.repository';
import { type Checkout, type StepOutcome, blocked, done, factsOf } from '../checkout';

/**
 * Gives back what a charge or a capture took: `amount`, or all of it, less what was refunded in parts. The refund is addressed to the payment at the provider,
 * which the authorization names.
 */
export function refund(
  { payments }: Checkout,
  { of: taken, amount = taken.amount }: { of: PaymentOperation; amount?: number },
): StepOutcome {
  // Never made again without an operator: the customer may have been paid in another way.
  const failed = payments.find('refund');
  if (failed?.status === 'failed' && failed.failureReason)
    return blocked({
      code: 'refund_failed',
      data: factsOf(failed),
      why: `the refund failed: ${failed.failureReason}`,
    });
  const left = amount - payments.refundedInParts;
  if (!failed && left <= 0) return done('payment_refunded');
  // The next number asks for what the one before asked for.
  const operation = payments.findOrCreate('refund', failed?.amount ?? left);
  if (operation.status === 'approved') return done('payment_refunded', factsOf(operation));
  // Accepted: it is followed to its end after the order has ended.
  if (operation.status === 'pending') return done('refund_accepted', factsOf(operation));
  if (operation.status === 'declined')
    return blocked({
      code: 'refund_declined',
      data: factsOf(operation),
      why: `the refund was declined: ${operation.declineCode}`,
    });
  return { kind: 'ask', operation, authorization: payments.authorization?.providerReference ?? undefined };
}
