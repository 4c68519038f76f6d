import { type Checkout, type Step, type StepOutcome, done } from '../checkout';

/**
 * The compensation of the stock that the intake took. The transaction that accepts the order reserves it
 * (`inventory/reservations/stock-intake.ts`), so a saga begins after this step.
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
