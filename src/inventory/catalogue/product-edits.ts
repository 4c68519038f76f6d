import type { Tx } from '../../database/database';
import { money } from '../../http/responses';
import { productView } from './products.responses';
import { type Product, listProducts } from '../products/products.repository';

/** What of a product is edited, before and after alike, so that the two can be laid side by side. */
export const editableOf = (product: Omit<Product, 'version'>) => ({
  name: product.name,
  unitPrice: money(product.unitAmount, product.currency),
  strategy: product.strategy,
  pools: product.pools.length > 1 ? product.pools : null,
  quantityPerOrderMax: product.quantityPerOrderMax,
  reservationsPerCustomerMax: product.reservationsPerCustomerMax,
});

/** For an edit that came too late: the product as it is now, who made it so, and what the edit would have made of it. */
export async function conflictOf(tx: Tx, wanted: Omit<Product, 'version'>) {
  const [now] = await listProducts(tx, 1, null, wanted.sku);
  const [last] = await tx.rows<{ actor: string; at: Date; seconds: number }>(
    `
    SELECT actor, at, floor(extract(epoch FROM clock_timestamp() - at))::int AS seconds
      FROM admin_actions
     WHERE object_type = 'product' AND object_id = $1::text AND action IN ('product.create', 'product.replace')
     ORDER BY id DESC
     LIMIT 1
    `,
    [wanted.sku],
  );
  return {
    now: productView(now!),
    yours: editableOf(wanted),
    changedBy: last?.actor ?? null,
    changedAt: last?.at.toISOString() ?? null,
    changedSecondsAgo: last?.seconds ?? null,
  };
}
