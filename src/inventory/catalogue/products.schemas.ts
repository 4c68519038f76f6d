import { documented, pageOfType } from '../../http/responses';
import { strategyNames } from '../allocation/strategies/strategies';

export const movementType = documented(
  'Movement',
  {
    object: 'movement',
    sku: 'TEE-BLACK-M',
    pool: 'main',
    kind: 'receive',
    delta: 50,
    onHandAfter: 150,
    reason: 'second pallet counted',
    actor: 'anna',
    at: '2026-11-20T10:00:00.000Z',
  },
  { enums: { kind: ['receive', 'adjust', 'ship', 'return', 'transfer'] } },
);

export const movementListType = pageOfType(movementType);

export const stockType = documented('Stock', { sku: 'TEE-BLACK-M', onHand: 100, reserved: 2, available: 98 });

export const stockListType = documented(
  'StockList',
  {
    object: 'list',
    data: [stockType.example],
    unknown: ['TEE-OLD-M'],
    hasMore: false,
    nextCursor: 'always null',
  },
  { nullable: ['nextCursor'] },
);

export const productType = documented(
  'Product',
  {
    object: 'product',
    sku: 'TEE-BLACK-M',
    name: 'T-shirt, black, M',
    unitPrice: { amount: 1999, currency: 'EUR' },
    strategy: 'pools',
    pools: ['eu', 'us'],
    quantityPerOrderMax: 4,
    reservationsPerCustomerMax: 1,
    stock: {
      onHand: 100,
      reserved: 5,
      confirmed: 2,
      pinned: 1,
      active: 2,
      available: 95,
      byPool: [
        { pool: 'eu', onHand: 50, reserved: 5, confirmed: 2, pinned: 1, active: 2, available: 45 },
        { pool: 'us', onHand: 50, reserved: 0, confirmed: 0, pinned: 0, active: 0, available: 50 },
      ],
    },
    version: 1,
  },
  {
    enums: { strategy: strategyNames },
    nullable: ['pools', 'quantityPerOrderMax', 'reservationsPerCustomerMax'],
  },
);

export const productListType = pageOfType(productType);
