import { Column, Entity, PrimaryColumn } from 'typeorm';

/** Which worker looks for due work, among those that look for the same. */
@Entity('sweep_leases')
export class SweepLeaseEntity {
  /** A hash of the statement that looks. */
  @PrimaryColumn('text', { collation: 'C' }) look!: string;
  @Column('text') holder!: string;
  @Column('timestamptz') renewedAt!: Date;
  @Column('timestamptz') expiresAt!: Date;
}
