import type { Queryable, Tx } from '../database/database';
import { newId } from '../ids';

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

const columns = `
  id, order_id AS "orderId", kind, status, attempt, amount, currency, provider_reference AS "providerReference",
  decline_code AS "declineCode", detail, created_at AS "createdAt", sent_at AS "sentAt", settled_at AS "settledAt"`;

export function operationsOf(queryable: Queryable, orderId: string): Promise<PaymentOperation[]> {
  return queryable.rows<PaymentOperation>(
    `SELECT ${columns} FROM payment_operations WHERE order_id = $1::uuid ORDER BY id`,
    [orderId],
  );
}

/** The living operation of this kind, made if there is none. A declined one is dead and is returned as it is. */
export async function findOrCreate(
  tx: Tx,
  wanted: { orderId: string; kind: OperationKind; amount: number; currency: string },
): Promise<PaymentOperation> {
  const known = (await operationsOf(tx, wanted.orderId))
    .filter((operation) => operation.kind === wanted.kind)
    .at(-1);
  if (known) return known;
  const [created] = await tx.rows<PaymentOperation>(
    `
    INSERT INTO payment_operations (id, order_id, kind, status, amount, currency, created_at)
    VALUES ($1::uuid, $2::uuid, $3::text, 'created', $4::bigint, $5::text, clock_timestamp())
    RETURNING ${columns}
    `,
    [newId(), wanted.orderId, wanted.kind, wanted.amount, wanted.currency],
  );
  return created!;
}

/** The call is about to be made; from here on nobody may assume that it was not. */
export async function markSent(tx: Tx, operation: PaymentOperation, now: Date): Promise<void> {
  const sent = await tx.affected(
    `
    UPDATE payment_operations
       SET status = CASE status WHEN 'created' THEN 'sent' ELSE status END, attempt = attempt + 1, sent_at = $2::timestamptz
     WHERE id = $1::uuid AND status IN ('created', 'sent', 'unknown')
    `,
    [operation.id, now],
  );
  if (sent !== 1) throw new Error(`Bug: operation ${operation.id} is settled and must not be sent again.`);
}

/** The call was held back on our side: the operation is as it was before it was marked as sent. */
export async function markNotSent(tx: Tx, before: PaymentOperation): Promise<void> {
  await tx.affected(
    `
    UPDATE payment_operations SET status = $2::text, attempt = attempt - 1, sent_at = $3::timestamptz
     WHERE id = $1::uuid AND status IN ('sent', 'unknown')
    `,
    [before.id, before.status, before.sentAt],
  );
}

export interface OperationAnswer {
  status: 'approved' | 'declined' | 'unknown';
  providerReference?: string;
  declineCode?: string;
  detail?: string;
}

/** Records what was heard. A settled operation keeps its answer, whoever brings another. */
export async function recordAnswer(
  tx: Tx,
  operationId: string,
  answer: OperationAnswer,
  now: Date,
): Promise<void> {
  await tx.affected(
    `
    UPDATE payment_operations
       SET status = $2::text,
           provider_reference = coalesce($3::text, provider_reference),
           decline_code = $4::text,
           detail = $5::text,
           settled_at = $6::timestamptz
     WHERE id = $1::uuid AND status IN ('created', 'sent', 'unknown')
    `,
    [
      operationId,
      answer.status,
      answer.providerReference ?? null,
      answer.declineCode ?? null,
      answer.detail?.slice(0, 500) ?? null,
      answer.status === 'unknown' ? null : now,
    ],
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
