import type { Money } from './common';

export type StepName = 'reserve-stock' | 'authorize-payment' | 'capture-payment' | 'place-order';

export type OrderStatus = 'pending' | 'placed' | 'rejected' | 'cancelled' | 'refunded';
export type SagaStatus = 'running' | 'completed' | 'compensating' | 'compensated' | 'stuck';
export type PaymentStatus =
  'none' | 'authorizing' | 'authorized' | 'captured' | 'declined' | 'unknown' | 'voided' | 'refunded';
export type RejectionReason =
  'insufficient_stock' | 'payment_declined' | 'reservation_expired' | 'cancelled' | 'abandoned';

/**
 * `GET orders?status=&sagaStatus=&step=&paymentStatus=unknown&customerId=&from=&to=`: a page, newest first. `status`,
 * `sagaStatus` and `step` take several, separated by commas; `from` (inclusive) and `to` (exclusive) are instants of
 * `createdAt`; the only `paymentStatus` that can be asked for is `unknown`. One: `GET /v1/orders/{id}`.
 * "Took" is `endedAt` minus `createdAt`.
 */
export interface Order {
  id: string;
  object: 'order';
  status: OrderStatus;
  rejectionReason: RejectionReason | null;
  customerId: string;
  reservationId: string;
  lines: { sku: string; quantity: number; unitPrice: Money }[];
  total: Money;
  payment: { status: PaymentStatus; reference: string | null };
  saga: { status: SagaStatus; step: StepName };
  createdAt: string;
  placedAt: string | null;
  endedAt: string | null;
  expiresAt: string;
  /** 0 unless pending. */
  expiresInSeconds: number;
  metadata: Record<string, string>;
}
