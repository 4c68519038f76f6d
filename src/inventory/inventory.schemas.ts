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

export const returningType = documented(
  'Returning',
  {
    object: 'returning',
    sku: 'TEE-BLACK-M',
    asOf: '2026-11-20T10:00:00.000Z',
    units: [4, 0, 2],
    withinMinute: 6,
    active: { units: 6, reservations: 5 },
    pinned: { units: 2, reservations: 2 },
  },
  { nullable: ['sku'] },
);

const releaseFilter = {
  ids: ['rsv_01jd3v7q8nf0xv7c0kq1e5m9tz'],
  status: 'active',
  sku: 'TEE-BLACK-M',
  customerId: 'cus_42',
  expiringWithinSeconds: 60,
};
const optionalFilter = Object.keys(releaseFilter).map((name) => `filter.${name}`);

export const releaseCountType = documented(
  'ReleaseCount',
  {
    object: 'release_count',
    filter: releaseFilter,
    reservations: 189,
    units: 276,
    customers: 171,
    skippedPinned: 281,
    asOf: '2026-11-20T10:00:00.000Z',
    token: 'rel_01jd3v7q8nf0xv7c0kq1e5m9tz',
    tokenExpiresInSeconds: 599,
  },
  { optional: optionalFilter },
);

export const releaseType = documented(
  'Release',
  {
    object: 'release',
    id: 'rel_01jd3v7q8nf0xv7c0kq1e5m9tz',
    status: 'running',
    filter: releaseFilter,
    reason: 'wrong price, ticket 902',
    actor: 'anna',
    reservations: 189,
    handled: 74,
    released: 70,
    unitsReleased: 101,
    endedBefore: 3,
    pinnedMeanwhile: 1,
    startedAt: '2026-11-20T10:00:02.000Z',
    endedAt: '2026-11-20T10:00:03.000Z',
  },
  { enums: { status: ['running', 'done', 'stopped'] }, nullable: ['endedAt'], optional: optionalFilter },
);
export const releaseListType = pageOfType(releaseType);

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
