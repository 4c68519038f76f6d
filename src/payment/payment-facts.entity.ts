import { Column, Entity, PrimaryColumn } from 'typeorm';

/** Something that happened at the provider without us, or went wrong there later. A case waits for an operator. */
@Entity('payment_facts')
export class PaymentFactEntity {
  @PrimaryColumn('uuid') id!: string;
  /** Null: the provider names an order that this database does not know. */
  @Column('uuid', { nullable: true }) orderId!: string | null;
  @Column('text') type!: string;
  /** The provider's id of what it is about: a refund, a dispute or an intent. */
  @Column('text') reference!: string;
  @Column('bigint') amount!: number;
  @Column('text') currency!: string;
  @Column('text', { nullable: true }) status!: string | null;
  @Column('timestamptz', { nullable: true }) dueBy!: Date | null;
  @Column('jsonb', { default: {} }) data!: Record<string, unknown>;
  /** By the provider's clock. */
  @Column('timestamptz') at!: Date;
  @Column('timestamptz', { default: () => 'clock_timestamp()' }) seenAt!: Date;
  @Column('bigint', { default: 0 }) amountAtRisk!: number;
  @Column('boolean', { default: false }) isCase!: boolean;
  @Column('timestamptz', { nullable: true }) settledAt!: Date | null;
  @Column('text', { nullable: true }) settledBy!: string | null;
  @Column('text', { nullable: true }) settledReason!: string | null;
}

/** An order whose money is due to be compared with the provider's records. */
@Entity('payment_checks')
export class PaymentCheckEntity {
  @PrimaryColumn('uuid') orderId!: string;
  @Column('timestamptz') dueAt!: Date;
  @Column('int', { default: 0 }) attempt!: number;
  /** Until then a worker checks it, and no other does. */
  @Column('timestamptz', { nullable: true }) leaseExpiresAt!: Date | null;
}

/** Names this installation in the metadata of what it sends to the provider, whose account others may use too. */
@Entity('installation')
export class InstallationEntity {
  @PrimaryColumn('boolean', { default: true }) single!: true;
  @Column('uuid') id!: string;
  @Column('timestamptz', { default: () => 'clock_timestamp()' }) createdAt!: Date;
  /** The number of its cell. It never changes: the ids of its rows contain it. */
  @Column('smallint', { default: 0 }) cell!: number;
}
