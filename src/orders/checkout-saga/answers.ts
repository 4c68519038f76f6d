import type { Tx } from '../../database/database';
import { unpin } from '../../inventory/held-stock';
import type { GatewayAnswer } from '../../payment/gateways/gateway';
import { type PaymentOperation, markNotSent, recordAnswer } from '../../payment/payment-operations';
import type { Saga } from './saga';
import type { SagaEvent } from './transitions';

/** What the provider answered to an operation. */
export interface Heard {
  operation: PaymentOperation;
  answer: GatewayAnswer;
}

/** Why the saga cannot go on at once. */
export interface Pause {
  event: SagaEvent;
  why: string;
}

/** Records what was heard; says what it means for the saga, or nothing when the step should look for itself. */
export async function recordHeard(
  tx: Tx,
  saga: Saga,
  { operation, answer }: Heard,
): Promise<Pause | undefined> {
  if (answer.status === 'declined') {
    await recordAnswer(
      tx,
      operation.id,
      { status: 'declined', declineCode: answer.code, providerReference: answer.reference },
      saga.now,
    );
    return undefined;
  }
  if (answer.status === 'not-asked') {
    await markNotSent(tx, operation);
    if (operation.kind === 'authorize' && operation.attempt === 0)
      await unpin(tx, saga.reservationId, saga.orderId);
    return { event: { type: 'not-asked' }, why: answer.detail };
  }
  if (answer.status === 'unknown') {
    await recordAnswer(tx, operation.id, { status: 'unknown', detail: answer.detail }, saga.now);
    return { event: { type: 'unknown' }, why: answer.detail };
  }
  const other = otherAmount(saga, operation, answer);
  if (other) {
    await recordAnswer(
      tx,
      operation.id,
      { status: 'unknown', providerReference: answer.reference, detail: other },
      saga.now,
    );
    return { event: { type: 'blocked' }, why: other };
  }
  await recordAnswer(tx, operation.id, { status: 'approved', providerReference: answer.reference }, saga.now);
  return undefined;
}

/**
 * An answer about another amount or currency is treated as tampered with. Not on the way back: an authorization is
 * dropped whatever it was for.
 */
function otherAmount(
  saga: Saga,
  operation: PaymentOperation,
  answer: { amount: number; currency: string },
): string | undefined {
  if (operation.kind === 'void' || (operation.kind === 'authorize' && saga.endsAs)) return undefined;
  if (answer.amount === operation.amount && answer.currency === operation.currency) return undefined;
  return `the provider says ${answer.amount} ${answer.currency}, not ${operation.amount} ${operation.currency}`;
}

/** Stripe keeps a key for at least 24 hours; asked again later, it would authorize a second time. */
const keyWindowMs = 23 * 3_600_000;

/** The right money, for an order that was given up before the provider had answered. */
export const isLateCharge = (saga: Saga, { operation, answer }: Heard) =>
  saga.endsAs === 'abandoned' &&
  (operation.kind === 'authorize' || operation.kind === 'capture') &&
  answer.status === 'approved' &&
  answer.amount === operation.amount &&
  answer.currency === operation.currency;

/** Asked, and nothing certain came back: it may have been done, or still be done. */
export const isUnheard = ({ status }: PaymentOperation) => status === 'sent' || status === 'unknown';

/** The other operations look up what became of them; an authorization is found by its key alone. */
export function isForgotten(operation: PaymentOperation, now: Date): boolean {
  return (
    operation.kind === 'authorize' &&
    isUnheard(operation) &&
    now.getTime() - operation.createdAt.getTime() > keyWindowMs
  );
}
