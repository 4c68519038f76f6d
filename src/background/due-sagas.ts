import { Inject, Injectable } from '@nestjs/common';
import type { Config } from '../config/config';
import { CONFIG } from '../config/config.module';
import { Database } from '../database/database';
import { stepNames } from '../orders/checkout-saga/checkout.saga';
import { codeVersion } from '../orders/checkout-saga/code-version';
import { type DueSaga, countSweep, dueSagas, forgetSweeps } from '../orders/checkout-saga/saga.repository';
import { SagaRunner } from '../orders/checkout-saga/saga-runner';

/** Taken up so often without coming back, a saga may be what ends its workers. */
const suspiciousSweeps = 2;

/**
 * Drives what every lost doorbell and every dead worker leaves behind.
 *
 * Each take-up is counted before the work, so that a saga which ends its worker is found out (the runner parks it). One
 * under suspicion is driven after all others and alone, so that it takes nobody with it.
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
    const places = this.config.paymentConcurrencyMax - this.driving.size;
    const driver = { codeVersionMax: codeVersion, steps: stepNames };
    const due = places > 0 ? await dueSagas(this.db, places, driver) : [];
    const suspects = due.filter(({ sweeps }) => sweeps >= suspiciousSweeps);
    const others = due.filter(({ sweeps }) => sweeps < suspiciousSweeps);
    // Driven beside one another and not waited for: a provider that is slow with one order must not keep the others.
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
      // The count stays one too high, and the next save sets it right.
      .catch(() => undefined)
      .finally(() => this.driving.delete(run));
    this.driving.add(run);
    return run;
  }
}
