import type { Tx } from '../database/database';
import {
  type OperationKind,
  type OperationStatus,
  authorizationKinds,
} from './payment-operations.repository';

/** What the provider reports about operations by itself, outside of the saga that sent them. */

/** An operation as far as an event of the provider concerns it. */
export interface NamedOperation {
  id: string;
  orderId: string;
  kind: OperationKind;
  number: number | null;
  status: OperationStatus;
  reference: string | null;
  account: string | null;
}

export const namedOperationsOf = (tx: Tx, orderIds: string[]): Promise<NamedOperation[]> =>
  tx.rows<NamedOperation>(
    `
    SELECT id, order_id AS "orderId", kind, number, status, provider_reference AS reference, stripe_account AS account
      FROM payment_operations
     WHERE order_id = ANY ($1::uuid[])
    `,
    [orderIds],
  );

/** The orders whose authorization has one of these references. */
export const ordersByReference = (
  tx: Tx,
  references: string[],
): Promise<{ orderId: string; reference: string; account: string | null }[]> =>
  tx.rows(
    `
    SELECT order_id AS "orderId", provider_reference AS reference, stripe_account AS account
      FROM payment_operations
     WHERE kind IN ${authorizationKinds} AND provider_reference = ANY ($1::text[])
    `,
    [references],
  );

/**
 * Gives authorizations without a clear result the reference that an event names, so that their saga looks the payment up
 * instead of searching for it. Returns the operations that it changed; one that its saga is writing at this moment is skipped.
 */
export async function adoptReferences(
  tx: Tx,
  named: { operationId: string; reference: string }[],
): Promise<Set<string>> {
  if (named.length === 0) return new Set();
  const adopted = await tx.rows<{ id: string }>(
    `
    WITH free AS MATERIALIZED (
      SELECT p.id, n.reference
        FROM unnest($1::uuid[], $2::text[]) AS n (id, reference)
        JOIN payment_operations p ON p.id = n.id
       WHERE p.kind IN ${authorizationKinds} AND p.status IN ('sent', 'unknown') AND p.provider_reference IS NULL
       ORDER BY p.id
         FOR UPDATE OF p SKIP LOCKED
    )
    UPDATE payment_operations p SET provider_reference = free.reference
      FROM free
     WHERE p.id = free.id
    RETURNING p.id
    `,
    [named.map(({ operationId }) => operationId), named.map(({ reference }) => reference)],
  );
  return new Set(adopted.map(({ id }) => id));
}

export interface RefundEnd {
  operationId: string;
  status: 'approved' | 'failed';
  reference: string;
  failureReason: string | null;
}

/**
 * Ends refunds that the provider had accepted. The caller has locked their sagas. Returns how many it changed: an approved one
 * can only fail.
 */
export function endRefunds(tx: Tx, ends: RefundEnd[], now: Date): Promise<number> {
  return tx.affected(
    `
    UPDATE payment_operations p
       SET status = n.status, failure_reason = n.failure_reason, waits_for = NULL,
           provider_reference = coalesce(p.provider_reference, n.reference),
           settled_at = CASE WHEN p.status = 'pending' OR n.status = 'failed' THEN $5::timestamptz ELSE p.settled_at END
      FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) AS n (id, status, reference, failure_reason)
     WHERE p.id = n.id AND p.kind = 'refund'
       AND (p.status = 'pending' OR (p.status = 'approved' AND n.status = 'failed'))
    `,
    [
      ends.map(({ operationId }) => operationId),
      ends.map(({ status }) => status),
      ends.map(({ reference }) => reference),
      ends.map(({ failureReason }) => failureReason),
      now,
    ],
  );
}
