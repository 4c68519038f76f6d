import type { Tx } from '../../database/database';
import { undoReservation } from '../../inventory/held-stock';
import { type Saga, type Step, type StepOutcome, done } from '../checkout-saga/saga';

/**
 * Takes the stock. It runs in the transaction that accepts the order (`orders/intake.ts`), for many orders at once,
 * so a driven saga always finds it done; what is left here is the way back.
 */
export class ReserveStock implements Step {
  readonly name = 'reserve-stock';
  readonly kind = 'compensatable';

  async run(): Promise<StepOutcome> {
    return done();
  }

  /** Puts the stock back on sale, once: an ended reservation has nothing left to give. */
  async compensate(tx: Tx, saga: Saga): Promise<StepOutcome> {
    await undoReservation(tx, saga.reservationId, saga.orderId, `order ended: ${saga.endsAs}`);
    return done();
  }
}
