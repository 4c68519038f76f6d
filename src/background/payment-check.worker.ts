import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config';
import { Database } from '../database/database';
import { PaymentCheck } from '../orders/payment-check/payment-check';
import { claimChecks } from '../payment/payment-checks.repository';

/** Orders checked at once by a worker: each reads a few objects, and the provider's limit is there for charges first. */
const atOnce = 4;
/** A check asks in sequence and each call may be repeated once, so its lease outlasts many calls. */
const leaseInCalls = 12;

/**
 * Checks the payments that are due: those of orders that a webhook names, and those whose refund is still under way. When the
 * provider is away, it waits before it claims others.
 */
@Injectable()
export class PaymentCheckWorker {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly db: Database,
    private readonly check: PaymentCheck,
  ) {}

  /** Returns when to come back, if later than usual. */
  async sweep(): Promise<number | void> {
    const leaseMs = leaseInCalls * this.config.paymentTimeoutMs;
    for (;;) {
      const claims = await this.db.transaction('claim-checks', (tx) =>
        claimChecks(tx, { limit: atOnce, leaseMs }),
      );
      const pauses = await Promise.all(claims.map((claim) => this.check.run(claim)));
      const away = pauses.filter((pauseMs) => pauseMs !== undefined);
      if (away.length > 0) return Math.max(...away);
      if (claims.length < atOnce) return;
    }
  }
}
