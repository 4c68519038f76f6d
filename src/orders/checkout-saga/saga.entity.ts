import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { OrderEnd, SagaStatus } from '../saga-state';
import type { TransitionCode, TransitionData } from './transition-codes';

@Entity('sagas')
export class SagaEntity {
  @PrimaryColumn('uuid') orderId!: string;
  @Column('text') status!: SagaStatus;
  @Column('text') step!: string;
  @Column('int', { default: 0 }) attempt!: number;
  @Column('text', { nullable: true }) wanted!: 'cancel' | 'refund' | null;
  @Column('text', { nullable: true }) endsAs!: OrderEnd | null;
  @Column('text', { nullable: true }) lastError!: string | null;
  @Column('timestamptz', { nullable: true }) nextRunAt!: Date | null;
  @Column('timestamptz', { nullable: true }) leaseExpiresAt!: Date | null;
  @Column('text', { nullable: true }) leaseOwner!: string | null;
  @Column('bigint', { default: 0 }) fencingToken!: number;
  @Column('int') codeVersion!: number;
  @Column('int', { default: 1 }) version!: number;
  @Column('int', { default: 0 }) sweeps!: number;
  @Column('boolean', { default: false }) searchFirst!: boolean;
}

/** One line of a saga’s history. */
@Entity('saga_transitions')
export class SagaTransitionEntity {
  @PrimaryColumn('uuid') orderId!: string;
  @PrimaryColumn('int') version!: number;
  @Column('text', { nullable: true }) fromStatus!: SagaStatus | null;
  @Column('text') toStatus!: SagaStatus;
  @Column('text') step!: string;
  @Column('int') attempt!: number;
  @Column('text') cause!: string;
  @Column('text', { nullable: true }) detail!: string | null;
  @Column('bigint') fencingToken!: number;
  @Column('text') worker!: string;
  @Column('timestamptz', { default: () => 'clock_timestamp()' }) at!: Date;
  @Column('text', { nullable: true }) code!: TransitionCode | null;
  @Column('jsonb', { nullable: true }) data!: TransitionData | null;
}
