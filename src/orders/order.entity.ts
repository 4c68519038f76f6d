import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { PaymentOptions } from '../payment/payment-options';

/** A pending order that is cancelled becomes `rejected`, with the reason `cancelled`; a placed one becomes `cancelled`. */
export type OrderStatus = 'pending' | 'placed' | 'rejected' | 'cancelled' | 'refunded';

/** `insufficient_stock` is allowed by the schema and not used: such a request is refused without an order. */
export type RejectionReason =
  'insufficient_stock' | 'payment_declined' | 'reservation_expired' | 'cancelled' | 'abandoned';

/**
 * When the money is taken. The first is the default, and what orders of earlier builds are.
 *
 * automatic    authorized, then captured, before the order is placed
 * immediate    charged in one call before the order is placed: half the calls to the provider
 * on_shipment  authorized before the order is placed, captured when it ships
 */
export const captureModes = ['automatic', 'immediate', 'on_shipment'] as const;
export type CaptureMode = (typeof captureModes)[number];

/** How long the stock stays reserved for another card after a decline, and how many cards may be tried, the first included. */
export interface OnDecline {
  holdSeconds: number;
  attemptsMax: number;
}

/** Describes the table. Orders are read and written by SQL in `orders.repository.ts`. */
@Entity('orders')
export class OrderEntity {
  @PrimaryColumn('uuid') id!: string;
  @Column('text') principal!: string;
  @Column('text') customerId!: string;
  @Column('uuid') reservationId!: string;
  @Column('text') paymentMethod!: string;
  @Column('text') status!: OrderStatus;
  @Column('text', { nullable: true }) rejectionReason!: RejectionReason | null;
  @Column('bigint') totalAmount!: number;
  @Column('text') currency!: string;
  @Column('jsonb') metadata!: Record<string, string>;
  @Column('int', { default: 1 }) version!: number;
  @Column('timestamptz') createdAt!: Date;
  @Column('timestamptz', { nullable: true }) placedAt!: Date | null;
  @Column('timestamptz', { nullable: true }) endedAt!: Date | null;
  @Column('text', { default: 'automatic' }) capture!: CaptureMode;
  @Column('jsonb', { nullable: true }) payment!: PaymentOptions | null;
  @Column('jsonb', { nullable: true }) onDecline!: OnDecline | null;
  @Column('int', { default: 1 }) paymentAttempt!: number;
  /** Of the reservations that it had before its present one, so that what it shows never has a lower version. */
  @Column('int', { default: 0 }) pastVersions!: number;
}

@Entity('order_lines')
export class OrderLineEntity {
  @PrimaryColumn('uuid') orderId!: string;
  @PrimaryColumn('text', { collation: 'C' }) sku!: string;
  @Column('int') quantity!: number;
  @Column('bigint') unitAmount!: number;
}
