import { Inject, Injectable, Logger } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config';
import { Database } from '../database/database';
import { newId } from '../ids';
import { stepNames } from '../orders/checkout-saga/checkout.saga';
import { codeVersion } from '../orders/checkout-saga/code-version';
import { type DueSaga, countSweep, dueSagas, forgetSweeps } from '../orders/checkout-saga/saga.repository';
import { SagaRunner } from '../orders/checkout-saga/saga-runner';
import { Queues } from '../queue/queues';

/** From this many unfinished sweeps on, the saga may be what kills its workers. */
const suspiciousSweeps = 2;

/** The job that asks an idle worker to sweep too. Workers of older builds skip the name. */
export const dueJobName = 'sagas.due';

/**
 * Drives the sagas that are due although their wake-up job was lost or their worker died. When more are due than this worker
 * has places for, it asks an idle one to sweep too.
 *
 * Sweeps are counted before the work starts, so that a saga that kills its workers is found (the runner parks it). A suspect
 * is driven after all others and alone, so that it takes no other saga with it.
 */
@Injectable()
export class DueSagas {
  private readonly logger = new Logger('sagas');
  private readonly driving = new Map<string, Promise<void>>();
  private sweeping: Promise<void> | undefined;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly db: Database,
    private readonly sagas: SagaRunner,
    private readonly queues: Queues,
  ) {}

  /** One at a time in this process. Resolves when the suspects are done and the others have begun. */
  sweep(): Promise<void> {
    this.sweeping ??= this.sweepOnce().finally(() => (this.sweeping = undefined));
    return this.sweeping;
  }

  async idle(): Promise<void> {
    await Promise.all(this.driving.values());
  }

  private async sweepOnce(): Promise<void> {
    const room = this.room();
    const due = room > 0 ? await this.due(room) : [];
    const suspects = due.filter(({ sweeps }) => sweeps >= suspiciousSweeps);
    const others = due.filter(({ sweeps }) => sweeps < suspiciousSweeps);
    // Side by side and not awaited: a call that is slow for one order must not delay the others.
    const claimed = (await countSweep(this.db, others)).map(
      (counted) => new Promise<void>((resolve) => void this.drive(counted, resolve)),
    );
    // After our claims, so that the helper finds other sagas.
    if (due.length === room) void Promise.all(claimed).then(() => this.askForHelp());
    if (suspects.length > 0) await Promise.allSettled(this.driving.values());
    for (const suspect of suspects) {
      for (const counted of await countSweep(this.db, [suspect])) await this.drive(counted);
    }
  }

  /** Jobs may keep every place taken, so sweeps have a share for which they wait in line. */
  private room(): number {
    const share = Math.ceil(this.config.paymentConcurrencyMax / 4);
    return Math.max(this.sagas.places, share - this.driving.size);
  }

  private async due(room: number): Promise<DueSaga[]> {
    const driver = { codeVersionMax: codeVersion, steps: stepNames };
    const due = await dueSagas(this.db, room + this.driving.size, driver);
    return due.filter(({ orderId }) => !this.driving.has(orderId)).slice(0, room);
  }

  async askForHelp(): Promise<void> {
    if (!this.config.queuesEnabled) return;
    const data = { messageId: null, aggregateId: null };
    await this.queues
      .offer({ queue: 'checkout', id: `due-${newId()}`, name: dueJobName, data })
      .catch((error: Error) => this.logger.debug(`no other worker can be asked to sweep: ${error.message}`));
  }

  private drive(counted: DueSaga, onClaimed?: () => void): Promise<void> {
    const run = this.sagas
      .drive(counted.orderId, onClaimed)
      .then((moved) => (moved ? undefined : forgetSweeps(this.db, counted)))
      // The count stays one too high until the saga is saved again.
      .catch(() => undefined)
      .finally(() => this.driving.delete(counted.orderId));
    this.driving.set(counted.orderId, run);
    return run;
  }
}
