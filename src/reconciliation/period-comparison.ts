import { Inject, Injectable } from '@nestjs/common';
import { Database, clockOf } from '../database/database';
import { type Difference, type OurPayment, comparePayments } from '../orders/payment-check/compare';
import { compareOrder } from '../orders/payment-check/compare-order';
import { ourPaymentsOf } from '../orders/payment-check/our-payments';
import { Installation } from '../payment/installation';
import { isAuthorization } from '../payment/payment-operations.repository';
import { PROVIDER_PAYMENTS, type ProviderPayment, type ProviderPayments } from '../payment/provider-payments';
import {
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
  constructor(
    private readonly db: Database,
    @Inject(PROVIDER_PAYMENTS) private readonly provider: ProviderPayments,
    private readonly installation: Installation,
  ) {}

  /** With the key of another account, every payment of ours would be missing. */
  async requireOurAccount(): Promise<void> {
    const newest = await newestAuthorizations(this.db, samplesMax);
    for (const { orderId, reference } of newest)
      if ((await this.provider.ofOrder(orderId, [reference])).length > 0) return;
    if (newest.length > 0)
      throw new Error(
        `The provider has none of our ${newest.length} newest payments. STRIPE_SECRET_KEY belongs to another account, or to its test mode: set the key that the orders were charged with.`,
      );
  }

  async *pages({ from, to }: Period): AsyncGenerator<ComparedPage> {
    for (let start = from; start < to; start = new Date(start.getTime() + dayMs)) {
      const day = { from: start, to: new Date(Math.min(start.getTime() + dayMs, to.getTime())) };
      const seen = new Set<string>();
      for await (const payments of this.provider.createdBetween(day.from, day.to))
        yield this.compared(payments, seen);
      yield* this.asked(day, seen);
    }
    yield* this.endedLate(from);
  }

  /**
   * What differs for one order, read again from both sides and not recorded. Undefined: it changed meanwhile, so that the two
   * cannot be compared now.
   */
  async differencesOf(orderId: string): Promise<Difference[] | undefined> {
    const asked = await clockOf(this.db);
    const before = await this.ours([orderId]);
    const payments = await this.provider.ofOrder(
      orderId,
      before.flatMap(({ operations }) => authorizationsOf(operations)),
    );
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
      known: new Set(known.map(({ orderId }) => orderId)),
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
  private async *asked({ from, to }: Period, seen: Set<string>): AsyncGenerator<ComparedPage> {
    const orders = new Set<string>();
    for (let after: string | null = null; ;) {
      const rows = await ordersAskedBetween(this.db, { from, to, after }, pageSizeMax);
      const unseen = rows.filter(
        ({ orderId, reference }) => reference !== null && !seen.has(reference) && !orders.has(orderId),
      );
      const suspects = [...new Set(unseen.map(({ orderId }) => orderId))];
      for (const orderId of suspects) orders.add(orderId);
      if (suspects.length > 0) yield { ...nothing, suspects };
      if (rows.length < pageSizeMax) return;
      after = rows.at(-1)!.id;
    }
  }

  /** Refunds and disputes that are older than the period may have ended in it; only their own dates are listed. */
  private async *endedLate(from: Date): AsyncGenerator<ComparedPage> {
    const since = new Date(from.getTime() - refundsFailWithinMs);
    for await (const payments of this.provider.withFailedRefunds(since, from))
      yield this.compared(payments, new Set());
    const suspects = await ordersWithOpenDisputes(this.db);
    if (suspects.length > 0) yield { ...nothing, suspects };
  }
}

const authorizationsOf = (operations: OurPayment['operations']): string[] =>
  operations.filter(isAuthorization).flatMap(({ reference }) => reference ?? []);

type Whose = 'ours' | 'lost' | 'others';

const nothing: ComparedPage = { compared: 0, others: 0, suspects: [], lost: [] };

/**
 * `ours`: of an order that is here. `lost`: sent by this installation, for an order that is not here. Everything else
 * belongs to others, also what another installation sent for an order that is here: a copy has the orders of its original.
 */
export function whoseIs(
  { installation, orderId }: Pick<ProviderPayment, 'installation' | 'orderId'>,
  here: { installation: string; known: { has: (orderId: string) => boolean } },
): Whose {
  // guard: payments-of-others-are-left-alone
  if (installation !== null && installation !== here.installation) return 'others';
  if (orderId !== null && here.known.has(orderId)) return 'ours';
  return installation === null ? 'others' : 'lost';
}
