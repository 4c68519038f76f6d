import { Column, Entity, ForeignKey, PrimaryColumn } from 'typeorm';
import type { ReservationStatus } from './reservation';

@Entity('reservations')
export class ReservationEntity {
  @PrimaryColumn('uuid') id!: string;
  @Column('text') principal!: string;
  @Column('text') customerId!: string;
  @Column('uuid', { nullable: true }) orderId!: string | null;
  @Column('text') status!: ReservationStatus;
  @Column('bigint') totalAmount!: number;
  @Column('text') currency!: string;
  @Column('timestamptz') expiresAt!: Date;
  @Column('timestamptz') maxExpiresAt!: Date;
  @Column('int', { default: 0 }) extensionsUsed!: number;
  @Column('text', { nullable: true }) endReason!: string | null;
  @Column('timestamptz', { nullable: true }) endedAt!: Date | null;
  @Column('timestamptz', { nullable: true }) returnedAt!: Date | null;
  @Column('jsonb') metadata!: Record<string, string>;
  @Column('int', { default: 1 }) version!: number;
  @Column('timestamptz') createdAt!: Date;
}

/** What a pool gave to a line. */
@Entity('reservation_lines')
export class ReservationLineEntity {
  @ForeignKey(() => ReservationEntity) @PrimaryColumn('uuid') reservationId!: string;
  @PrimaryColumn('text', { collation: 'C' }) sku!: string;
  @PrimaryColumn('text', { collation: 'C' }) pool!: string;
  @Column('int') quantity!: number;
  @Column('bigint') unitAmount!: number;
  @Column('bigint') fencingToken!: number;
}
