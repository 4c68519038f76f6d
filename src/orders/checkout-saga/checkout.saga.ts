import { AuthorizePayment } from '../steps/authorize-payment';
import { CapturePayment } from '../steps/capture-payment';
import { PlaceOrder } from '../steps/place-order';
import { ReserveStock } from '../steps/reserve-stock';
import type { Step, StepName } from './saga';

/**
 * One checkout: stock first, money second, and money only for stock that can no longer expire.
 *
 * The first step runs inside the customer's request (`orders/intake.ts`); the rest is driven by a worker
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

/** Grows when the steps or their meaning change; a worker leaves sagas of a newer version to newer workers. */
export const codeVersion = 1;

export function stepNamed(name: StepName): Step {
  const step = checkoutSteps.find((candidate) => candidate.name === name);
  if (!step) throw new Error(`Bug: a saga stands at the step "${name}", which this build does not have.`);
  return step;
}
