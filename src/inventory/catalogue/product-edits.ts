import type { Tx } from '../../database/database';
import { lastActionOn } from '../../audit-log/audit-log.repository';
import { money } from '../../http/responses';
import { productView } from './products.responses';
import { type Product, listProducts } from '../products/products.repository';

/** The part of a product that operators edit, in the same shape before and after. */
export const editableOf = (product: Omit<Product, 'version'>) => ({
  name: product.name,
  unitPrice: money(product.unitAmount, product.currency),
  strategy: product.strategy,
  pools: product.pools.length > 1 ? product.pools : null,
  quantityPerOrderMax: product.quantityPerOrderMax,
  reservationsPerCustomerMax: product.reservationsPerCustomerMax,
});

/** For an edit based on an old version: the product as it is now, who edited it last, and what this edit asked for. */
export async function conflictOf(tx: Tx, wanted: Omit<Product, 'version'>) {
  const [now] = await listProducts(tx, 1, null, wanted.sku);
  const edits = ['product.create', 'product.replace'];
  const last = await lastActionOn(tx, { type: 'product', id: wanted.sku }, edits);
  return {
    now: productView(now!),
    yours: editableOf(wanted),
    changedBy: last?.actor ?? null,
    changedAt: last?.at.toISOString() ?? null,
    changedSecondsAgo: last?.seconds ?? null,
  };
}
