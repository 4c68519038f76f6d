import { Column, Entity, PrimaryColumn, Unique } from 'typeorm';
import type { MessageType, NewMessage } from './outbox.repository';

/** A message, written with the change that it reports. */
@Unique(['aggregateId', 'sequence'])
@Entity('outbox')
export class OutboxEntity {
  @PrimaryColumn('uuid') id!: string;
  @Column('text') aggregateType!: NewMessage['aggregateType'];
  @Column('uuid') aggregateId!: string;
  @Column('int') sequence!: number;
  @Column('text') type!: MessageType;
  @Column('jsonb') payload!: Record<string, unknown>;
  /** Whose it is. Empty or null in messages of builds before the shops' feed, until a task of the worker has filled it in. */
  @Column('text', { nullable: true }) principal!: string | null;
  @Column('timestamptz', { default: () => 'clock_timestamp()' }) createdAt!: Date;
  @Column('timestamptz', { default: () => 'clock_timestamp()' }) nextRelayAt!: Date;
  @Column('int', { default: 0 }) relayEpoch!: number;
  @Column('timestamptz', { nullable: true }) relayedAt!: Date | null;
  @Column('timestamptz', { nullable: true }) appliedAt!: Date | null;
}

/** One row: how far the upkeep of old events has come. */
@Entity('event_upkeep')
export class EventUpkeepEntity {
  @PrimaryColumn('boolean', { default: true }) single!: true;
  /** Messages of builds before the shops' feed are left whose owners are not filled in. */
  @Column('boolean', { default: false }) ownersMissing!: boolean;
  /** Orders and reservations that began before this may have no events any more. Null: nothing was deleted yet. */
  @Column('timestamptz', { nullable: true }) keptSince!: Date | null;
}

/** A message that a consumer has applied. */
@Entity('inbox')
export class InboxEntity {
  @PrimaryColumn('text') consumer!: string;
  @PrimaryColumn('uuid') messageId!: string;
  @Column('timestamptz', { default: () => 'clock_timestamp()' }) receivedAt!: Date;
}

/** A message that no consumer could apply. */
@Entity('dead_letters')
export class DeadLetterEntity {
  @PrimaryColumn('uuid') id!: string;
  @Column('text') type!: string;
  @Column('uuid') aggregateId!: string;
  @Column('text') reason!: string;
  @Column('int') attempts!: number;
  @Column('timestamptz') diedAt!: Date;
  @Column('timestamptz', { nullable: true }) retriedAt!: Date | null;
}
