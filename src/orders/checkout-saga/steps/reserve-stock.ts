import { type Checkout, type Step, type StepOutcome, done } from '../checkout';

/**
 * Takes the stock. It runs in the transaction that accepts the order (`orders/intake/intake.ts`), for many orders at once,
 * so a driven saga always finds it done; what is left here is the way back.
 */
export class ReserveStock implements Step {
  readonly name = 'reserve-stock';
  readonly kind = 'compensatable';

  run(): StepOutcome {
    return done('stock_reserved');
  }

  /** Puts the stock back on sale, once: an ended reservation has nothing left to give. */
  compensate({ stock, saga }: Checkout): StepOutcome {
    stock.undo(`order ended: ${saga.endsAs}`);
    return done('stock_returned');
  }
}
