import type { CaptureMode } from '../order.entity';
import { AuthorizePayment } from './steps/authorize-payment';
import { CapturePayment } from './steps/capture-payment';
import { ChargePayment } from './steps/charge-payment';
import { PlaceOrder } from './steps/place-order';
import { ReserveStock } from './steps/reserve-stock';
import type { Step } from './checkout';

const reserveStock = new ReserveStock(); //         compensatable: release
const authorizePayment = new AuthorizePayment(); // compensatable: void, or refund what was captured later; pins the reservation first
const capturePayment = new CapturePayment(); //     pivot: from here on only forward; undone by a refund
const chargePayment = new ChargePayment(); //       pivot: authorizes and captures at once; pins first; undone by a refund
const placeOrder = new PlaceOrder(); //             retriable: confirms the reservation, places the order

/**
 * One checkout: stock first, money second, and money only for stock that can no longer expire.
 *
 * The first step runs inside the customer's request (`orders/intake/intake.ts`); a worker drives the others
 * (`saga-runner.ts`). A step never calls the provider: it runs once to say what to ask, and again when the result is
 * recorded. When a step is declined, those before it are compensated, last first. Everything that depends on the
 * names of the steps or their order reads it from here.
 */
export const stepLists: Readonly<Record<CaptureMode | 'free', readonly Step[]>> = {
  automatic: [reserveStock, authorizePayment, capturePayment, placeOrder],
  immediate: [reserveStock, chargePayment, placeOrder],
  on_shipment: [reserveStock, authorizePayment, placeOrder],
  // A total of 0: no provider is asked, and nothing is left that could be declined.
  free: [reserveStock, placeOrder],
};

/** What a saga's list depends on. It never changes during the life of an order. */
export interface StepChoice {
  capture: CaptureMode;
  /** The order's total, in minor units. */
  amount: number;
}

/** The steps of an order's saga. */
export const stepsOf = ({ capture, amount }: StepChoice): readonly Step[] =>
  stepLists[amount === 0 ? 'free' : capture];

/** Of all lists, in the order in which they run. */
export const stepNames: readonly string[] = [
  reserveStock,
  authorizePayment,
  capturePayment,
  chargePayment,
  placeOrder,
].map(({ name }) => name);

/** The first of every list runs inside the request. */
export const requestStep = reserveStock.name;

/** The last of every list places the order. */
export const lastStep = placeOrder.name;
