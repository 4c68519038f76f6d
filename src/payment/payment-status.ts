import { isSettled, moneyOf } from './order-money';
import {
  type OperationKind,
  type OperationStatus,
  type PaymentOperation,
  isAuthorization,
} from './payment-operations.repository';

export const paymentStatuses = [
  'none',
  'not_required',
  'authorizing',
  'processing',
  'requires_action',
  'authorized',
  'captured',
  'declined',
  'unknown',
  'voided',
  'refunding',
  'refunded',
  'partially_refunded',
  'refund_failed',
] as const;
export type PaymentStatus = (typeof paymentStatuses)[number];

type Seen = Pick<
  PaymentOperation,
  | 'kind'
  | 'status'
  | 'waitsFor'
  | 'failureReason'
  | 'request'
  | 'amount'
  | 'declineCode'
  | 'providerReference'
>;

/** All operations of an order's present payment attempt in one word: the last known state, or `unknown`. The first that fits. */
export function paymentStatusOf(
  operations: Seen[],
  facts: Parameters<typeof moneyOf>[1] = [],
): PaymentStatus {
  const is = (kind: OperationKind, status: OperationStatus) =>
    operations.some((operation) => operation.kind === kind && operation.status === status);
  if (operations.some(({ status }) => status === 'unknown')) return 'unknown';
  if (failedRefunds(operations, facts).length > 0) return 'refund_failed';
  // A refund in part is under way from its request on.
  const { captured, refunded, promised } = moneyOf(operations.filter(isAskedFor), facts);
  if (promised > refunded) return 'refunding';
  const pending = operations.find(({ status }) => status === 'pending');
  if (pending) return pending.waitsFor === 'buyer' ? 'requires_action' : 'processing';
  if (refunded > 0) return refunded >= captured ? 'refunded' : 'partially_refunded';
  // Cancelled while the buyer was to act: there was no decline.
  const isUndone = operations.some(
    (one) => isAuthorization(one) && one.status === 'declined' && one.declineCode === null,
  );
  if (captured === 0 && is('void', 'approved') && (is('authorize', 'approved') || isUndone)) return 'voided';
  if (is('capture', 'approved') || is('charge', 'approved')) return 'captured';
  if (is('authorize', 'approved')) return 'authorized';
  if (is('authorize', 'declined') || is('charge', 'declined')) return 'declined';
  return is('authorize', 'sent') || is('charge', 'sent') ? 'authorizing' : 'none';
}

/** Of the order as a whole, a refund shows once the provider has it. */
const isAskedFor = ({ kind, status, request }: Seen) =>
  kind !== 'refund' || request !== null || (status !== 'created' && status !== 'sent');

type Refund = Pick<PaymentOperation, 'kind' | 'status' | 'failureReason' | 'request'>;

/** The newest refund of the whole order did not reach the customer, and no other was made since. */
export function hasFailedRefund(operations: readonly Refund[]): boolean {
  const newest = operations.findLast(({ kind, request }) => kind === 'refund' && request === null);
  return newest !== undefined && didNotArrive(newest);
}

/** Refunds that did not reach the customer, and were neither made again nor settled otherwise. */
function failedRefunds(operations: Seen[], facts: Parameters<typeof moneyOf>[1]): Seen[] {
  const newest = new Map(
    operations.filter(({ kind }) => kind === 'refund').map((refund) => [refund.request, refund]),
  );
  return [...newest.values()].filter((refund) => didNotArrive(refund) && !isSettled(refund, facts));
}

const didNotArrive = ({ status, failureReason }: Refund) => status === 'failed' && failureReason !== null;
