import { type Checkout, type Step, type StepOutcome, done } from '../checkout';

/** The stock is sold and the order stands. Local and retriable: it commits with the answer that made it possible. */
export class PlaceOrder implements Step {
  readonly name = 'place-order';
  readonly kind = 'retriable';

  run(checkout: Checkout): StepOutcome {
    checkout.stock.confirm();
    checkout.place();
    return done('order_placed');
  }

  /** Nothing here to undo: the refund and the stock belong to the steps before, and the order's end to the runner. */
  compensate(): StepOutcome {
    return done('nothing_to_undo');
  }
}
