import { type Checkout, type Step, type StepOutcome, done } from '../checkout';
import { payWithCard, undoPayment } from './buyers-payment';

/**
 * Sets the money aside. The reservation is pinned in the commit that records the intent, so a charge is never under way for
 * stock that may still expire.
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
