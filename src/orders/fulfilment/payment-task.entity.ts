import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { Restock } from '../../inventory/shipments/shipping';
import type { TransitionCode, TransitionData } from '../checkout-saga/transition-codes';

/** What a refund by lines takes back. */
export interface RefundedLine {
  sku: string;
  quantity: number;
  restock: Restock;
  /** Of them, those that were never shipped. */
  givenBack: number;
}

/**
 * A refund or a capture that was asked for after the order was placed, until the provider has it.
 *
 * due   → done    the provider has done it, or has accepted the refund and follows it to its end
 * due   → stuck   attempts are used up (it keeps asking), or no retry can help (it waits for an operator)
 * stuck → done    the provider answered after all
 * stuck → due     retried by an operator
 * stuck → failed  given up by an operator
 * due   → failed  the capture was declined
 * done  → due     a refund that did not reach the customer is made again, by an operator
 */
export type TaskStatus = 'due' | 'stuck' | 'done' | 'failed';

@Entity('payment_tasks')
export class PaymentTaskEntity {
  @PrimaryColumn('uuid') id!: string;
  @Column('uuid') orderId!: string;
  @Column('text') kind!: 'refund' | 'capture';
  @Column('text') status!: TaskStatus;
  @Column('bigint') amount!: number;
  @Column('text') currency!: string;
  /** Names a refund at the provider: made from principal and idempotency key. */
  @Column('text', { nullable: true }) request!: string | null;
  /** Of a refund; null when it was for an amount alone. */
  @Column('jsonb', { nullable: true }) lines!: RefundedLine[] | null;
  /** Why the shop refunds. */
  @Column('text', { nullable: true }) reason!: string | null;
  /** Of a capture: what leaves when it is captured. */
  @Column('uuid', { nullable: true }) shipmentId!: string | null;
  @Column('text') actor!: string;
  /** Counted before the provider is asked. */
  @Column('int', { default: 0 }) attempt!: number;
  @Column('timestamptz', { nullable: true }) nextRunAt!: Date | null;
  @Column('timestamptz', { nullable: true }) leaseExpiresAt!: Date | null;
  @Column('bigint', { default: 0 }) fencingToken!: number;
  /** Why it last paused or stopped, and the facts. */
  @Column('text', { nullable: true }) code!: TransitionCode | null;
  @Column('jsonb', { nullable: true }) data!: TransitionData | null;
  @Column('text', { nullable: true }) lastError!: string | null;
  @Column('timestamptz') createdAt!: Date;
  @Column('timestamptz', { nullable: true }) endedAt!: Date | null;
}
