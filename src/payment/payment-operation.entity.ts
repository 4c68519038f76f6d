import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { OperationKind, OperationStatus } from './payment-operations.repository';

@Entity('payment_operations')
export class PaymentOperationEntity {
  @PrimaryColumn('uuid') id!: string;
  @Column('uuid') orderId!: string;
  @Column('text') kind!: OperationKind;
  @Column('text') status!: OperationStatus;
  @Column('int', { default: 0 }) attempt!: number;
  @Column('bigint') amount!: number;
  @Column('text') currency!: string;
  @Column('text', { nullable: true }) providerReference!: string | null;
  @Column('text', { nullable: true }) declineCode!: string | null;
  @Column('text', { nullable: true }) detail!: string | null;
  @Column('timestamptz') createdAt!: Date;
  @Column('timestamptz', { nullable: true }) sentAt!: Date | null;
  @Column('timestamptz', { nullable: true }) settledAt!: Date | null;
  @Column('int', { nullable: true }) number!: number | null;
  @Column('uuid', { nullable: true }) taskId!: string | null;
  @Column('text', { nullable: true }) request!: string | null;
  @Column('text', { nullable: true }) providerKey!: string | null;
  @Column('text', { nullable: true }) doubt!: string | null;
  @Column('int', { default: 0 }) looks!: number;
  @Column('text', { nullable: true }) waitsFor!: 'buyer' | 'provider' | null;
  @Column('text', { nullable: true }) failureReason!: string | null;
  @Column('timestamptz', { nullable: true }) captureBefore!: Date | null;
  @Column('text', { nullable: true }) stripeAccount!: string | null;
  @Column('int', { default: 1 }) paymentAttempt!: number;
  @Column('timestamptz', { nullable: true }) actionExpiresAt!: Date | null;
  @Column('boolean', { default: false }) mayTryAnotherCard!: boolean;
}
