import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { AuditReport } from './last-audit';

/** The newest audit: one row. */
@Entity('last_audit')
export class LastAuditEntity {
  @PrimaryColumn('boolean', { default: true }) newest!: true;
  @Column('timestamptz') checkedAt!: Date;
  @Column('int') tookMs!: number;
  @Column('jsonb') report!: AuditReport;
}
