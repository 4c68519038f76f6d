import { Global, Module } from '@nestjs/common';
import { Database } from '../database/database';
import { Queues } from '../queue/queues';
import { Relay } from './relay';

@Global()
@Module({
  providers: [
    {
      provide: Relay,
      inject: [Database, Queues],
      useFactory: (db: Database, queues: Queues) => new Relay(db, queues),
    },
  ],
  exports: [Relay],
})
export class OutboxModule {}
