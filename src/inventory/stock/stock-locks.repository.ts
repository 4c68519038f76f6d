import { type Tx, columnsOf } from '../../database/database';
import { safetyShares } from '../products/pools';
import { findProducts } from '../products/products.repository';
import type { StockLevelEntity } from './stock.entity';

/** Locks of stock rows, and what changes only under the locks of all rows of a product: the shares of its safety stock. */

/** `now`: the database's time, after this row was locked. */
export type LockedLevel = Omit<StockLevelEntity, 'leaseToken'> & { now: Date };

/** Locks rows in ascending (sku, pool) order, as every transaction does, so that none deadlock. */
const lockWhere = (condition: string) => `
  WITH locked AS MATERIALIZED (
    SELECT s.sku, s.pool, s.on_hand, s.reserved, s.safety_stock, s.fencing_token, s.version
      FROM stock_levels s
     WHERE ${condition}
     ORDER BY s.sku, s.pool
       FOR UPDATE OF s
  )
  SELECT sku, pool, on_hand AS "onHand", reserved, safety_stock AS "safetyStock", fencing_token AS "fencingToken", version,
         clock_timestamp() AS now
    FROM locked`;

const lockTheseLevels = lockWhere(
  `(s.sku, s.pool) IN (SELECT d.sku, d.pool FROM unnest($1::text[], $2::text[]) AS d (sku, pool))`,
);
const lockLevelsOf = lockWhere(`s.sku = ANY ($1::text[])`);

export function lockLevels(tx: Tx, wanted: { sku: string; pool: string }[]): Promise<LockedLevel[]> {
  // Hundreds of buyers of one SKU want one row.
  const rows = [...new Map(wanted.map((row) => [levelKey(row), row])).values()];
  return tx.rows<LockedLevel>(lockTheseLevels, columnsOf(rows, 'sku', 'pool'));
}

/**
 * The same for all pools of these SKUs. Where a pool lacks safety stock, it is dealt out again: units may have come back to
 * others since.
 */
export async function lockAllLevels(tx: Tx, skus: string[]): Promise<LockedLevel[]> {
  const levels = await tx.rows<LockedLevel>(lockLevelsOf, [skus]);
  const lacking = levels.filter(({ onHand, reserved, safetyStock }) => onHand - reserved < safetyStock);
  if (lacking.length === 0) return levels;
  // Read after the locks, because an operator who changes it holds them too.
  const products = await findProducts(tx, [...new Set(lacking.map(({ sku }) => sku))]);
  for (const product of products.values()) await dealSafetyStock(tx, product);
  return tx.rows<LockedLevel>(lockLevelsOf, [skus]);
}

/** Deals a product's safety stock out over its stock rows. Locks all of them. */
export async function dealSafetyStock(
  tx: Tx,
  { sku, pools, safetyStock }: { sku: string; pools: readonly string[]; safetyStock: number },
): Promise<void> {
  const levels = await tx.rows<LockedLevel>(lockLevelsOf, [[sku]]);
  const shares = safetyShares(levels, pools, safetyStock);
  const changes = levels
    .map(({ pool, safetyStock: before }, nth) => ({ pool, before, share: shares[nth]! }))
    .filter(({ before, share }) => share !== before);
  if (changes.length === 0) return;
  // The version too: it is what the strategy `version-check` judges by.
  await tx.affected(
    `
    UPDATE stock_levels s
       SET safety_stock = c.share, version = s.version + 1
      FROM unnest($2::text[], $3::int[]) AS c (pool, share)
     WHERE s.sku = $1::text AND s.pool = c.pool
    `,
    [sku, ...columnsOf(changes, 'pool', 'share')],
  );
}

export const levelKey = ({ sku, pool }: { sku: string; pool: string }) => `${sku}\n${pool}`;
