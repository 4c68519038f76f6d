import { documented, pageOfType } from '../http/answers';
import { strategyNames } from './strategies/strategies';

/** The answers of this module, by example. */

export const reservationType = documented(
  'Reservation',
  {
    id: 'rsv_01jd3v7q8nf0xv7c0kq1e5m9tz',
    object: 'reservation',
    status: 'active',
    customerId: 'cus_42',
    lines: [
      {
        sku: 'TEE-BLACK-M',
        quantity: 2,
        unitPrice: { amount: 1999, currency: 'EUR' },
        fencingToken: 17,
        units: [7, 8],
      },
    ],
    total: { amount: 3998, currency: 'EUR' },
    expiresAt: '2026-11-20T10:10:00.000Z',
    expiresInSeconds: 599,
    maxExpiresAt: '2026-11-20T10:30:00.000Z',
    extensionsUsed: 0,
    endReason: 'expired',
    orderId: 'ord_01jd3v7q8nf0xv7c0kq1e5m9tz',
    createdAt: '2026-11-20T10:00:00.000Z',
    metadata: { basket: 'b-17' },
  },
  {
    enums: { status: ['active', 'pinned', 'confirmed', 'released', 'expired'] },
    nullable: ['endReason', 'orderId'],
    // Told where each unit has a number.
    optional: ['lines[].units'],
  },
);
export const reservationListType = pageOfType(reservationType);

export const stockType = documented('Stock', { sku: 'TEE-BLACK-M', onHand: 100, reserved: 2, available: 98 });
export const stockListType = pageOfType(stockType);

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
      reserved: 2,
      available: 98,
      byPool: [
        { pool: 'eu', onHand: 50, reserved: 2, available: 48 },
        { pool: 'us', onHand: 50, reserved: 0, available: 50 },
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
