import { type Checkout, type Step, type StepOutcome, done } from '../checkout';

/**
 * Reserves the stock. The transaction that accepts the order does it (`orders/intake/intake.ts`), for many orders at once, so
 * a driven saga finds it done. Here is its compensation.
 */
export class ReserveStock implements Step {
  readonly name = 'reserve-stock';
  readonly kind = 'compensatable';

  run(): StepOutcome {
    return done('stock_reserved');
  }

  /** Puts the stock back on sale. A reservation that has ended has nothing left to return. */
  compensate({ stock, saga }: Checkout): StepOutcome {
    stock.undo(`order ended: ${saga.endsAs}`);
    return done('stock_returned');
  }
}
