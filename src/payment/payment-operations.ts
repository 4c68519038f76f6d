import type { Queryable } from '../database/database';
import { publicId } from '../ids';

/**
 * What was asked of the payment provider, and what came of it. The row is committed before the first byte leaves.
 *
 * created → sent                        the call is about to be made
 * sent    → created                     it was held back on our side after all
 * sent    → approved | declined         heard; both are final
 * sent    → unknown → approved | declined   not heard; asked again under the same key
 */
export const operationKinds = ['authorize', 'capture', 'void', 'refund'] as const;
export type OperationKind = (typeof operationKinds)[number];
export type OperationStatus = 'created' | 'sent' | 'approved' | 'declined' | 'unknown';

export interface PaymentOperation {
  id: string;
  orderId: string;
  kind: OperationKind;
  /** Which operation of this kind the order has, from 1. Null: named by its row, see `namesOf`. */
  number: number | null;
  /** The provider's idempotency key. Null: the row's id is the key. */
  providerKey: string | null;
  status: OperationStatus;
  /** How often it was sent. */
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

/**
 * What a saga's operations are named after at the provider. It belongs to the saga's code version, because a repeat must
 * carry the same key and, as Stripe compares them, the same parameters.
 *
 * row      the row's id, which is random. Builds before code version 2 used it; their sagas keep it to their end
 * purpose  order, kind and number. A database that was restored and lacks the row derives the same key, and so hears the
 *          answer that the provider gave before
 */
export type OperationNaming = 'row' | 'purpose';

/** An operation's idempotency key and metadata. Nothing in them may depend on the time, the build or a setting. */
export interface OperationNames {
  key: string;
  /** Kept by the provider; it finds the operation when the key is forgotten. */
  metadata: { orderId: string } & Record<string, string>;
}

export function namesOf(operation: PaymentOperation): OperationNames {
  const orderId = publicId('ord', operation.orderId);
  if (operation.providerKey === null) {
    const operationId = publicId('pay', operation.id);
    return { key: operationId, metadata: { orderId, operationId } };
  }
  const { providerKey: key, kind, number } = operation;
  // guard: provider-metadata-from-purpose
  return { key, metadata: { orderId, kind, number: String(number) } };
}

export const purposeKey = (orderId: string, kind: OperationKind, number: number): string =>
  // guard: provider-key-from-purpose
  `${publicId('ord', orderId)}:${kind}:${number}`;

/** For SELECTs that read whole operations. */
export const operationColumns = `
  id, order_id AS "orderId", kind, number, provider_key AS "providerKey", status, attempt, amount, currency,
  provider_reference AS "providerReference", decline_code AS "declineCode", detail, created_at AS "createdAt", sent_at AS "sentAt", settled_at AS "settledAt"`;

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
