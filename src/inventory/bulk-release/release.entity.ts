import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { ReleaseFilter, ReleaseStatus } from './releases.repository';

@Entity('releases')
export class ReleaseEntity {
  @PrimaryColumn('uuid') id!: string;
  @Column('text') actor!: string;
  @Column('jsonb') filter!: ReleaseFilter;
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
