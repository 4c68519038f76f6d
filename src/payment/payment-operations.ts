import type { Queryable } from '../database/database';
import { publicId } from '../ids';

/**
 * A call to the payment provider and its result. The row is committed before the call is made.
 *
 * created → sent                            the call is about to be made
 * sent    → created                         it was held back in this process
 * sent    → approved | declined             the result is known; both are final
 * sent    → unknown → approved | declined   no clear result; asked again under the same key
 */
export const operationKinds = ['authorize', 'capture', 'void', 'refund'] as const;
export type OperationKind = (typeof operationKinds)[number];
export type OperationStatus = 'created' | 'sent' | 'approved' | 'declined' | 'unknown';

export interface PaymentOperation {
  id: string;
  orderId: string;
  kind: OperationKind;
  /** Counts the order's operations of this kind, from 1. Null: named by its row, see `namesOf`. */
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
 * How a saga's operations are named at the provider. It depends on the saga's code version, because a repeat needs the same
 * key and, since Stripe compares them, the same parameters.
 *
 * row      by the row's id, which is random. Builds before code version 2 used it; their sagas keep it
 * purpose  by order, kind and number. A restored database that lost the row derives the same key, and so gets the result
 *          that the provider gave before
 */
export type OperationNaming = 'row' | 'purpose';

/** An operation's idempotency key and metadata. They must not depend on time, build or settings. */
export interface OperationNames {
  key: string;
  /** Kept by the provider; finds the operation when it has forgotten the key. */
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

/** All operations of an order in one word: the last known state, or `unknown`. */
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
