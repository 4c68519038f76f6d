import { Column, Entity, PrimaryColumn } from 'typeorm';

/** What a pool has of a SKU: the row that buyers compete for. */
@Entity('stock_levels')
export class StockLevelEntity {
  @PrimaryColumn('text', { collation: 'C' }) sku!: string;
  @PrimaryColumn('text', { collation: 'C', default: 'main' }) pool!: string;
  @Column('int') onHand!: number;
  @Column('int', { default: 0 }) reserved!: number;
  @Column('bigint', { default: 1 }) version!: number;
  @Column('bigint', { default: 0 }) fencingToken!: number;
  @Column('bigint', { default: 0 }) leaseToken!: number;
  /** The share of the product's safety stock that this pool keeps. */
  @Column('int', { default: 0 }) safetyStock!: number;
}

/** Why `on_hand` changed. One row for each version of the level that changed it. */
@Entity('stock_movements')
export class StockMovementEntity {
  @PrimaryColumn('text', { collation: 'C' }) sku!: string;
  @PrimaryColumn('text', { collation: 'C' }) pool!: string;
  @PrimaryColumn('bigint') levelVersion!: number;
  @Column('text') kind!: 'receive' | 'adjust' | 'ship' | 'return' | 'transfer';
  @Column('int') delta!: number;
  @Column('int') onHandAfter!: number;
  @Column('text') reason!: string;
  @Column('text') actor!: string;
  @Column('timestamptz', { default: () => 'clock_timestamp()' }) createdAt!: Date;
}

/** A single unit, for SKUs whose units are numbered. */
@Entity('stock_units')
export class StockUnitEntity {
  @PrimaryColumn('text', { collation: 'C' }) sku!: string;
  @PrimaryColumn('int') unitNo!: number;
  @Column('uuid', { nullable: true }) reservationId!: string | null;
}

/** A lease on a SKU, for the strategy `lease`. */
@Entity('leases')
export class LeaseEntity {
  @PrimaryColumn('text', { collation: 'C' }) name!: string;
  @Column('uuid') owner!: string;
  @Column('bigint') token!: number;
  @Column('timestamptz') takenAt!: Date;
  @Column('timestamptz') expiresAt!: Date;
}
