import { Inject, Injectable, Logger } from '@nestjs/common';
import { CONFIG, type Config } from '../../config/config';
import { Database, clockOf } from '../../database/database';
import { publicId } from '../../ids';
import { Relay } from '../../outbox/relay';
import { Installation } from '../../payment/installation';
import { type PaymentCheckClaim, finishCheck, requestChecks } from '../../payment/payment-checks.repository';
import { ProviderAway } from '../../payment/provider-away';
import {
  PROVIDER_PAYMENTS,
  type ProviderPayment,
  type ProviderPayments,
} from '../../payment/provider-payments';
import { lockSaga } from '../checkout-saga/saga.repository';
import { accountOf } from '../../payment/payment-facts.repository';
import { type Recorded, applyDifferences } from './apply';
import { type Difference, isOpenAtProvider } from './compare';
import { compareOrder } from './compare-order';
import { deadlineOf } from './deadline';
import { ourPaymentsOf, paymentPlacesOf, providerPaymentsOf } from './our-payments';

/** When our records changed while the provider was asked, its answer may be older than they are. */
const askAgainMs = 1_000;

/** Why an order must be checked again, and when. */
interface Again {
  inMs: number;
}

/**
 * Checks one order's payments: asks the provider, compares, records. The provider is asked outside of transactions; the
 * comparison is made under the saga's lock, with records read under it.
 */
@Injectable()
export class PaymentCheck {
  private readonly logger = new Logger('payment-check');

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly db: Database,
    @Inject(PROVIDER_PAYMENTS) private readonly provider: ProviderPayments,
    private readonly installation: Installation,
    private readonly relay: Relay,
  ) {}

  /** Resolves when the claim is given back. Returns how long to leave the provider alone when it is away. */
  async run(claim: PaymentCheckClaim): Promise<number | undefined> {
    const backoffMs = this.backoffMs(claim.attempt);
    try {
      const { again } = await this.check(claim, backoffMs);
      await this.giveBack(claim, again?.inMs);
      return undefined;
    } catch (error) {
      // Failing to give it back costs nothing: the lease ends.
      await this.giveBack(claim, backoffMs).catch(() => undefined);
      if (error instanceof ProviderAway) return error.retryAfterMs ?? this.config.paymentCheckMs;
      this.logger.error(error, `payments of order ${publicId('ord', claim.orderId)}`);
      return undefined;
    }
  }

  private async giveBack(claim: PaymentCheckClaim, againInMs: number | undefined): Promise<void> {
    const againAt = againInMs === undefined ? null : new Date((await clockOf(this.db)).getTime() + againInMs);
    await finishCheck(this.db, claim, againAt);
  }

  /** For reconciliation: the same at once, without a claim. Resolves with what was recorded. */
  async checkNow(orderId: string): Promise<Recorded[]> {
    const claimedAt = await clockOf(this.db);
    const { again, recorded } = await this.check({ orderId, claimedAt }, this.backoffMs(1));
    if (again) await requestChecks(this.db, [orderId], new Date(claimedAt.getTime() + again.inMs));
    return recorded;
  }

  private async check(
    { orderId, claimedAt }: Pick<PaymentCheckClaim, 'orderId' | 'claimedAt'>,
    backoffMs: number,
  ): Promise<{ again?: Again; recorded: Recorded[] }> {
    const places = await paymentPlacesOf(this.db, orderId);
    const payments = await providerPaymentsOf(this.provider, orderId, places);
    const { again, strays, recorded } = await this.record(orderId, payments, { claimedAt, backoffMs });
    for (const stray of strays) recorded.push(...(await this.voidStray(orderId, stray)));
    return { again, recorded };
  }

  /** Records what can be recorded at once. Returns the authorizations that are to be voided first. */
  private async record(
    orderId: string,
    payments: ProviderPayment[],
    { claimedAt, backoffMs }: { claimedAt: Date; backoffMs: number },
  ): Promise<{ again?: Again; strays: Difference[]; recorded: Recorded[] }> {
    const installation = await this.installation.id();
    const result = await this.db.transaction('check-payment', async (tx) => {
      const saga = await lockSaga(tx, orderId);
      const [ours] = await ourPaymentsOf(tx, saga ? [orderId] : [], installation);
      if (!saga || !ours) return { strays: [], recorded: [] };
      if (ours.changedAt >= claimedAt) return { again: { inMs: askAgainMs }, strays: [], recorded: [] };
      const noticeMs = this.config.paymentCaptureNoticeSeconds * 1_000;
      const deadline = deadlineOf(ours, payments, { now: saga.now, noticeMs });
      const differences = [...compareOrder(ours, payments, saga.now), ...deadline.differences];
      const strays = differences.filter(({ data }) => data.mayVoid === true);
      const recorded = await applyDifferences(
        tx,
        ours,
        differences.filter((difference) => !strays.includes(difference)),
        saga.now,
      );
      const dueInMs = [
        ...(isOpenAtProvider(ours, payments) ? [backoffMs] : []),
        ...(deadline.nextAt ? [Math.max(1, deadline.nextAt.getTime() - saga.now.getTime())] : []),
      ];
      return { strays, recorded, ...(dueInMs.length > 0 && { again: { inMs: Math.min(...dueInMs) } }) };
    });
    this.relay.poke();
    return result;
  }

  /** Under a key that depends on the payment alone, so that repeating it is safe. It becomes a case if it cannot be voided. */
  private async voidStray(orderId: string, stray: Difference): Promise<Recorded[]> {
    const key = `${publicId('ord', orderId)}:void:${stray.reference}`;
    const { status } = await this.provider.at(accountOf(stray)).void(stray.reference, key);
    const isVoided = status === 'canceled';
    const installation = await this.installation.id();
    return this.db.transaction('check-payment', async (tx) => {
      const saga = await lockSaga(tx, orderId);
      const [ours] = await ourPaymentsOf(tx, [orderId], installation);
      const result = { ...stray, status, ...(isVoided && { isCase: false, amountAtRisk: 0 }) };
      return saga && ours ? applyDifferences(tx, ours, [result], saga.now) : [];
    });
  }

  private backoffMs(attempt: number): number {
    const { paymentCheckMs, paymentCheckMsMax } = this.config;
    return Math.min(paymentCheckMs * 2 ** Math.min(attempt - 1, 20), paymentCheckMsMax);
  }
}
