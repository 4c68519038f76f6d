import { Global, Module } from '@nestjs/common';
import { ApiKeys } from './api-keys';
import { EventStreams } from './event-streams';
import { Sessions } from './sessions';
import { StreamTopics } from '../http/stream-topics';

/** Who calls, and who follows what: for every room, in an API and in a worker, where nobody asks. */
@Global()
@Module({
  providers: [ApiKeys, EventStreams, Sessions, StreamTopics],
  exports: [ApiKeys, EventStreams, Sessions, StreamTopics],
})
export class AuthModule {}
