import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { FoundDifference, ReconciliationStatus } from './reconciliations.repository';

/** One comparison of our payments with the provider's, over a period. */
@Entity('reconciliations')
export class ReconciliationEntity {
  @PrimaryColumn('uuid') id!: string;
  @Column('text') status!: ReconciliationStatus;
  @Column('text') actor!: string;
  @Column('timestamptz') fromAt!: Date;
  @Column('timestamptz') toAt!: Date;
  @Column('int', { default: 0 }) compared!: number;
  /** Payments of others at the same account: counted and never touched. */
  @Column('int', { default: 0 }) others!: number;
  @Column('int', { default: 0 }) differenceCount!: number;
  /** The first of them. */
  @Column('jsonb', { default: [] }) differences!: FoundDifference[];
  @Column('text', { nullable: true }) error!: string | null;
  @Column('timestamptz', { default: () => 'clock_timestamp()' }) startedAt!: Date;
  @Column('timestamptz', { nullable: true }) endedAt!: Date | null;
  @Column('timestamptz', { nullable: true }) leaseExpiresAt!: Date | null;
}
