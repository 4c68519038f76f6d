import { type BeforeApplicationShutdown, Global, Module } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config';
import { Database } from '../database/database';
import { Queues } from '../queue/queues';
import { DeadLetters } from './dead-letters.service';
import { EventFeed } from './event-feed';
import { EventOwners } from './event-owners';
import { EventUpkeep } from './event-upkeep';
import { Relay } from './relay';

/** Twenty orders share a job at a thousand a second; a wait that no buyer notices, and only in a crowd. */
const gatherMs = 20;

@Global()
@Module({
  providers: [
    DeadLetters,
    EventFeed,
    EventOwners,
    EventUpkeep,
    {
      provide: Relay,
      inject: [CONFIG, Database, Queues],
      useFactory: (config: Config, db: Database, queues: Queues) =>
        new Relay(db, queues, {
          enabled: config.queuesEnabled,
          resendMs: config.relayResendMs,
          gatherMs,
        }),
    },
  ],
  exports: [DeadLetters, EventFeed, EventOwners, EventUpkeep, Relay],
})
export class OutboxModule implements BeforeApplicationShutdown {
  constructor(private readonly relay: Relay) {}

  beforeApplicationShutdown(): Promise<void> {
    return this.relay.stop();
  }
}
