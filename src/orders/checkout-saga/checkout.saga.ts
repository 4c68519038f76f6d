import { AuthorizePayment } from './steps/authorize-payment';
import { CapturePayment } from './steps/capture-payment';
import { PlaceOrder } from './steps/place-order';
import { ReserveStock } from './steps/reserve-stock';
import type { Step } from './checkout';
import { begun } from './transitions';

/**
 * One checkout: stock first, money second, and money only for stock that can no longer expire.
 *
 * The first step runs inside the customer's request (`orders/intake/intake.ts`); a worker drives the others
 * (`saga-runner.ts`). A step never calls the provider: it runs once to say what to ask, and again when the result is
 * recorded. When a step is declined, those before it are compensated, last first. Everything that depends on the
 * names of the steps or their order reads it from here.
 */
export const checkoutSteps: readonly Step[] = [
  new ReserveStock(), //     compensatable: release
  new AuthorizePayment(), // compensatable: void; pins the reservation first
  new CapturePayment(), //   pivot: from here on only forward; undone by a refund
  new PlaceOrder(), //       retriable: confirms the reservation, places the order
];

export const stepNames: readonly string[] = checkoutSteps.map(({ name }) => name);

/** The first runs inside the request. */
export const requestStep = stepNames[0]!;

/** Where a saga is when its order has been accepted. */
export const firstDrivenStep = begun(checkoutSteps).step;

/** The one that places the order. */
export const lastStep = stepNames.at(-1)!;
