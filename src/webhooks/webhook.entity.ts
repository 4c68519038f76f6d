import { Column, Entity, PrimaryColumn } from 'typeorm';

export type DisabledReason = 'gone' | 'failing' | 'by_owner' | 'by_operator';

/**
 * Where a shop wants to hear of its orders and reservations. Its cursor is the key of the last event that was sent or is
 * among `webhook_waiting`.
 */
@Entity('webhook_endpoints')
export class WebhookEndpointEntity {
  @PrimaryColumn('uuid') id!: string;
  @Column('text') principal!: string;
  @Column('text') url!: string;
  /** Null: all. */
  @Column('text', { array: true, nullable: true }) types!: string[] | null;
  @Column('text', { nullable: true }) description!: string | null;
  @Column('text', { default: 'enabled' }) status!: 'enabled' | 'disabled';
  @Column('text', { nullable: true }) disabledReason!: DisabledReason | null;
  /** Encrypted, as all secrets here. */
  @Column('bytea') secret!: Buffer;
  @Column('bytea', { nullable: true }) previousSecret!: Buffer | null;
  @Column('timestamptz', { nullable: true }) previousSecretEndsAt!: Date | null;
  @Column('timestamptz') cursorAt!: Date;
  @Column('int', { default: 0 }) cursorSequence!: number;
  @Column('uuid', { nullable: true }) cursorId!: string | null;
  @Column('bigint', { default: 0 }) fencingToken!: number;
  @Column('timestamptz', { nullable: true }) leaseExpiresAt!: Date | null;
  /** In a row. */
  @Column('int', { default: 0 }) failures!: number;
  @Column('timestamptz', { nullable: true }) failingSince!: Date | null;
  /** When the oldest event is tried next in probe mode; null outside it. */
  @Column('timestamptz', { nullable: true }) probeAt!: Date | null;
  @Column('timestamptz', { nullable: true }) lastDeliveredAt!: Date | null;
  @Column('timestamptz', { default: () => 'clock_timestamp()' }) createdAt!: Date;
}

/** The event of an aggregate that an endpoint waits to take. The aggregate's later ones have no rows: they wait for this. */
@Entity('webhook_waiting')
export class WebhookWaitingEntity {
  @PrimaryColumn('uuid') endpointId!: string;
  @PrimaryColumn('uuid') aggregateId!: string;
  @Column('int') sequence!: number;
  @Column('uuid') eventId!: string;
  @Column('int', { default: 0 }) attempts!: number;
  @Column('timestamptz') dueAt!: Date;
  @Column('timestamptz', { nullable: true }) leaseExpiresAt!: Date | null;
  @Column('bigint', { default: 0 }) fencingToken!: number;
  @Column('int', { nullable: true }) responseStatus!: number | null;
  @Column('text', { nullable: true }) error!: string | null;
  @Column('int', { nullable: true }) durationMs!: number | null;
  @Column('timestamptz', { default: () => 'clock_timestamp()' }) createdAt!: Date;
}

/** What an endpoint took (the last ones) and what was given up. */
@Entity('webhook_deliveries')
export class WebhookDeliveryEntity {
  @PrimaryColumn('uuid') id!: string;
  @Column('uuid') endpointId!: string;
  @Column('uuid') eventId!: string;
  @Column('text') type!: string;
  @Column('text') status!: 'delivered' | 'given_up';
  @Column('int') attempts!: number;
  @Column('int', { nullable: true }) responseStatus!: number | null;
  @Column('text', { nullable: true }) error!: string | null;
  @Column('int', { nullable: true }) durationMs!: number | null;
  @Column('timestamptz', { default: () => 'clock_timestamp()' }) createdAt!: Date;
}

/** Sends old events again, beside live delivery, from one key of the feed to another, or these events. */
@Entity('webhook_replays')
export class WebhookReplayEntity {
  @PrimaryColumn('uuid') id!: string;
  @Column('uuid') endpointId!: string;
  @Column('timestamptz', { nullable: true }) fromAt!: Date | null;
  @Column('text', { array: true, nullable: true }) types!: string[] | null;
  @Column('uuid', { array: true, nullable: true }) eventIds!: string[] | null;
  @Column('timestamptz', { nullable: true }) cursorAt!: Date | null;
  @Column('int', { default: 0 }) cursorSequence!: number;
  @Column('uuid', { nullable: true }) cursorId!: string | null;
  @Column('timestamptz') untilAt!: Date;
  @Column('int', { default: 0 }) untilSequence!: number;
  @Column('uuid', { nullable: true }) untilId!: string | null;
  @Column('int', { default: 0 }) sent!: number;
  /** Of the event that it stands at. */
  @Column('int', { default: 0 }) attempts!: number;
  @Column('timestamptz', { default: () => 'clock_timestamp()' }) dueAt!: Date;
  @Column('text', { default: 'running' }) status!: 'running' | 'done' | 'cancelled';
  @Column('timestamptz', { default: () => 'clock_timestamp()' }) createdAt!: Date;
  @Column('timestamptz', { nullable: true }) endedAt!: Date | null;
}
