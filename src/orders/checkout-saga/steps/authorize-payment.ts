import { type Checkout, type Step, type StepOutcome, done } from '../checkout';
import { payWithCard, undoPayment } from './buyers-payment';
import { refund } from './refund';

/**
 * Sets the money aside, for the step that takes it, or for the shipment of an order that was placed on it. Until then the order
 * can be cancelled without a charge: what is set aside is voided.
 */
export class AuthorizePayment implements Step {
  readonly name = 'authorize-payment';
  readonly kind = 'compensatable';

  run(checkout: Checkout): StepOutcome {
    return payWithCard(checkout, 'authorize');
  }

  /** What was captured with the goods is refunded here; what its own step captured has been refunded by that step. */
  compensate(checkout: Checkout): StepOutcome {
    const capture = checkout.payments.find('capture');
    if (capture?.status !== 'approved') return undoPayment(checkout, 'authorize');
    return checkout.order.capture === 'on_shipment'
      ? refund(checkout, { of: capture })
      : done('nothing_to_undo');
  }
}
