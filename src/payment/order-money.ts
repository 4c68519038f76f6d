import type { PaymentFact } from './payment-facts.repository';
import type { PaymentOperation } from './payment-operations.repository';

type Operation = Pick<
  PaymentOperation,
  'kind' | 'status' | 'amount' | 'declineCode' | 'failureReason' | 'providerReference'
>;
/** `settledAt` is text where one statement reads a fact with its order. */
type Fact = Pick<PaymentFact, 'amount' | 'status' | 'reference'> & { type: string; settledAt: unknown };

/** What an order's money adds up to, in minor units. */
export interface OrderMoney {
  captured: number;
  /** Reached the customer: by a refund of ours, by one made at the provider, or in another way that an operator recorded. */
  refunded: number;
  /** The same with refunds that are asked for or under way. */
  promised: number;
}

const inFlight: readonly string[] = ['created', 'sent', 'unknown', 'pending'];

export function moneyOf(operations: readonly Operation[], facts: readonly Fact[]): OrderMoney {
  const refunds = operations.filter(({ kind }) => kind === 'refund');
  const outside = facts.filter(({ type }) => type === 'refunded_outside');
  const taken = operations.filter(
    ({ kind, status }) => (kind === 'charge' || kind === 'capture') && status === 'approved',
  );
  const refunded =
    sum(refunds.filter((refund) => refund.status === 'approved' || isSettled(refund, facts))) +
    sum(outside.filter(({ status }) => status === 'succeeded'));
  const underWay =
    sum(refunds.filter(({ status }) => inFlight.includes(status))) +
    sum(outside.filter(({ status }) => status === 'pending' || status === 'requires_action'));
  const promised = refunded + underWay;
  // Of a charge that the bank approved in part, all that was taken is given back.
  const captured = taken.some(({ declineCode }) => declineCode) ? promised : sum(taken);
  return { captured, refunded, promised };
}

/** A failed refund that an operator settled: the customer was paid in another way. */
export const isSettled = (
  { kind, status, providerReference }: Pick<Operation, 'kind' | 'status' | 'providerReference'>,
  facts: readonly Fact[],
): boolean =>
  kind === 'refund' &&
  status === 'failed' &&
  facts.some(
    ({ type, reference, settledAt }) =>
      type === 'refund_failed' && reference === providerReference && settledAt !== null,
  );

const sum = (rows: readonly { amount: number }[]) => rows.reduce((total, { amount }) => total + amount, 0);
