import { type Checkout, type Step, type StepOutcome, done } from '../checkout';
import { pinStock } from './buyers-payment';

/**
 * Sells the stock and places the order. Local: it commits with the result that made it possible. A free order has no charge
 * that pinned its stock before.
 */
export class PlaceOrder implements Step {
  readonly name = 'place-order';
  readonly kind = 'retriable';

  run(checkout: Checkout): StepOutcome {
    const ended = checkout.order.amount === 0 ? pinStock(checkout) : undefined;
    if (ended) return ended;
    checkout.stock.confirm();
    checkout.place();
    return done('order_placed');
  }

  /** Nothing to undo: money and stock belong to the steps before, the order's end to the runner. */
  compensate(): StepOutcome {
    return done('nothing_to_undo');
  }
}
