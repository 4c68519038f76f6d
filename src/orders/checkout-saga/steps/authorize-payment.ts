import { type Checkout, type Step, type StepOutcome, done } from '../checkout';
import { payWithCard, undoPayment } from './buyers-payment';

/**
 * Sets the money aside, for a step that takes it later. Until then the order can be cancelled without a charge: what is set
 * aside is voided.
 */
export class AuthorizePayment implements Step {
  readonly name = 'authorize-payment';
  readonly kind = 'compensatable';

  run(checkout: Checkout): StepOutcome {
    return payWithCard(checkout, 'authorize');
  }

  /** Voids the authorization, unless it was captured: then the refund has returned the money. */
  compensate(checkout: Checkout): StepOutcome {
    const isCaptured = checkout.payments.find('capture')?.status === 'approved';
    return isCaptured ? done('nothing_to_undo') : undoPayment(checkout, 'authorize');
  }
}
