import {
  type OperationKind,
  type OperationStatus,
  type PaymentOperation,
  isAuthorization,
} from './payment-operations.repository';

export const paymentStatuses = [
  'none',
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

/** All operations of an order's present payment attempt in one word: the last known state, or `unknown`. The first that fits. */
export function paymentStatusOf(
  operations: Pick<PaymentOperation, 'kind' | 'status' | 'waitsFor' | 'failureReason' | 'declineCode'>[],
): PaymentStatus {
  const is = (kind: OperationKind, status: OperationStatus) =>
    operations.some((operation) => operation.kind === kind && operation.status === status);
  if (operations.some(({ status }) => status === 'unknown')) return 'unknown';
  if (hasFailedRefund(operations)) return 'refund_failed';
  if (is('refund', 'pending')) return 'refunding';
  const pending = operations.find(({ status }) => status === 'pending');
  if (pending) return pending.waitsFor === 'buyer' ? 'requires_action' : 'processing';
  if (is('refund', 'approved')) return 'refunded';
  // Cancelled while the buyer was to act: there was no decline.
  const isUndone = operations.some(
    (one) => isAuthorization(one) && one.status === 'declined' && one.declineCode === null,
  );
  if (is('void', 'approved') && (is('authorize', 'approved') || isUndone)) return 'voided';
  if (is('capture', 'approved') || is('charge', 'approved')) return 'captured';
  if (is('authorize', 'approved')) return 'authorized';
  if (is('authorize', 'declined') || is('charge', 'declined')) return 'declined';
  return is('authorize', 'sent') || is('charge', 'sent') ? 'authorizing' : 'none';
}

/** The newest refund did not reach the customer, and no other was made since. */
export function hasFailedRefund(
  operations: readonly Pick<PaymentOperation, 'kind' | 'status' | 'failureReason'>[],
): boolean {
  const newest = operations.findLast(({ kind }) => kind === 'refund');
  return newest?.status === 'failed' && newest.failureReason !== null;
}
