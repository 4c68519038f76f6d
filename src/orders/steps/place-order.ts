import type { Tx } from '../../database/database';
import { confirmPinned } from '../../inventory/held-stock';
import { type Saga, type Step, type StepOutcome, done } from '../checkout-saga/saga';
import { placeOrder } from '../orders.repository';

/** The stock is sold and the order stands. Local and retriable: it commits with the answer that made it possible. */
export class PlaceOrder implements Step {
  readonly name = 'place-order';
  readonly kind = 'retriable';

  async run(tx: Tx, saga: Saga): Promise<StepOutcome> {
    await confirmPinned(tx, saga.reservationId, saga.orderId);
    await placeOrder(tx, saga);
    return done();
  }

  /** Nothing here to undo: the refund and the stock belong to the steps before, and the order's end to the runner. */
  async compensate(): Promise<StepOutcome> {
    return done();
  }
}
