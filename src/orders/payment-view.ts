import { type Money, money } from '../http/responses';
import { type PaymentStatus, paymentStatusOf } from '../payment/payment-status';
import { disputeIsWon } from '../payment/payment-facts.repository';
import type { Order, OrderFact } from './orders.repository';

interface PaymentView {
  status: PaymentStatus;
  facts: { type: string; amount: Money; at: string; reference: string }[];
  dispute: { status: string; amount: Money; dueBy: string | null } | null;
}

/** What became of an order's money, with what began at the provider. */
export function paymentView({ operations, facts, totalAmount }: Order): PaymentView {
  // Settled in another way by an operator, so the customer has the money.
  const settled = facts.filter(({ type, settledAt }) => type === 'refund_failed' && settledAt !== null);
  const known = operations.map((operation) =>
    operation.status === 'failed' &&
    settled.some(({ reference }) => reference === operation.providerReference)
      ? { ...operation, status: 'approved' as const }
      : operation,
  );
  const status = paymentStatusOf(known);
  const dispute = disputeShown(facts);
  return {
    status: status === 'captured' ? withOutsideRefunds(facts, totalAmount) : status,
    facts: facts.map(({ type, amount, currency, at, reference }) => ({
      type,
      amount: money(amount, currency),
      at: isoTime(at),
      reference,
    })),
    dispute: dispute && {
      status: dispute.status!,
      amount: money(dispute.amount, dispute.currency),
      dueBy: dispute.dueBy && isoTime(dispute.dueBy),
    },
  };
}

/** The newest one that is open or lost, else the newest. */
function disputeShown(facts: OrderFact[]): OrderFact | null {
  const disputes = facts.filter(({ type }) => type === 'dispute_opened');
  return disputes.findLast(({ status }) => !disputeIsWon(status)) ?? disputes.at(-1) ?? null;
}

/** Of a captured payment. */
function withOutsideRefunds(facts: OrderFact[], total: number): PaymentStatus {
  const outside = facts.filter(({ type }) => type === 'refunded_outside');
  if (outside.some(({ status }) => status === 'pending' || status === 'requires_action')) return 'refunding';
  const back = outside
    .filter(({ status }) => status === 'succeeded')
    .reduce((sum, { amount }) => sum + amount, 0);
  if (back === 0) return 'captured';
  return back >= total ? 'refunded' : 'partially_refunded';
}

const isoTime = (text: string) => new Date(text).toISOString();
