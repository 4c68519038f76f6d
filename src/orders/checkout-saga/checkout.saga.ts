import { AuthorizePayment } from './steps/authorize-payment';
import { CapturePayment } from './steps/capture-payment';
import { PlaceOrder } from './steps/place-order';
import { ReserveStock } from './steps/reserve-stock';
import type { Step } from './step';
import type { StepName } from '../saga-state';

/**
 * One checkout: stock first, money second, and money only for stock that can no longer expire.
 *
 * The first step runs inside the customer's request (`orders/intake/intake.ts`); the rest is driven by a worker
 * (`saga-runner.ts`). When a step is declined, those before it are compensated, last first.
 */
export const checkoutSteps: readonly Step[] = [
  new ReserveStock(), //     compensatable: release
  new AuthorizePayment(), // compensatable: void; pins the reservation first
  new CapturePayment(), //   pivot: from here on only forward; undone by a refund
  new PlaceOrder(), //       retriable: confirms the reservation, places the order
];

export const stepNames: readonly StepName[] = checkoutSteps.map((step) => step.name);

/** Where a saga stands when its order has been accepted. */
export const firstDrivenStep: StepName = 'authorize-payment';

export function stepNamed(name: StepName): Step {
  const step = checkoutSteps.find((candidate) => candidate.name === name);
  if (!step) throw new Error(`Bug: a saga stands at the step "${name}", which this build does not have.`);
  return step;
}
