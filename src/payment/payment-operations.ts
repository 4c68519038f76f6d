import type { Queryable } from '../database/database';

/**
 * What was asked of the payment provider, and what came of it. The row's id is the provider's idempotency key, so the
 * row is committed before the first byte leaves.
 *
 * created → sent                        the call is about to be made
 * sent    → created                     it was held back on our side after all
 * sent    → approved | declined         heard; both are final
 * sent    → unknown → approved | declined   not heard; asked again under the same id
 */
export type OperationKind = 'authorize' | 'capture' | 'void' | 'refund';
export type OperationStatus = 'created' | 'sent' | 'approved' | 'declined' | 'unknown';

export interface PaymentOperation {
  id: string;
  orderId: string;
  kind: OperationKind;
  status: OperationStatus;
  attempt: number;
  amount: number;
  currency: string;
  providerReference: string | null;
  declineCode: string | null;
  detail: string | null;
  createdAt: Date;
  sentAt: Date | null;
  settledAt: Date | null;
}

/** For SELECTs that read whole operations. */
export const operationColumns = `
  id, order_id AS "orderId", kind, status, attempt, amount, currency, provider_reference AS "providerReference",
  decline_code AS "declineCode", detail, created_at AS "createdAt", sent_at AS "sentAt", settled_at AS "settledAt"`;

export function operationsOf(queryable: Queryable, orderId: string): Promise<PaymentOperation[]> {
  return queryable.rows<PaymentOperation>(
    `SELECT ${operationColumns} FROM payment_operations WHERE order_id = $1::uuid ORDER BY id`,
    [orderId],
  );
}

export type PaymentStatus =
  'none' | 'authorizing' | 'authorized' | 'captured' | 'declined' | 'unknown' | 'voided' | 'refunded';

/** What all operations of an order say together: the last thing that is certain, or that something is not. */
export function paymentStatusOf(operations: Pick<PaymentOperation, 'kind' | 'status'>[]): PaymentStatus {
  const is = (kind: OperationKind, status: OperationStatus) =>
    operations.some((operation) => operation.kind === kind && operation.status === status);
  if (operations.some((operation) => operation.status === 'unknown')) return 'unknown';
  if (is('refund', 'approved')) return 'refunded';
  if (is('void', 'approved')) return 'voided';
  if (is('capture', 'approved')) return 'captured';
  if (is('authorize', 'declined')) return 'declined';
  if (is('authorize', 'approved')) return 'authorized';
  return is('authorize', 'sent') ? 'authorizing' : 'none';
}
