import { Column, Entity, PrimaryColumn } from 'typeorm';

/** An event as the provider sent it. */
@Entity('provider_events')
export class ProviderEventEntity {
  @PrimaryColumn('text') id!: string;
  @Column('text') type!: string;
  @Column('text', { nullable: true }) providerReference!: string | null;
  @Column('uuid', { nullable: true }) orderId!: string | null;
  @Column('text') rawBody!: string;
  @Column('text', { nullable: true }) verdict!: string | null;
  @Column('timestamptz', { default: () => 'clock_timestamp()' }) receivedAt!: Date;
  @Column('timestamptz', { nullable: true }) processedAt!: Date | null;
  @Column('text', { nullable: true }) stripeAccount!: string | null;
}
