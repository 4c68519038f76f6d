import type { PaymentOperation } from '../../payment/payment-operations';
import { type Heard, hear, isForgotten } from './payment-results';
import { type Checkout, type StepOutcome, factsOf } from './checkout';
import type { Reason } from './transition-codes';
import type { SagaEvent } from './transitions';

/** What the provider is to be asked before the saga can go on, and under which lease. */
export interface Question {
  orderId: string;
  fencingToken: number;
  paymentMethod: string;
  operation: PaymentOperation;
  authorization?: string;
}

/** Notes what was heard. False: the saga must wait, or an operator must act, and its turn ends here. */
export function takeIn(checkout: Checkout, heard: Heard): boolean {
  const pause = hear(checkout, heard);
  if (!pause) return true;
  checkout.update.apply(pause.event, pause.reason);
  checkout.update.giveBackLease('retryAfterMs' in heard.answer ? heard.answer.retryAfterMs : undefined);
  return false;
}

/**
 * Runs the steps of one checkout until one has a question for the provider, or the saga has ended or must wait. In
 * memory: what it changed is written by `saveCheckouts`, together with what became of many others.
 */
export function goOn(checkout: Checkout, leaseMs: number): Question | undefined {
  // guard: saga-is-driven
  const { update } = checkout;
  do {
    if (update.saga.requestedEnd === 'cancel' && update.canCancel()) {
      update.apply(
        { type: 'turn-back', by: 'cancel' },
        { code: 'cancel_requested', why: 'the customer cancelled' },
      );
    }
    const { step } = checkout;
    const outcome = update.saga.endsAs ? step.compensate(checkout) : step.run(checkout);
    if (outcome.kind === 'ask') return send(checkout, outcome, leaseMs);
    update.apply(...eventOf(outcome));
    if (update.saga.status === 'compensated') checkout.end();
  } while (update.nextRun === 'now');
  update.giveBackLease();
  return undefined;
}

/** Notes the intent, under a lease that outlasts the call. The saga is due again the moment that lease ends. */
function send(
  checkout: Checkout,
  { operation, authorization }: Extract<StepOutcome, { kind: 'ask' }>,
  leaseMs: number,
): Question | undefined {
  const { update, payments, order } = checkout;
  if (isForgotten(operation, update.saga.now)) {
    update.apply(
      { type: 'blocked' },
      {
        code: 'unheard_too_long',
        data: factsOf(operation),
        why: 'unheard for so long that the provider may have forgotten its key',
      },
    );
    update.giveBackLease();
    return undefined;
  }
  const data = { ...factsOf(operation), attempt: operation.attempt + 1 };
  update.apply({ type: 'asked' }, { code: 'payment_requested', data, why: operation.kind });
  payments.markSent(operation);
  update.keepLeaseUntil(new Date(update.saga.now.getTime() + leaseMs));
  const { orderId, fencingToken } = update.saga;
  return { orderId, fencingToken, paymentMethod: order.paymentMethod, operation, authorization };
}

function eventOf(outcome: Exclude<StepOutcome, { kind: 'ask' }>): [SagaEvent, Reason] {
  switch (outcome.kind) {
    case 'done':
      return [{ type: 'done' }, outcome.reason];
    case 'declined':
      return [{ type: 'declined', endsAs: outcome.endsAs }, outcome.reason];
    case 'blocked':
      return [{ type: 'blocked' }, outcome.reason];
  }
}
