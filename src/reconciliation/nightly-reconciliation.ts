import { Inject, Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { Gauge } from 'prom-client';
import { CONFIG, type Config } from '../config/config';
import { Database, clockOf } from '../database/database';
import { installedAt } from '../payment/installation';
import { type PeriodicTask, PeriodicTasks } from '../periodic/periodic-tasks';
import { Reconciliations } from './reconciliations';
import { type Period, type Reconciliation, newestOf } from './reconciliations.repository';

const dayMs = 86_400_000;
/** How often a worker looks whether it is time, which takes four queries. Nobody waits for a reconciliation. */
const lookEveryMs = 300_000;
/** Not while the process starts, and soon after an outage. */
const firstAfterMs = 60_000;
/** A provider that is down now may be up by then. */
const pauseAfterFailureMs = 15 * 60_000;

export const nightly = 'nightly';

export const reconciledUntil = new Gauge({
  name: 'holdfast_reconciled_until_seconds',
  help: 'The end of the last night that was reconciled with the payment provider, in Unix seconds. Before the first: when Holdfast was installed.',
});

/**
 * Reconciles once a night, over all workers, from where the last night ended: nights without a worker are made up for. The
 * first worker that sees that it is due does it.
 */
@Injectable()
export class NightlyReconciliation implements OnModuleDestroy {
  private readonly logger = new Logger('reconciliation');
  private repeating: PeriodicTask | undefined;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly db: Database,
    private readonly reconciliations: Reconciliations,
  ) {}

  start(tasks: PeriodicTasks): void {
    this.repeating = tasks.start({
      name: 'reconcile',
      everyMs: lookEveryMs,
      firstAfterMs,
      run: () => this.runWhenDue(),
    });
  }

  async runWhenDue(): Promise<void> {
    const now = await clockOf(this.db);
    const [done, last] = [await newestOf(this.db, nightly, 'done'), await newestOf(this.db, nightly, 'any')];
    const since = await installedAt(this.db);
    reconciledUntil.set((done?.to ?? since).getTime() / 1_000);
    const period = duePeriod({
      now,
      hour: this.config.reconcileHour,
      installedAt: since,
      done,
      last,
    });
    const id = period && (await this.reconciliations.begin(period, nightly, { once: true }));
    if (!id) return;
    const { status, error, compared, differenceCount } = await this.reconciliations.run(id);
    if (status === 'failed') this.logger.warn(`the nightly reconciliation failed: ${error}`);
    else reconciledUntil.set(period.to.getTime() / 1_000);
    if (differenceCount > 0)
      this.logger.error(
        `${differenceCount} differences from the provider's records, of ${compared} payments`,
      );
  }

  onModuleDestroy(): void {
    // Not awaited: `Reconciliations` stops after the order in hand.
    void this.repeating?.stop();
  }
}

interface Past {
  now: Date;
  hour: number;
  installedAt: Date;
  done: Pick<Reconciliation, 'to'> | undefined;
  last: Pick<Reconciliation, 'to' | 'status' | 'endedAt'> | undefined;
}

/**
 * The period that is due: it ends at the newest moment at this hour of the day, UTC, and begins where the last one ended.
 * Undefined: it was compared, is being compared, or failed a moment ago. There is no first night before the first hour.
 */
export function duePeriod({ now, hour, installedAt, done, last }: Past): Period | undefined {
  const today = Math.floor(now.getTime() / dayMs) * dayMs + hour * 3_600_000;
  const to = new Date(today <= now.getTime() ? today : today - dayMs);
  if (to <= installedAt || (done && done.to >= to)) return undefined;
  const failedAt = last?.status === 'failed' && last.to >= to ? last.endedAt!.getTime() : -Infinity;
  if (now.getTime() - failedAt < pauseAfterFailureMs) return undefined;
  return { from: done?.to ?? new Date(to.getTime() - dayMs), to };
}
