import { Inject, Injectable, Logger } from '@nestjs/common';
import { Database, clockOf } from '../database/database';
import { type Difference, comparePayments } from '../orders/payment-check/compare';
import { compareOrder } from '../orders/payment-check/compare-order';
import { ourPaymentsOf, paymentPlacesOf, providerPaymentsOf } from '../orders/payment-check/our-payments';
import { Installation } from '../payment/installation';
import {
  PROVIDER_PAYMENTS,
  type ProviderPayment,
  type ProviderPayments,
  isRefusedByAccount,
} from '../payment/provider-payments';
import {
  connectedAccounts,
  newestAuthorizations,
  ordersAskedBetween,
  ordersWithOpenDisputes,
} from '../payment/reconciled-payments.repository';
import type { Period } from './reconciliations.repository';

const dayMs = 86_400_000;
/** Operations of ours that are read at once. */
const pageSizeMax = 500;
/** A bank may send a refund back for about a month. */
const refundsFailWithinMs = 35 * dayMs;
/** One may have been lost; all of them are not. */
const samplesMax = 5;

/** Some of a period's payments, compared. */
export interface ComparedPage {
  /** Payments of this installation. */
  compared: number;
  /** Payments of others at the same account. */
  others: number;
  /** Orders whose two records seem to differ. They were not read at the same instant, so both must be read again. */
  suspects: string[];
  /** Payments that carry this installation's id, and whose orders are not here. */
  lost: ProviderPayment[];
}

/**
 * Compares the provider's payments of a period with ours, and our operations of the period with the provider's. It only
 * reads, and holds a day in memory at most.
 */
@Injectable()
export class PeriodComparison {
  private readonly logger = new Logger('reconciliation');

  constructor(
    private readonly db: Database,
    @Inject(PROVIDER_PAYMENTS) private readonly provider: ProviderPayments,
    private readonly installation: Installation,
  ) {}

  /** With the key of another account, every payment of ours would be missing. */
  async requireOurAccount(): Promise<void> {
    const newest = await newestAuthorizations(this.db, samplesMax);
    for (const { orderId, reference, account } of newest)
      if ((await this.provider.at(account).ofOrder(orderId, [reference])).length > 0) return;
    if (newest.length > 0)
      throw new Error(
        `The provider has none of our ${newest.length} newest payments. STRIPE_SECRET_KEY belongs to another account, or to its test mode: set the key that the orders were charged with.`,
      );
  }

  /** Every account that payments of ours were made at. */
  async *pages({ from, to }: Period): AsyncGenerator<ComparedPage> {
    const accounts = new Set([null, ...(await connectedAccounts(this.db))]);
    for (let start = from; start < to; start = new Date(start.getTime() + dayMs)) {
      const day = { from: start, to: new Date(Math.min(start.getTime() + dayMs, to.getTime())) };
      const seen = new Set<string>();
      for await (const payments of this.readable(accounts, (there) => there.createdBetween(day.from, day.to)))
        yield this.compared(payments, seen);
      yield* this.asked(day, seen, accounts);
    }
    yield* this.endedLate(from, accounts);
  }

  /** Drops accounts that let us in no more, so that one shop that has left does not end the comparison of all others. */
  private async *readable(
    accounts: Set<string | null>,
    read: (there: ProviderPayments) => AsyncIterable<ProviderPayment[]>,
  ): AsyncGenerator<ProviderPayment[]> {
    for (const account of accounts)
      try {
        yield* read(this.provider.at(account));
      } catch (error) {
        if (account === null || !isRefusedByAccount(error)) throw error;
        accounts.delete(account);
        this.logger.warn(
          `${account} does not let us read its payments, so they were not compared. Have the shop connect it again, then reconcile the period.`,
        );
      }
  }

  /**
   * What differs for one order, read again from both sides and not recorded. Undefined: it changed meanwhile, so that the two
   * cannot be compared now.
   */
  async differencesOf(orderId: string): Promise<Difference[] | undefined> {
    const asked = await clockOf(this.db);
    const places = await paymentPlacesOf(this.db, orderId);
    const payments = await providerPaymentsOf(this.provider, orderId, places);
    const [ours] = await this.ours([orderId]);
    if (!ours || ours.changedAt >= asked) return undefined;
    return compareOrder(ours, payments, asked);
  }

  private async ours(orderIds: string[]) {
    const installation = await this.installation.id();
    return this.db.transaction('check-payment', (tx) => ourPaymentsOf(tx, orderIds, installation));
  }

  private async compared(payments: ProviderPayment[], seen: Set<string>): Promise<ComparedPage> {
    if (payments.length === 0) return nothing;
    for (const { reference } of payments) seen.add(reference);
    const known = await this.ours([...new Set(payments.flatMap(({ orderId }) => orderId ?? []))]);
    const here = {
      installation: await this.installation.id(),
      accounts: new Map(known.map(({ orderId, accounts }) => [orderId, accounts])),
    };
    const those = (whose: Whose) => payments.filter((payment) => whoseIs(payment, here) === whose);
    const [ours, lost] = [those('ours'), those('lost')];
    const differs = known.filter(
      (order) =>
        comparePayments(
          order,
          ours.filter(({ orderId }) => orderId === order.orderId),
        ).length > 0,
    );
    return {
      compared: ours.length + lost.length,
      others: payments.length - ours.length - lost.length,
      suspects: differs.map(({ orderId }) => orderId),
      lost,
    };
  }

  /** Orders that the provider was asked about, and whose payments it did not list: they are of another day, or missing. */
  private async *asked(
    { from, to }: Period,
    seen: Set<string>,
    accounts: Set<string | null>,
  ): AsyncGenerator<ComparedPage> {
    const orders = new Set<string>();
    for (let after: string | null = null; ;) {
      const rows = await ordersAskedBetween(this.db, { from, to, after }, pageSizeMax);
      const unseen = rows.filter(
        ({ orderId, reference, account }) =>
          reference !== null && !seen.has(reference) && !orders.has(orderId) && accounts.has(account),
      );
      const suspects = [...new Set(unseen.map(({ orderId }) => orderId))];
      for (const orderId of suspects) orders.add(orderId);
      if (suspects.length > 0) yield { ...nothing, suspects };
      if (rows.length < pageSizeMax) return;
      after = rows.at(-1)!.id;
    }
  }

  /** Refunds and disputes that are older than the period may have ended in it; only their own dates are listed. */
  private async *endedLate(from: Date, accounts: Set<string | null>): AsyncGenerator<ComparedPage> {
    const since = new Date(from.getTime() - refundsFailWithinMs);
    for await (const payments of this.readable(accounts, (there) => there.withFailedRefunds(since, from)))
      yield this.compared(payments, new Set());
    const suspects = await ordersWithOpenDisputes(this.db);
    if (suspects.length > 0) yield { ...nothing, suspects };
  }
}

type Whose = 'ours' | 'lost' | 'others';

const nothing: ComparedPage = { compared: 0, others: 0, suspects: [], lost: [] };

/**
 * `ours`: of an order that is here. `lost`: sent by this installation, for an order that is not here. Everything else
 * belongs to others, also what another installation sent for an order that is here, because a copy has the orders of its
 * original; and what somebody names after our order at an account that the order is not charged at.
 */
export function whoseIs(
  { installation, orderId, account }: Pick<ProviderPayment, 'installation' | 'orderId' | 'account'>,
  here: { installation: string; accounts: ReadonlyMap<string, (string | null)[]> },
): Whose {
  // guard: payments-of-others-are-left-alone
  if (installation !== null && installation !== here.installation) return 'others';
  const accounts = orderId === null ? undefined : here.accounts.get(orderId);
  if (accounts) return accounts.includes(account) ? 'ours' : 'others';
  return installation === null ? 'others' : 'lost';
}
