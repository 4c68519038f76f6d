import { documented, pageOfType } from '../../http/responses';

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
