import type { GatewayAnswer } from '../../payment/gateways/gateway';
import type { PaymentOperation } from '../../payment/payment-operations';
import { type Checkout, factsOf } from './checkout';
import type { Reason } from './transition-codes';
import type { SagaEvent } from './transitions';

/** What the provider answered to an operation. */
export interface Heard {
  operation: PaymentOperation;
  answer: GatewayAnswer;
}

/** Why the saga cannot go on at once. */
export interface Pause {
  event: SagaEvent;
  reason: Reason;
}

/** Notes what was heard; says what it means for the saga, or nothing when the step should look for itself. */
export function hear({ saga, stock, payments }: Checkout, { operation, answer }: Heard): Pause | undefined {
  // The database came back without this operation while it was asked: the step asks again, under the same key.
  if (!payments.has(operation)) return undefined;
  if (answer.status === 'declined') {
    payments.record(operation.id, {
      status: 'declined',
      declineCode: answer.code,
      providerReference: answer.reference,
    });
    return undefined;
  }
  if (answer.status === 'not-asked') {
    payments.markNotSent(operation);
    if (operation.kind === 'authorize' && operation.attempt === 0) stock.unpin();
    const reason: Reason = { code: answer.code ?? 'held_back', data: factsOf(operation), why: answer.detail };
    return { event: { type: 'not-asked' }, reason };
  }
  if (answer.status === 'unknown') {
    payments.record(operation.id, { status: 'unknown', detail: answer.detail });
    const { httpStatus, code = 'no_clear_answer', detail: why } = answer;
    const data = { ...factsOf(operation), attempt: operation.attempt + 1, ...(httpStatus && { httpStatus }) };
    return { event: { type: 'unknown' }, reason: { code, data, why } };
  }
  const other = saga.endsAs && operation.kind === 'authorize' ? undefined : otherAmount(operation, answer);
  const status = other ? 'unknown' : 'approved';
  payments.record(operation.id, { status, providerReference: answer.reference, detail: other?.why });
  return other && { event: { type: 'blocked' }, reason: other };
}

/**
 * An answer about another amount or currency is treated as tampered with. Not on the way back: an authorization is
 * dropped whatever it was for.
 */
function otherAmount(
  operation: PaymentOperation,
  answer: { reference: string; amount: number; currency: string },
): Reason | undefined {
  if (operation.kind === 'void' || isAsAsked(operation, answer)) return undefined;
  const { amount, currency, reference } = answer;
  return {
    code: 'amount_differs',
    data: { ...factsOf(operation), said: { amount, currency }, providerReference: reference },
    why: `the provider says ${amount} ${currency}, not ${operation.amount} ${operation.currency}`,
  };
}

const isAsAsked = (operation: PaymentOperation, answer: { amount: number; currency: string }) =>
  // guard: provider-amount-matches
  answer.amount === operation.amount && answer.currency === operation.currency;

/** The right money, for an order that was given up before the provider had answered. */
export const isLateCharge = ({ saga }: Checkout, { operation, answer }: Heard) =>
  saga.endsAs === 'abandoned' &&
  (operation.kind === 'authorize' || operation.kind === 'capture') &&
  answer.status === 'approved' &&
  isAsAsked(operation, answer);

/** Asked, and nothing certain came back: it may have been done, or still be done. */
export const isUnheard = ({ status }: PaymentOperation) => status === 'sent' || status === 'unknown';

/** Stripe keeps a key for at least 24 hours; asked again later, it would authorize a second time. */
const keyWindowMs = 23 * 3_600_000;

/** The other operations look up what became of them; an authorization is found by its key alone. */
export const isForgotten = (operation: PaymentOperation, now: Date) =>
  operation.kind === 'authorize' &&
  isUnheard(operation) &&
  now.getTime() - operation.createdAt.getTime() > keyWindowMs;
