import { Inject, Injectable, Logger, Module, type OnModuleDestroy } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config';
import { InventoryModule } from '../inventory/inventory.module';
import { SagaRunner } from '../orders/checkout-saga/saga-runner';
import { OrdersModule } from '../orders/orders.module';
import { type PeriodicTask, PeriodicTasks } from '../periodic/periodic-tasks';
import { Queues } from '../queue/queues';
import { Consumers } from './consumers';
import { DueSagas } from './due-sagas';
import { Heartbeat } from './heartbeat';
import { PaymentCheckWorker } from './payment-check.worker';
import { ProviderEventWorker } from './provider-event.worker';
import { WebhookDelivery } from '../webhooks/delivery/webhook-delivery';
import { WebhooksModule } from '../webhooks/webhooks.module';
import { Sweeper } from './sweeper';

/** How often consumers that could not start, or have ended, are started; until then the sweeper does their work. */
const openEveryMs = 1_000;

/** How often idle consumers are compared with what waits. The sweeper does their work meanwhile. */
const lookEveryMs = 10_000;

/** Starts the background work and shuts it down: no new work first, then work in flight; connections close last. */
@Injectable()
export class Background implements OnModuleDestroy {
  private readonly logger = new Logger('worker');
  private opening: PeriodicTask | undefined;
  private looking: PeriodicTask | undefined;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly consumers: Consumers,
    private readonly sweeper: Sweeper,
    private readonly queues: Queues,
    private readonly sagas: SagaRunner,
    private readonly heartbeat: Heartbeat,
    private readonly tasks: PeriodicTasks,
    private readonly webhooks: WebhookDelivery,
  ) {}

  /** Resolves when the consumers take jobs. Sweeper and heartbeat start before that: they need no consumer. */
  async start(): Promise<void> {
    this.sweeper.start();
    this.heartbeat.start();
    this.webhooks.start();
    void this.queues.trouble().then((trouble) => trouble && this.logger.error(`queues: ${trouble}`));
    if (this.config.queuesEnabled) {
      // guard: ready-with-consumers
      await this.openConsumers();
    }
    await this.heartbeat.beatNow();
  }

  /** Why this worker does not work; none when it does. It needs its consumers only to be quick. */
  troubles(): string[] {
    return this.sweeper.troubles();
  }

  private openConsumers(): Promise<void> {
    this.consumers.start();
    return new Promise((resolve) => {
      let trouble = '';
      const run = async () => {
        try {
          await this.queues.openConsumers();
          resolve();
        } catch (error) {
          // Logged at once and whenever it changes: somebody may be waiting for this worker.
          if ((error as Error).message !== trouble) this.logger.error((error as Error).message);
          trouble = (error as Error).message;
          throw error;
        }
      };
      this.opening = this.tasks.start({ name: 'consumers', everyMs: openEveryMs, run });
      this.looking = this.tasks.start({
        name: 'idle consumers',
        everyMs: lookEveryMs,
        firstAfterMs: lookEveryMs,
        run: () => this.queues.rebuildIdleConsumers((line) => this.logger.warn(line)),
      });
    });
  }

  async onModuleDestroy(): Promise<void> {
    const grace = this.config.shutdownGraceMs;
    void this.opening?.stop();
    void this.looking?.stop();
    const home = Promise.all([
      this.heartbeat.stop(),
      this.sweeper.stop(),
      this.webhooks.stop(),
      this.queues.drain(grace),
      this.sagas.idle(),
    ]);
    // A call to the provider that outlasts the grace is not lost: its operation is committed and its lease ends.
    // guard: drain-before-exit
    await Promise.race([home, new Promise((resolve) => setTimeout(resolve, grace).unref())]);
    await this.heartbeat.forget();
  }
}

@Module({
  imports: [InventoryModule, OrdersModule, WebhooksModule],
  providers: [Consumers, DueSagas, Heartbeat, PaymentCheckWorker, ProviderEventWorker, Sweeper, Background],
  exports: [Background],
})
export class BackgroundModule {}
