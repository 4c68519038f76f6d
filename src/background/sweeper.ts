import { Inject, Injectable } from '@nestjs/common';
import type { Config } from '../config/config';
import { CONFIG } from '../config/config.module';
import { Database } from '../database/database';
import { Releases } from '../inventory/bulk-release/releases';
import { ReservationsService } from '../inventory/reservations/reservations.service';
import { type PeriodicTask, PeriodicTasks } from '../periodic/periodic-tasks';
import { DueSagas } from './due-sagas';
import { ProviderEventWorker } from './provider-event.worker';
import { Rebalancer } from '../inventory/stock/rebalancer';

/** Old keys and inbox rows go a few at a time, so that the clean-up never competes with buyers. */
const pruneBatchSizeMax = 1_000;
const pruneEveryMs = 60_000;
/** A pool that ran dry sends its buyers to the others meanwhile, which costs them a little time. */
const rebalanceEveryMs = 1_000;
/** A release of many reservations whose process ended goes on elsewhere. */
const resumeEveryMs = 2_000;

/**
 * The promises about time, kept with every queue down: what is due in the database is found here, whatever doorbell was
 * lost. Several sweepers in several processes do no harm; each skips what another holds.
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
    private readonly rebalancer: Rebalancer,
    private readonly releases: Releases,
    private readonly tasks: PeriodicTasks,
  ) {}

  start(): void {
    // Each has its own rhythm, so that slow payments never delay an expiry.
    const every = this.config.sweepMs;
    const start = (name: string, everyMs: number, run: () => Promise<unknown>) =>
      this.tasks.start({ name, everyMs, run: () => run().then(() => undefined) });
    this.running = [
      // guard: sweeper-expires-reservations
      start('expire', every, () => this.reservations.expireDue()),
      // guard: sweeper-drives-sagas
      start('drive sagas', every, () => this.sagas.sweep()),
      start('process webhooks', every, () => this.providerEvents.sweep()),
      start('rebalance', rebalanceEveryMs, () => this.rebalancer.sweep()),
      start('resume releases', resumeEveryMs, () => this.releases.resume()),
      start('prune', pruneEveryMs, () => this.prune()),
    ];
  }

  async stop(): Promise<void> {
    await Promise.all(this.running.splice(0).map((task) => task.stop()));
    await this.sagas.idle();
  }

  /** Forgets what no retry can ask for any more, a batch at a time until none is left. */
  private async prune(): Promise<void> {
    const hours = this.config.idempotencyKeyRetentionHours;
    for (const sql of [forgetKeys, forgetInbox]) {
      let forgotten: unknown[];
      do forgotten = await this.db.rows(sql, [hours, pruneBatchSizeMax]);
      while (forgotten.length === pruneBatchSizeMax);
    }
  }
}

const forgetKeys = `
  DELETE FROM idempotency_keys
   WHERE (principal, operation, key) IN (SELECT principal, operation, key FROM idempotency_keys
                                          WHERE created_at < statement_timestamp() - $1::int * interval '1 hour'
                                          LIMIT $2::int)
  RETURNING key`;

const forgetInbox = `
  DELETE FROM inbox
   WHERE (consumer, message_id) IN (SELECT consumer, message_id FROM inbox
                                     WHERE received_at < statement_timestamp() - $1::int * interval '1 hour'
                                     LIMIT $2::int)
  RETURNING message_id`;
