import type { OperationNaming } from '../../payment/payment-operations';
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

/**
 * Grows when the steps or their meaning change, or what the provider is sent: keys, metadata, any other parameter. A worker
 * leaves sagas of a newer version to newer workers, and drives older ones as their own build would have.
 *
 * 1  operations are named at the provider by their rows
 * 2  … by their purpose
 */
// guard: code-version
export const codeVersion = 2;

export const namingOf = (version: number): OperationNaming => (version < 2 ? 'row' : 'purpose');

export function stepNamed(name: StepName): Step {
  const step = checkoutSteps.find((candidate) => candidate.name === name);
  if (!step) throw new Error(`Bug: a saga stands at the step "${name}", which this build does not have.`);
  return step;
}
