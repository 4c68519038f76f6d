import { Global, Module } from '@nestjs/common';
import { ApiKeys } from './api-keys';
import { EventStreams } from './event-streams';
import { Sessions } from './sessions';
import { StreamTopics } from '../http/event-stream';

/** Callers and event streams. Global, because every module with a controller needs them. */
@Global()
@Module({
  providers: [ApiKeys, EventStreams, Sessions, StreamTopics],
  exports: [ApiKeys, EventStreams, Sessions, StreamTopics],
})
export class AuthModule {}
