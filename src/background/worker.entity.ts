import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A worker that runs, and when it was last heard of. */
@Entity('workers')
export class WorkerEntity {
  @PrimaryColumn('text', { collation: 'C' }) id!: string;
  @Column('timestamptz') startedAt!: Date;
  @Column('timestamptz') beatAt!: Date;
  @Column('boolean', { default: false }) stopping!: boolean;
  @Column('jsonb') facts!: Record<string, unknown>;
  @Column('jsonb', { default: () => "'[]'" }) failingTasks!: Record<string, unknown>;
}
