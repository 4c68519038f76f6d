import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config';
import { Database } from '../database/database';
import { stepNames } from '../orders/checkout-saga/checkout.saga';
import { codeVersion } from '../orders/checkout-saga/code-version';
import { type DueSaga, countSweep, dueSagas, forgetSweeps } from '../orders/checkout-saga/saga.repository';
import { SagaRunner } from '../orders/checkout-saga/saga-runner';

/** From this many unfinished sweeps on, the saga may be what kills its workers. */
const suspiciousSweeps = 2;

/**
 * Drives the sagas that are due although their wake-up job was lost or their worker died.
 *
 * Sweeps are counted before the work starts, so that a saga that kills its workers is found (the runner parks it). A suspect
 * is driven after all others and alone, so that it takes no other saga with it.
 */
@Injectable()
export class DueSagas {
  private readonly driving = new Set<Promise<void>>();

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly db: Database,
    private readonly sagas: SagaRunner,
  ) {}

  async sweep(): Promise<void> {
    const free = this.config.paymentConcurrencyMax - this.driving.size;
    const driver = { codeVersionMax: codeVersion, steps: stepNames };
    const due = free > 0 ? await dueSagas(this.db, free, driver) : [];
    const suspects = due.filter(({ sweeps }) => sweeps >= suspiciousSweeps);
    const others = due.filter(({ sweeps }) => sweeps < suspiciousSweeps);
    // Side by side and not awaited: a call that is slow for one order must not delay the others.
    for (const counted of await countSweep(this.db, others)) void this.drive(counted);
    if (suspects.length > 0) await Promise.allSettled(this.driving);
    for (const suspect of suspects) {
      for (const counted of await countSweep(this.db, [suspect])) await this.drive(counted);
    }
  }

  async idle(): Promise<void> {
    await Promise.all(this.driving);
  }

  private drive(counted: DueSaga): Promise<void> {
    const run = this.sagas
      .drive(counted.orderId)
      .then((moved) => (moved ? undefined : forgetSweeps(this.db, counted)))
      // The count stays one too high until the saga is saved again.
      .catch(() => undefined)
      .finally(() => this.driving.delete(run));
    this.driving.add(run);
    return run;
  }
}
