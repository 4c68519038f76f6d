import { type BeforeApplicationShutdown, Injectable, Logger } from '@nestjs/common';
import { operatorAction } from '../audit-log/operator-action';
import type { Principal } from '../auth/auth.guard';
import { Database, clockOf } from '../database/database';
import { ValidationFailed, refusal } from '../errors';
import { newId, publicId } from '../ids';
import { PaymentCheck } from '../orders/payment-check/payment-check';
import { readPatiently } from '../payment/provider-away';
import { LostPayments, differenceOf } from './lost-payments';
import { PeriodComparison } from './period-comparison';
import {
  type Period,
  type Progress,
  type Reconciliation,
  addProgress,
  beginReconciliation,
  endReconciliation,
  findReconciliation,
} from './reconciliations.repository';

export const reconciliationRunning = refusal(
  409,
  'reconciliation_running',
  'Another reconciliation is running',
  { retryable: true },
);

const stopped = 'Its process was stopped. Run the period again.';
const lostLease = 'It was silent for a minute, so another process may run one. Run the period again.';

/**
 * Compares our payments with the provider's over a period; differences become payment facts and review cases. It can be
 * repeated: what was found before is found as the same fact.
 */
@Injectable()
export class Reconciliations implements BeforeApplicationShutdown {
  private readonly logger = new Logger('reconciliation');
  private readonly running = new Set<Promise<unknown>>();
  private stopping = false;

  constructor(
    private readonly db: Database,
    private readonly comparison: PeriodComparison,
    private readonly checks: PaymentCheck,
    private readonly lost: LostPayments,
  ) {}

  /** For an operator: begins it, and runs it in the background. */
  async start(
    { from, to }: { from: string; to?: string },
    { reason, key, actor }: { reason: string; key: string | undefined; actor: Principal },
  ): Promise<{ id: string; replayed: boolean }> {
    const period = periodOf(
      new Date(from),
      to === undefined ? undefined : new Date(to),
      await clockOf(this.db),
    );
    const id = newId();
    const outcome = await operatorAction(
      this.db,
      {
        transaction: 'operator-action',
        actor,
        reason,
        object: { type: 'reconciliation', id: publicId('rec', id) },
        once: { key, operation: 'reconciliations', request: { from, to, reason }, resourceId: id },
      },
      async (tx) => {
        if (!(await beginReconciliation(tx, { id, actor: actor.name, ...period }))) throw otherIsRunning();
        return { action: 'reconciliation.start', after: { ...period } };
      },
    );
    if (outcome.status === 'replayed') return { id: outcome.resourceId, replayed: true };
    void this.run(id);
    return { id, replayed: false };
  }

  /** Undefined: another one is running, or (`once`) this actor has done as much. */
  async begin(period: Period, actor: string, { once = false } = {}): Promise<string | undefined> {
    const id = newId();
    return (await beginReconciliation(this.db, { id, actor, ...period, once })) ? id : undefined;
  }

  /** Runs a begun one to its end, which its row shows. */
  async run(id: string): Promise<Reconciliation> {
    const run = this.runToItsEnd(id);
    this.running.add(run);
    try {
      await run;
    } finally {
      this.running.delete(run);
    }
    return (await findReconciliation(this.db, id))!;
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopping = true;
    await Promise.all(this.running);
  }

  private async runToItsEnd(id: string): Promise<void> {
    try {
      const period = (await findReconciliation(this.db, id))!;
      for await (const _ of readPatiently(() => this.comparison.requireOurAccount()))
        await this.report(id, {});
      for await (const { compared, others, suspects, lost } of this.comparison.pages(period)) {
        await this.report(id, { compared, others });
        for (const orderId of suspects) {
          for await (const recorded of readPatiently(() => this.checks.checkNow(orderId)))
            await this.report(id, { differences: recorded?.map((one) => differenceOf(orderId, one)) });
        }
        for (const payment of lost) await this.report(id, { differences: await this.lost.record(payment) });
      }
      await endReconciliation(this.db, id, null);
    } catch (error) {
      this.logger.warn(`reconciliation ${publicId('rec', id)}: ${(error as Error).message}`);
      // While the database is away nothing can be written; then the lease ends and the next one fails it.
      await endReconciliation(this.db, id, (error as Error).message).catch(() => undefined);
    }
  }

  /** Also extends the lease, so it is called for each order, whatever was found. */
  private async report(
    id: string,
    { compared = 0, others = 0, differences = [] }: Partial<Progress>,
  ): Promise<void> {
    const added = await addProgress(this.db, id, { compared, others, differences });
    if (!added) throw new Error(lostLease);
    if (this.stopping) throw new Error(stopped);
  }
}

/** `now` ends it by default: what is created later is compared by the next one. */
export function periodOf(from: Date, to: Date | undefined, now: Date): Period {
  const period = { from, to: to ?? now };
  if (period.from >= period.to)
    throw new ValidationFailed({
      pointer: '/from',
      code: 'period_empty',
      detail: `from (${period.from.toISOString()}) must be before to (${period.to.toISOString()}).`,
    });
  return period;
}

const otherIsRunning = () =>
  reconciliationRunning('One runs at a time. Wait until it has ended: GET /v1/admin/reconciliations.');
