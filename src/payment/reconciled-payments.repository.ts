import type { Queryable } from '../database/database';
import { firstIdAt } from '../ids';
import { authorizationKinds } from './payment-operations.repository';

/** A row's id may be older or newer than its time by this, as the clocks of processes differ. */
const clockSkewMs = 60_000;

export interface AskedOrder {
  /** The operation's id, by which the pages go on. */
  id: string;
  orderId: string;
  /** The provider's id of the authorization that the order keeps; null when it keeps none. */
  reference: string | null;
  /** Where the provider was asked. */
  account: string | null;
}

/**
 * Orders for which the provider was asked in this period and accepted something, a page at a time, by the operations' ids.
 * `after`: the last id of the page before.
 */
export async function ordersAskedBetween(
  queryable: Queryable,
  { from, to, after }: { from: Date; to: Date; after: string | null },
  limit: number,
): Promise<AskedOrder[]> {
  return queryable.rows<AskedOrder>(
    `
    SELECT p.id, p.order_id AS "orderId", p.stripe_account AS account,
           (SELECT a.provider_reference
              FROM payment_operations a
             WHERE a.order_id = p.order_id AND a.kind IN ${authorizationKinds} AND a.status IN ('approved', 'pending')
             ORDER BY a.id DESC LIMIT 1) AS reference
      FROM payment_operations p
     WHERE p.id > $1::uuid AND p.id < $2::uuid
       AND p.provider_reference IS NOT NULL AND p.status IN ('approved', 'pending', 'failed')
     ORDER BY p.id
     LIMIT $3::int
    `,
    [after ?? firstIdAt(from.getTime() - clockSkewMs), firstIdAt(to.getTime() + clockSkewMs), limit],
  );
}

/** The newest authorizations that the provider has accepted. */
export function newestAuthorizations(
  queryable: Queryable,
  limit: number,
): Promise<{ orderId: string; reference: string; account: string | null }[]> {
  return queryable.rows(
    `
    SELECT order_id AS "orderId", provider_reference AS reference, stripe_account AS account
      FROM payment_operations
     WHERE kind IN ${authorizationKinds} AND status = 'approved' AND provider_reference IS NOT NULL
     ORDER BY id DESC
     LIMIT $1::int
    `,
    [limit],
  );
}

/**
 * Connected accounts that payments of ours were made at. From one to the next in the index, so that it costs a look for each
 * account and not for each payment.
 */
export async function connectedAccounts(queryable: Queryable): Promise<string[]> {
  const rows = await queryable.rows<{ account: string }>(
    `
    WITH RECURSIVE found AS (
      SELECT min(stripe_account) AS account FROM payment_operations
       UNION ALL
      SELECT (SELECT min(stripe_account) FROM payment_operations WHERE stripe_account > found.account)
        FROM found
       WHERE found.account IS NOT NULL
    )
    SELECT account FROM found WHERE account IS NOT NULL
    `,
  );
  return rows.map(({ account }) => account);
}

/** Orders with a dispute that is neither won nor lost. */
export async function ordersWithOpenDisputes(queryable: Queryable): Promise<string[]> {
  const rows = await queryable.rows<{ orderId: string }>(
    `
    SELECT DISTINCT order_id AS "orderId"
      FROM payment_facts f
     WHERE type = 'dispute_opened' AND order_id IS NOT NULL
       AND NOT EXISTS (SELECT FROM payment_facts e
                        WHERE e.reference = f.reference AND e.type IN ('dispute_won', 'dispute_lost'))
    `,
  );
  return rows.map(({ orderId }) => orderId);
}

/** A payment whose order is not here has one fact. */
export async function unknownOrderFact(
  queryable: Queryable,
  reference: string,
): Promise<{ id: string; isOpen: boolean } | undefined> {
  const [fact] = await queryable.rows<{ id: string; isOpen: boolean }>(
    `SELECT id, settled_at IS NULL AS "isOpen" FROM payment_facts WHERE type = 'unknown_order' AND reference = $1::text`,
    [reference],
  );
  return fact;
}
