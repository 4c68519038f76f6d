import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { ActivityFacts } from './activity';

/** What one process counted in one second. */
@Entity('activity')
export class ActivityEntity {
  @PrimaryColumn('timestamptz') second!: Date;
  @PrimaryColumn('uuid') process!: string;
  @Column('jsonb') facts!: ActivityFacts;
}

/** What a strategy came to on a SKU when it was last under load. */
@Entity('strategy_measurements')
export class StrategyMeasurementEntity {
  @PrimaryColumn('text', { collation: 'C' }) sku!: string;
  @PrimaryColumn('text', { collation: 'C' }) strategy!: string;
  @Column('timestamptz') measuredAt!: Date;
  @Column('double precision') p50Ms!: number;
  @Column('double precision') p99Ms!: number;
  @Column('double precision') conflictRate!: number;
  @Column('double precision') batchSize!: number;
  @Column('double precision') peakPerSecond!: number;
}
