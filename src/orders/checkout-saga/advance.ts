import type { GatewayResult } from '../../payment/gateways/gateway';
import type { PaymentOperation } from '../../payment/payment-operations.repository';
import { type Checkout, type StepOutcome, factsOf } from './checkout';
import type { Reason } from './transition-codes';
import type { SagaEvent } from './transitions';

/** A call that the provider must get before the saga can go on, and the lease it is made under. */
export interface ProviderCall {
  orderId: string;
  fencingToken: number;
  paymentMethod: string;
  operation: PaymentOperation;
  authorization?: string;
}

/** What came of a call. */
export interface CallResult {
  call: ProviderCall;
  result: GatewayResult;
}

/**
 * Runs steps until one needs the provider, or the saga ends or must wait. All in memory: `saveCheckouts` writes the checkout
 * with many others.
 */
export function advance(checkout: Checkout, leaseMs: number): ProviderCall | undefined {
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
    if (outcome.kind === 'ask') return prepareCall(checkout, outcome, leaseMs);
    update.apply(...eventOf(outcome));
    if (update.saga.status === 'compensated') checkout.end();
  } while (update.nextRun === 'now');
  update.giveBackLease();
  return undefined;
}

/** Records the intent under a lease that outlasts the call. The saga is due again when that lease ends. */
function prepareCall(
  checkout: Checkout,
  { operation, authorization }: Extract<StepOutcome, { kind: 'ask' }>,
  leaseMs: number,
): ProviderCall | undefined {
  const { update, payments, order } = checkout;
  if (isForgotten(operation, update.saga.now)) {
    update.apply(
      { type: 'blocked' },
      {
        code: 'unheard_too_long',
        data: factsOf(operation),
        why: 'unanswered for so long that the provider may have forgotten its key',
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

/** Records the result of a call. False: the saga must wait, or an operator must act. */
export function applyResult(checkout: Checkout, called: CallResult): boolean {
  const pause = record(checkout, called);
  if (!pause) return true;
  const { result } = called;
  checkout.update.apply(pause.event, pause.reason);
  checkout.update.giveBackLease('retryAfterMs' in result ? result.retryAfterMs : undefined);
  return false;
}

/** Returns why the saga cannot go on at once; undefined when its step should look at the recorded result. */
function record(
  { saga, stock, payments }: Checkout,
  { call: { operation }, result }: CallResult,
): { event: SagaEvent; reason: Reason } | undefined {
  // A database that was restored during the call lost this operation: the step asks again, under the same key.
  if (!payments.has(operation)) return undefined;
  if (result.status === 'declined') {
    const { code: declineCode, reference: providerReference } = result;
    payments.record(operation.id, { status: 'declined', declineCode, providerReference });
    return undefined;
  }
  if (result.status === 'not-asked') {
    payments.markNotSent(operation);
    if (operation.kind === 'authorize' && operation.attempt === 0) stock.unpin();
    const reason: Reason = { code: result.code ?? 'held_back', data: factsOf(operation), why: result.detail };
    return { event: { type: 'not-asked' }, reason };
  }
  if (result.status === 'unknown') {
    payments.record(operation.id, { status: 'unknown', detail: result.detail });
    const { httpStatus, code = 'no_clear_answer', detail: why } = result;
    const data = { ...factsOf(operation), attempt: operation.attempt + 1, ...(httpStatus && { httpStatus }) };
    return { event: { type: 'unknown' }, reason: { code, data, why } };
  }
  const other = saga.endsAs && operation.kind === 'authorize' ? undefined : otherAmount(operation, result);
  const status = other ? 'unknown' : 'approved';
  payments.record(operation.id, { status, providerReference: result.reference, detail: other?.why });
  return other && { event: { type: 'blocked' }, reason: other };
}

/**
 * A result about another amount or currency is treated as tampered with. Not while the saga compensates: an authorization
 * is voided whatever its amount.
 */
function otherAmount(
  operation: PaymentOperation,
  result: { reference: string; amount: number; currency: string },
): Reason | undefined {
  if (operation.kind === 'void' || isAsAsked(operation, result)) return undefined;
  const { amount, currency, reference } = result;
  return {
    code: 'amount_differs',
    data: { ...factsOf(operation), said: { amount, currency }, providerReference: reference },
    why: `the provider says ${amount} ${currency}, not ${operation.amount} ${operation.currency}`,
  };
}

const isAsAsked = (operation: PaymentOperation, result: { amount: number; currency: string }) =>
  // guard: provider-amount-matches
  result.amount === operation.amount && result.currency === operation.currency;

/** The right amount, for an order that was given up before the result was known. */
export const isLateCharge = ({ saga }: Checkout, { call: { operation }, result }: CallResult) =>
  saga.endsAs === 'abandoned' &&
  (operation.kind === 'authorize' || operation.kind === 'capture') &&
  result.status === 'approved' &&
  isAsAsked(operation, result);

/** Sent without a certain result: it may have been done, or may still be. */
export const isUnanswered = ({ status }: PaymentOperation) => status === 'sent' || status === 'unknown';

/** Stripe keeps a key for at least 24 hours; asked again later, it would authorize a second time. */
const keyWindowMs = 23 * 3_600_000;

/** An authorization is found by its key alone; the other operations can be looked up. */
export const isForgotten = (operation: PaymentOperation, now: Date) =>
  operation.kind === 'authorize' &&
  isUnanswered(operation) &&
  now.getTime() - operation.createdAt.getTime() > keyWindowMs;
