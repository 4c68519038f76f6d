import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config';
import { Database } from '../database/database';
import { isDatabaseAway } from '../database/pg-errors';
import { deleteOldKeys } from '../idempotency/idempotency.repository';
import { Releases } from '../inventory/bulk-release/releases';
import { ReservationsService } from '../inventory/reservations/reservations.service';
import { rebalanceAll } from '../inventory/stock/transfers';
import { workerName } from '../orders/checkout-saga/saga-update';
import { PaymentTasks } from '../orders/fulfilment/payment-tasks';
import { EventUpkeep } from '../outbox/event-upkeep';
import { deleteOldInboxRows } from '../outbox/outbox.repository';
import { Relay } from '../outbox/relay';
import { type PeriodicTask, PeriodicTasks } from '../periodic/periodic-tasks';
import { Queues } from '../queue/queues';
import { DueSagas } from './due-sagas';
import { type DueWork, deleteOldLeases, dueWork, look } from './due-work';
import { PaymentCheckWorker } from './payment-check.worker';
import { ProviderEventWorker } from './provider-event.worker';
import { standstill } from './standstill';

/** Few enough rows per statement that the clean-up does not compete with buyers. */
const pruneBatchSizeMax = 1_000;
const pruneEveryMs = 60_000;
/** Until an empty pool is filled, its buyers take from the others, which costs them a little time. */
const rebalanceEveryMs = 1_000;
/** Rounds for which a lease lasts: one that is late does not lose it. */
const leaseInRounds = 3;
/** Below the 2 s within which work is found whose wake-up was lost, also when the worker that looks has died. */
const leaseMsMax = 1_800;
/** So that workers that wait for one lease do not all come for it at once. */
const jitterMs = 100;
/** A look that takes longer waits for a lock, or the database is very busy. */
const lateAfterMs = 1_000;

/**
 * Keeps the promises about time with every queue down: it finds what is due in the database, whichever wake-up job was
 * lost.
 *
 * One statement per round looks for everything, and wakes the tasks that have something to do. They are separate, so that
 * slow payments never delay an expiry. With a queue, the workers take turns to look, because idle ones get jobs: one has
 * the lease, the others come when it may have ended. The lease only saves work. Everything due is claimed with SKIP LOCKED,
 * so it does not matter if two look.
 */
@Injectable()
export class Sweeper {
  private running: PeriodicTask[] = [];
  private readonly tasks = new Map<DueWork | 'prune', PeriodicTask>();
  private queueIsAway = false;
  private rebalancedAt = -Infinity;
  private prunedAt = -Infinity;
  private lookedAt = performance.now();
  private readonly dueSince = new Map<DueWork, number>();

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly db: Database,
    private readonly queues: Queues,
    private readonly relay: Relay,
    private readonly reservations: ReservationsService,
    private readonly sagas: DueSagas,
    private readonly providerEvents: ProviderEventWorker,
    private readonly paymentChecks: PaymentCheckWorker,
    private readonly paymentTasks: PaymentTasks,
    private readonly releases: Releases,
    private readonly events: EventUpkeep,
    private readonly periodic: PeriodicTasks,
  ) {}

  start(): void {
    const start = (name: DueWork | 'prune', run: () => Promise<unknown>) =>
      this.tasks.set(name, this.periodic.start({ name, run: () => run().then(() => undefined) }));
    // guard: sweeper-expires-reservations
    start('expire', () => this.reservations.expireDue());
    // guard: sweeper-drives-sagas
    start('drive sagas', () => this.sagas.sweep());
    // guard: sweeper-processes-webhooks
    start('process webhooks', () => this.providerEvents.sweep());
    start('payment tasks', () => this.paymentTasks.sweep());
    start('resume releases', () => this.releases.resume());
    start('rebalance', () => rebalanceAll(this.db));
    start('prune', () => this.prune());
    const paymentChecks = { name: 'check payments', run: () => this.paymentChecks.sweep() };
    this.tasks.set('check payments', this.periodic.start(paymentChecks));
    const relay = this.relay.start(this.periodic);
    if (relay) this.tasks.set('relay', relay);
    const { sweepMs } = this.config;
    const looking = this.periodic.start({ name: 'look', everyMs: sweepMs, run: () => this.round() });
    this.running = [looking, ...this.tasks.values()];
  }

  async stop(): Promise<void> {
    await Promise.all(this.running.splice(0).map((task) => task.stop()));
    await Promise.all([this.sagas.idle(), this.paymentTasks.idle()]);
  }

  /** Why this worker is of no use although it runs. */
  troubles(): string[] {
    const doneAt = (work: DueWork) => this.tasks.get(work)?.succeededAt;
    return standstill({ lookedAt: this.lookedAt, dueSince: this.dueSince, doneAt }, performance.now());
  }

  /** Undefined: it is another worker's turn, or PostgreSQL is away, so nothing is known to be due. */
  private noteLook(found?: { wanted: DueWork[]; due: DueWork[] }): void {
    this.lookedAt = performance.now();
    if (!found) return this.dueSince.clear();
    for (const work of found.wanted)
      if (!found.due.includes(work)) this.dueSince.delete(work);
      else if (!this.dueSince.has(work)) this.dueSince.set(work, this.lookedAt);
  }

  /** Wakes the tasks that have something to do. Returns when to come back, if later than usual. */
  private async round(): Promise<number | void> {
    const looksAnyway = !this.config.queuesEnabled || this.queueIsAway;
    const leaseMs = Math.min(leaseInRounds * this.config.sweepMs, leaseMsMax);
    // Every task can look for itself, and none waits for the locks of another.
    const late = setInterval(() => this.wake(dueWork), lateAfterMs);
    try {
      const wanted = dueWork.filter((work) => work !== 'rebalance' || this.isTimeToRebalance());
      const found = await look(this.db, { holder: workerName, leaseMs, looksAnyway, wanted });
      this.noteLook(found.isHolder || looksAnyway ? { wanted, due: found.due } : undefined);
      this.wake(found.due);
      if (found.isHolder) return this.pruneInTime();
      void this.askQueue();
      if (!looksAnyway) return (found.heldForMs ?? leaseMs) + Math.random() * jitterMs;
    } catch (error) {
      if (isDatabaseAway(error)) this.noteLook();
      else this.wake(dueWork);
      throw error;
    } finally {
      clearInterval(late);
    }
  }

  private wake(names: readonly (DueWork | 'prune')[]): void {
    for (const name of names) this.tasks.get(name)?.wake();
  }

  private isTimeToRebalance(): boolean {
    if (performance.now() - this.rebalancedAt < rebalanceEveryMs) return false;
    this.rebalancedAt = performance.now();
    return true;
  }

  private pruneInTime(): void {
    if (performance.now() - this.prunedAt < pruneEveryMs) return;
    this.prunedAt = performance.now();
    this.wake(['prune']);
  }

  /** While it is away nobody can be woken, so every worker looks. Not awaited: a queue that hangs delays no look. */
  private async askQueue(): Promise<void> {
    this.queueIsAway = (await this.queues.trouble()) !== undefined;
  }

  /** Deletes what no retry can ask for any more, a batch at a time until none is left. */
  private async prune(): Promise<void> {
    const hours = this.config.idempotencyKeyRetentionHours;
    for (const deleteOld of [deleteOldKeys, deleteOldInboxRows]) {
      while ((await deleteOld(this.db, hours, pruneBatchSizeMax)) === pruneBatchSizeMax);
    }
    await deleteOldLeases(this.db);
    await this.events.keepUp();
  }
}
