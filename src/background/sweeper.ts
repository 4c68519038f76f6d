import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config';
import { Database } from '../database/database';
import { deleteOldKeys } from '../idempotency/idempotency.repository';
import { Releases } from '../inventory/bulk-release/releases';
import { ReservationsService } from '../inventory/reservations/reservations.service';
import { deleteOldInboxRows } from '../outbox/outbox.repository';
import { type PeriodicTask, PeriodicTasks } from '../periodic/periodic-tasks';
import { DueSagas } from './due-sagas';
import { PaymentCheckWorker } from './payment-check.worker';
import { ProviderEventWorker } from './provider-event.worker';
import { rebalanceAll } from '../inventory/stock/transfers';

/** Few enough rows per statement that the clean-up does not compete with buyers. */
const pruneBatchSizeMax = 1_000;
const pruneEveryMs = 60_000;
/** Until an empty pool is filled, its buyers take from the others, which costs them a little time. */
const rebalanceEveryMs = 1_000;
/** How often a bulk release whose process ended is looked for and continued. */
const resumeEveryMs = 2_000;

/**
 * Keeps the promises about time with every queue down: it finds what is due in the database, whichever wake-up job was
 * lost. Sweepers in several processes skip the rows that another one holds.
 */
@Injectable()
export class Sweeper {
  private running: PeriodicTask[] = [];

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly db: Database,
    private readonly reservations: ReservationsService,
    private readonly sagas: DueSagas,
    private readonly providerEvents: ProviderEventWorker,
    private readonly paymentChecks: PaymentCheckWorker,
    private readonly releases: Releases,
    private readonly tasks: PeriodicTasks,
  ) {}

  start(): void {
    // Separate tasks, so that slow payments never delay an expiry.
    const every = this.config.sweepMs;
    const start = (name: string, everyMs: number, run: () => Promise<unknown>) =>
      this.tasks.start({ name, everyMs, run: () => run().then(() => undefined) });
    this.running = [
      // guard: sweeper-expires-reservations
      start('expire', every, () => this.reservations.expireDue()),
      // guard: sweeper-drives-sagas
      start('drive sagas', every, () => this.sagas.sweep()),
      // guard: sweeper-processes-webhooks
      start('process webhooks', every, () => this.providerEvents.sweep()),
      this.tasks.start({ name: 'check payments', everyMs: every, run: () => this.paymentChecks.sweep() }),
      start('rebalance', rebalanceEveryMs, () => rebalanceAll(this.db)),
      start('resume releases', resumeEveryMs, () => this.releases.resume()),
      start('prune', pruneEveryMs, () => this.prune()),
    ];
  }

  async stop(): Promise<void> {
    await Promise.all(this.running.splice(0).map((task) => task.stop()));
    await this.sagas.idle();
  }

  /** Deletes what no retry can ask for any more, a batch at a time until none is left. */
  private async prune(): Promise<void> {
    const hours = this.config.idempotencyKeyRetentionHours;
    for (const deleteOld of [deleteOldKeys, deleteOldInboxRows]) {
      while ((await deleteOld(this.db, hours, pruneBatchSizeMax)) === pruneBatchSizeMax);
    }
  }
}
