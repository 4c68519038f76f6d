import { documented, pageOfType } from '../http/responses';
import { stepNames } from './checkout-saga/checkout.saga';

/** The answers of this module, by example. */

const money = { amount: 3998, currency: 'EUR' };
export const sagaStatuses = ['running', 'completed', 'compensating', 'compensated', 'stuck'];

export const orderType = documented(
  'Order',
  {
    id: 'ord_01jd3v7q8nf0xv7c0kq1e5m9tz',
    object: 'order',
    status: 'placed',
    rejectionReason: 'payment_declined',
    customerId: 'cus_42',
    reservationId: 'rsv_01jd3v7q8nf0xv7c0kq1e5m9tz',
    lines: [{ sku: 'TEE-BLACK-M', quantity: 2, unitPrice: { amount: 1999, currency: 'EUR' } }],
    total: money,
    payment: { status: 'captured', reference: 'pi_3Q…', declineCode: 'insufficient_funds' },
    saga: { status: 'completed', step: 'place-order' },
    createdAt: '2026-11-20T10:00:00.000Z',
    placedAt: '2026-11-20T10:00:00.060Z',
    endedAt: '2026-11-20T10:00:00.060Z',
    expiresAt: '2026-11-20T10:10:00.000Z',
    expiresInSeconds: 599,
    metadata: { basket: 'b-17' },
  },
  {
    enums: {
      status: ['pending', 'placed', 'rejected', 'cancelled', 'refunded'],
      rejectionReason: [
        'insufficient_stock',
        'payment_declined',
        'reservation_expired',
        'cancelled',
        'abandoned',
      ],
      'payment.status': [
        'none',
        'authorizing',
        'authorized',
        'captured',
        'declined',
        'unknown',
        'voided',
        'refunded',
      ],
      'saga.status': sagaStatuses,
      'saga.step': stepNames,
    },
    nullable: ['rejectionReason', 'payment.reference', 'payment.declineCode', 'placedAt', 'endedAt'],
  },
);
export const orderListType = pageOfType(orderType);
