import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A key of a request, and what it made. Committed together. */
@Entity('idempotency_keys')
export class IdempotencyKeyEntity {
  @PrimaryColumn('text') principal!: string;
  @PrimaryColumn('text') operation!: string;
  @PrimaryColumn('text') key!: string;
  @Column('bytea') fingerprint!: Buffer;
  @Column('uuid') resourceId!: string;
  @Column('timestamptz', { default: () => 'clock_timestamp()' }) createdAt!: Date;
  @Column('smallint', { default: 1 }) fingerprintVersion!: number;
}
