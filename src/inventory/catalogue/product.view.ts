import { availableIn, inAllPools } from '../products/pools';
import type { HeldInPool, ProductWithStock } from '../products/products.repository';
import { money } from '../../http/responses';

export function productView(product: ProductWithStock) {
  return {
    object: 'product' as const,
    sku: product.sku,
    name: product.name,
    unitPrice: money(product.unitAmount, product.currency),
    strategy: product.strategy,
    pools: product.pools.length > 1 ? product.pools : null,
    quantityPerOrderMax: product.quantityPerOrderMax,
    reservationsPerCustomerMax: product.reservationsPerCustomerMax,
    stock: {
      ...stockOf(sumOf(product.levels)),
      byPool: product.levels
        .filter(({ pool, onHand }) => onHand > 0 || product.pools.includes(pool))
        .map((level) => ({ pool: level.pool, ...stockOf(level) })),
    },
    version: product.version,
  };
}

/** From firm to free. What is sold is what is reserved and no longer live, so that only live reservations are summed. */
const stockOf = ({ onHand, reserved, active, pinned }: Omit<HeldInPool, 'pool'>) => ({
  onHand,
  reserved,
  confirmed: reserved - active - pinned,
  pinned,
  active,
  available: availableIn({ onHand, reserved }),
});

const sumOf = (levels: readonly HeldInPool[]) => ({
  ...inAllPools(levels),
  active: levels.reduce((sum, level) => sum + level.active, 0),
  pinned: levels.reduce((sum, level) => sum + level.pinned, 0),
});
