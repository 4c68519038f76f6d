import { Inject, Injectable, Logger, Module, type OnModuleDestroy } from '@nestjs/common';
import type { Config } from '../config';
import { CONFIG } from '../config.module';
import { InventoryModule } from '../inventory/inventory.module';
import { SagaRunner } from '../orders/checkout-saga/saga-runner';
import { OrdersModule } from '../orders/orders.module';
import { Relay } from '../outbox/relay';
import { Queues } from '../queue/queues';
import { Consumers } from './consumers';
import { DueSagas } from './due-sagas';
import { Heartbeat } from './heartbeat';
import { ProviderEventWorker } from './provider-event.worker';
import { Rebalancer } from './rebalancer';
import { Sweeper } from './sweeper';

/** Starts the background work, and brings it home: no new work first, then what is in flight; connections close last. */
@Injectable()
export class Background implements OnModuleDestroy {
  private readonly logger = new Logger('worker');

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly consumers: Consumers,
    private readonly sweeper: Sweeper,
    private readonly relay: Relay,
    private readonly queues: Queues,
    private readonly sagas: SagaRunner,
    private readonly heartbeat: Heartbeat,
  ) {}

  start(): void {
    if (this.config.queuesEnabled) this.consumers.start();
    this.relay.start(this.config.relayPollMs);
    this.sweeper.start();
    this.heartbeat.start();
    void this.queues.trouble().then((trouble) => trouble && this.logger.error(`queues: ${trouble}`));
  }

  async onModuleDestroy(): Promise<void> {
    const grace = this.config.shutdownGraceMs;
    const home = Promise.all([
      this.heartbeat.stop(),
      this.sweeper.stop(),
      this.queues.drain(grace),
      this.sagas.idle(),
    ]);
    // What is still out after the grace is unheard, not lost: its operation is committed and its lease will end.
    await Promise.race([home, new Promise((resolve) => setTimeout(resolve, grace).unref())]);
    await this.heartbeat.forget();
  }
}

@Module({
  imports: [InventoryModule, OrdersModule],
  providers: [Consumers, DueSagas, Heartbeat, ProviderEventWorker, Rebalancer, Sweeper, Background],
  exports: [Background],
})
export class WorkersModule {}
