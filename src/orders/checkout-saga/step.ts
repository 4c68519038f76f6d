import { publicId } from '../../ids';
import type { PaymentOperation } from '../../payment/payment-operations';
import type { Checkout } from './checkout';
import type { OrderEnd, StepName } from '../saga-state';
import type { Reason, TransitionData } from './transition-codes';

/**
 * What a step found. It decides on what was loaded under the saga's lock and cannot call the provider; it says what to
 * ask, and is run again when the answer is recorded.
 */
export type StepOutcome =
  | { kind: 'done'; reason: Reason }
  /** A no that cannot change: the steps before it are compensated, last first. */
  | { kind: 'declined'; endsAs: OrderEnd; reason: Reason }
  /** The provider must be asked; the operation is committed as sent before it is. */
  | { kind: 'ask'; operation: PaymentOperation; authorization?: string }
  /** Something is wrong that no retry mends: an operator must act. */
  | { kind: 'blocked'; reason: Reason };

export const done = (code: Reason['code'], data?: Reason['data']): StepOutcome => ({
  kind: 'done',
  reason: { code, data },
});
export const declined = (endsAs: OrderEnd, reason: Reason): StepOutcome => ({
  kind: 'declined',
  endsAs,
  reason,
});
export const blocked = (reason: Reason): StepOutcome => ({ kind: 'blocked', reason });

/** What a line of history says of an operation. */
export const factsOf = (operation: PaymentOperation): TransitionData => ({
  operation: operation.kind,
  operationId: publicId('pay', operation.id),
  asked: { amount: operation.amount, currency: operation.currency },
  ...(operation.providerReference && { providerReference: operation.providerReference }),
  ...(operation.declineCode && { declineCode: operation.declineCode }),
});

/**
 * compensatable: can be undone. pivot: once it is asked for, the saga only goes forward. retriable: must succeed in
 * the end. (The three kinds after Chris Richardson's "Microservices Patterns".)
 *
 * A step changes the checkout that it is given, in memory; many checkouts are then written with a handful of statements.
 */
export interface Step {
  readonly name: StepName;
  readonly kind: 'compensatable' | 'pivot' | 'retriable';
  run(checkout: Checkout): StepOutcome;
  /** Undoes the step. Safe to repeat, and safe when the step never ran or only half happened. */
  compensate(checkout: Checkout): StepOutcome;
}
