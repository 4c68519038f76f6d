import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { ReleaseFilterDto } from './releases.dto';

/**
 * Releases of many reservations at once.
 *
 * counted → running   an operator has seen the numbers and pressed
 * running → done      every reservation that was counted has been looked at
 * running → stopped   an operator stopped it; what was released stays released
 *
 * `members` are exactly the reservations that were counted, by id; the four sums tell how many of them have been looked at.
 */
export type ReleaseStatus = 'counted' | 'running' | 'done' | 'stopped';

@Entity('releases')
export class ReleaseEntity {
  @PrimaryColumn('uuid') id!: string;
  @Column('text') actor!: string;
  @Column('jsonb') filter!: ReleaseFilterDto;
  @Column('uuid', { array: true }) members!: string[];
  @Column('bigint') units!: number;
  @Column('int') customers!: number;
  @Column('int') skippedPinned!: number;
  @Column('timestamptz') countedAt!: Date;
  @Column('text', { default: 'counted' }) status!: ReleaseStatus;
  @Column('text', { nullable: true }) reason!: string | null;
  @Column('int', { default: 0 }) released!: number;
  @Column('bigint', { default: 0 }) unitsReleased!: number;
  @Column('int', { default: 0 }) endedBefore!: number;
  @Column('int', { default: 0 }) pinnedMeanwhile!: number;
  @Column('timestamptz', { nullable: true }) startedAt!: Date | null;
  @Column('timestamptz', { nullable: true }) endedAt!: Date | null;
  @Column('timestamptz', { nullable: true }) leaseExpiresAt!: Date | null;
}
