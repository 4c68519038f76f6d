import { type BeforeApplicationShutdown, Global, Module } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config';
import { Queues } from './queues';

@Global()
@Module({
  providers: [{ provide: Queues, inject: [CONFIG], useFactory: (config: Config) => new Queues(config) }],
  exports: [Queues],
})
export class QueueModule implements BeforeApplicationShutdown {
  constructor(private readonly queues: Queues) {}

  beforeApplicationShutdown(): Promise<void> {
    return this.queues.close();
  }
}
