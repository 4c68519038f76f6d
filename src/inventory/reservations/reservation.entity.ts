import { Column, Entity, PrimaryColumn } from 'typeorm';

/**
 * The states of a reservation.
 *
 * active    → pinned     a charge is about to be asked for (its order's saga)
 * active    → confirmed  sold by a shop that charges elsewhere
 * active    → expired    its time is up; every read sees it, and the sweeper ends it
 * pinned    → confirmed  charged: sold
 * active, pinned → released   by its shop, an operator or its order's saga
 *
 * Confirmed, released and expired are final. Confirmed units stay in `reserved` until they are shipped or given
 * back, or until `returned_at` says that an ended order gave back all that were left.
 */
export type ReservationStatus = 'active' | 'pinned' | 'confirmed' | 'released' | 'expired';

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
  @PrimaryColumn('uuid') reservationId!: string;
  @PrimaryColumn('text', { collation: 'C' }) sku!: string;
  @PrimaryColumn('text', { collation: 'C' }) pool!: string;
  @Column('int') quantity!: number;
  @Column('bigint') unitAmount!: number;
  @Column('bigint') fencingToken!: number;
  @Column('int', { default: 0 }) shipped!: number;
  /** Given back before they were shipped: on sale again. */
  @Column('int', { default: 0 }) givenBack!: number;
  /** Shipped units that came back. */
  @Column('int', { default: 0 }) returned!: number;
}
