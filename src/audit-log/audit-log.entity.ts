import { Column, Entity, PrimaryColumn } from 'typeorm';

/** Who did what, and why. Rows are only added. */
@Entity('admin_actions')
export class AdminActionEntity {
  @PrimaryColumn('uuid') id!: string;
  @Column('text') actor!: string;
  @Column('text') action!: string;
  @Column('text') objectType!: string;
  @Column('text') objectId!: string;
  @Column('text', { nullable: true }) reason!: string | null;
  @Column('jsonb', { nullable: true }) before!: Record<string, unknown> | null;
  @Column('jsonb', { nullable: true }) after!: Record<string, unknown> | null;
  @Column('timestamptz', { default: () => 'clock_timestamp()' }) at!: Date;
}
