import { z } from 'zod';
import { bool, instant, int, money, moneyType, pageType, responseType, text } from '../../http/responses';
import { strategyNames } from '../allocation/strategies/strategies';
import { availableIn, inAllPools } from '../products/pools';
import type { Product, ProductWithStock, StockInPool } from '../products/products.repository';

export const movementType = responseType('Movement', {
  object: z.literal('movement'),
  sku: text('TEE-BLACK-M'),
  pool: text('main'),
  kind: z.enum(['receive', 'adjust', 'ship', 'return', 'transfer']),
  delta: int(50),
  onHandAfter: int(150).describe('In this pool.'),
  reason: text('second pallet counted'),
  actor: text('anna'),
  at: instant(),
});
export const movementListType = pageType(movementType);

export const stockType = responseType('Stock', {
  sku: text('TEE-BLACK-M'),
  onHand: int(100),
  reserved: int(2),
  safetyStock: int(0).describe('Units that are never offered.'),
  available: int(98).describe('max(0, onHand − reserved − safetyStock)'),
});

export const stockListType = responseType('StockList', {
  object: z.literal('list'),
  data: z.array(stockType),
  unknown: z.array(text('TEE-OLD-M')).describe('What was asked for and no product has.'),
  hasMore: bool(false),
  nextCursor: text('always null').nullable(),
});

const unitsHeld = {
  onHand: int(100),
  reserved: int(5).describe('confirmed + pinned + active'),
  confirmed: int(2).describe('Sold, not yet shipped.'),
  pinned: int(1).describe('Being charged for.'),
  active: int(2),
  available: int(95).describe('What buyers are offered: without the safety stock.'),
};

const editable = {
  name: text('T-shirt, black, M'),
  unitPrice: moneyType,
  strategy: z.enum(strategyNames),
  pools: z.array(text('eu')).nullable().describe('Null unless there are several.'),
  quantityPerOrderMax: int(4).nullable(),
  reservationsPerCustomerMax: int(1).nullable(),
  unitsPerCustomerMax: int(2)
    .nullable()
    .describe('Units that one customer may hold and have bought, less what came back.'),
  safetyStock: int(0).describe('Units that are never offered.'),
  salesStartAt: instant().nullable().describe('Stock can be taken from this time on; null: always.'),
  salesEndAt: instant().nullable().describe('And up to this time; null: without an end.'),
};

export const productType = responseType('Product', {
  object: z.literal('product'),
  sku: text('TEE-BLACK-M'),
  ...editable,
  stock: z.strictObject({
    ...unitsHeld,
    byPool: z.array(z.strictObject({ pool: text('eu'), ...unitsHeld })),
  }),
  version: int(1),
});
export type ProductResponse = z.infer<typeof productType>;
export const productListType = pageType(productType);

/** The members of `precondition_failed` (412) when a product is edited. */
export const productConflictType = responseType('ProductConflict', {
  currentEtag: text('"2"').describe('Send it as `If-Match` with what is to be kept.'),
  now: productType.describe('The product as it is.'),
  yours: z.strictObject(editable).describe('What the edit would have made of it.'),
  changedBy: text('anna').nullable(),
  changedAt: instant().nullable(),
  changedSecondsAgo: int(40).nullable(),
});
export type ProductConflict = z.infer<typeof productConflictType>;

export function productView(product: ProductWithStock): ProductResponse {
  return {
    object: 'product',
    sku: product.sku,
    ...editableOf(product),
    stock: {
      ...stockOf({ ...sumOf(product.levels), safetyStock: product.safetyStock }),
      byPool: product.levels
        .filter(({ pool, onHand }) => onHand > 0 || product.pools.includes(pool))
        .map((level) => ({ pool: level.pool, ...stockOf(level) })),
    },
    version: product.version,
  };
}

/** The part of a product that operators edit, in the same shape before and after. */
export const editableOf = (product: Omit<Product, 'version'>) => ({
  name: product.name,
  unitPrice: money(product.unitAmount, product.currency),
  strategy: product.strategy,
  pools: product.pools.length > 1 ? product.pools : null,
  quantityPerOrderMax: product.quantityPerOrderMax,
  reservationsPerCustomerMax: product.reservationsPerCustomerMax,
  unitsPerCustomerMax: product.unitsPerCustomerMax,
  safetyStock: product.safetyStock,
  salesStartAt: product.salesStartAt?.toISOString() ?? null,
  salesEndAt: product.salesEndAt?.toISOString() ?? null,
});

/** From firm to free. What is sold is what is reserved and no longer live, so that only live reservations are summed. */
const stockOf = ({ onHand, reserved, active, pinned, safetyStock }: Omit<StockInPool, 'pool'>) => ({
  onHand,
  reserved,
  confirmed: reserved - active - pinned,
  pinned,
  active,
  available: availableIn({ onHand, reserved, safetyStock }),
});

const sumOf = (levels: readonly StockInPool[]) => ({
  ...inAllPools(levels),
  active: levels.reduce((sum, level) => sum + level.active, 0),
  pinned: levels.reduce((sum, level) => sum + level.pinned, 0),
});
