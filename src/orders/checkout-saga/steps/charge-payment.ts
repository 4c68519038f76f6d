import type { Checkout, Step, StepOutcome } from '../checkout';
import { payWithCard, undoPayment } from './buyers-payment';

/**
 * Authorizes and captures in one call: the pivot. Once it is asked for, the order can only go on or be declined; a
 * cancellation waits until the money has been taken, and is then a refund.
 */
export class ChargePayment implements Step {
  readonly name = 'charge-payment';
  readonly kind = 'pivot';

  run(checkout: Checkout): StepOutcome {
    return payWithCard(checkout, 'charge');
  }

  compensate(checkout: Checkout): StepOutcome {
    return undoPayment(checkout, 'charge');
  }
}
