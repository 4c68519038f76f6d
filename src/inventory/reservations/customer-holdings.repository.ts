import { type Tx, columnsOf } from '../../database/database';

/** A customer, as a principal names it, and a SKU. */
export interface CustomerOfSku {
  sku: string;
  principal: string;
  customerId: string;
}

export interface Holding {
  /** Live reservations of the customer, of any principal. */
  reservations: number;
  /** Units in live reservations. */
  held: number;
  /** Units sold and neither given back nor returned. */
  bought: number;
  /** Of the product, when this was read. */
  version: number;
}

/**
 * What customers have of SKUs; exact while the caller holds a stock row that every request of the customer for the SKU
 * locks.
 *
 * Starts from the customer, who has few, and not from live reservations or the SKU (docs/decisions/0025); and from the SKU's
 * first reservation, because a customer may have a long past and a SKU that is on sale is new.
 */
export function countHoldings(tx: Tx, wanted: CustomerOfSku[]): Promise<Holding[]> {
  return tx.rows<Holding>(
    `
    SELECT (SELECT p.version FROM products p WHERE p.sku = w.sku) AS version, has.*
      FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS w (sku, principal, customer_id, nth),
           LATERAL (
             SELECT count(*) FILTER (WHERE own.is_live)::int AS reservations,
                    coalesce(sum(own.units) FILTER (WHERE own.is_live AND own.principal = w.principal), 0)::bigint AS held,
                    coalesce(sum(own.units) FILTER (WHERE NOT own.is_live AND own.principal = w.principal), 0)::bigint AS bought
               FROM (SELECT r.principal, r.status <> 'confirmed' AS is_live,
                            CASE WHEN r.status IN ('pinned', 'confirmed')
                                   OR (r.status = 'active' AND r.expires_at > clock_timestamp())
                                 THEN (SELECT sum(CASE WHEN r.returned_at IS NULL THEN l.quantity - l.given_back ELSE l.shipped END
                                                  - l.returned)
                                         FROM reservation_lines l
                                        WHERE l.reservation_id = r.id AND l.sku = w.sku) END AS units
                       FROM reservations r
                      WHERE r.customer_id = w.customer_id
                        AND r.id >= (SELECT l.reservation_id FROM reservation_lines l WHERE l.sku = w.sku ORDER BY l.reservation_id LIMIT 1)
                     OFFSET 0) own
              WHERE own.units > 0
           ) has
     ORDER BY w.nth
    `,
    columnsOf(wanted, 'sku', 'principal', 'customerId'),
  );
}
