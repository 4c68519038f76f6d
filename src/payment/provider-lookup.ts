import { LRUCache } from 'lru-cache';
import type Stripe from 'stripe';
import { clockMs } from '../clock';
import type { Config } from '../config/config';
import { at, stripeClient } from './gateways/stripe.gateway';

/** An order's money as the provider reports it. Amounts in minor units. */
export interface ProviderRecord {
  reference: string;
  currency: string;
  authorized: number;
  captured: number;
  /** Lifted before it was captured. */
  voided: number;
  refunded: number;
}

/** Reads the provider's records. It moves no money, so it needs no key and no lease. */
export interface ProviderRecords {
  /** Null: the provider has nothing for this order. Throws when it does not answer. */
  find(order: AskedOrder): Promise<ProviderRecord | null>;
}

/** An order as the provider is asked about it. */
export interface AskedOrder {
  orderId: string;
  reference: string | null;
  /** The connected account of its payment; by default our own. */
  account?: string | null;
}

/** What the provider last reported about an order, and whether it answered this time. */
export interface LookupResult {
  answered: boolean;
  /** Why there is no record, in our words. */
  problem: string | null;
  record: ProviderRecord | null;
  /** When the record was read; null when it never was. */
  askedAt: Date | null;
}

/** However many people look at an order, the provider is asked about it this often. */
const askEveryMs = 10_000;
/** For a whole look-up, however many calls it takes; each of them has the same limit. Somebody is looking at a page. */
const limitMs = 3_000;
const rememberedMax = 1_000;

interface Asked {
  at: number;
  result: Promise<LookupResult>;
}

/** Asks the provider about an order for the people who look at it: rarely, briefly, and never instead of a saga. */
export class ProviderLookup {
  private readonly asked = new LRUCache<string, Asked>({ max: rememberedMax });

  constructor(private readonly records: ProviderRecords) {}

  find(order: AskedOrder): Promise<LookupResult> {
    const before = this.asked.get(order.orderId);
    if (before && performance.now() - before.at < askEveryMs) return before.result;
    const asked = { at: performance.now(), result: this.findNow(order, before?.result) };
    this.asked.set(order.orderId, asked);
    return asked.result;
  }

  private async findNow(order: AskedOrder, before: Promise<LookupResult> | undefined): Promise<LookupResult> {
    // Before the call: what happens during it may be missing from the record. By the database's clock, which dates the
    // operations that the record is compared with.
    const askedAt = new Date(clockMs());
    let timer: NodeJS.Timeout | undefined;
    const tooLate = new Promise<'late'>((resolve) => (timer = setTimeout(resolve, limitMs, 'late')));
    try {
      const record = await Promise.race([this.records.find(order), tooLate]);
      if (record === 'late') return unanswered('The provider did not answer within 3 s.', await before);
      const problem = record ? null : 'The provider has nothing of this order yet.';
      return { answered: true, problem, record, askedAt };
    } catch {
      return unanswered('The provider did not answer.', await before);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** What the provider reported before is still shown. */
const unanswered = (problem: string, before: LookupResult | undefined): LookupResult => ({
  answered: false,
  problem,
  record: before?.record ?? null,
  askedAt: before?.askedAt ?? null,
});

/**
 * Stripe's records. Without a reference the order's id is searched in the metadata; that search may lag by a minute, so
 * finding nothing is not a no.
 */
export class StripeRecords implements ProviderRecords {
  private readonly stripe: Stripe;

  constructor(config: Pick<Config, 'stripeApiUrl' | 'stripeSecretKey'>) {
    this.stripe = stripeClient(config, limitMs);
  }

  async find(order: AskedOrder): Promise<ProviderRecord | null> {
    const intent = await this.intentOf(order);
    if (!intent) return null;
    const ofIntent = { payment_intent: intent.id, limit: 100 };
    const { data: refunds } = await this.stripe.refunds.list(
      ofIntent,
      at({ account: order.account ?? null }),
    );
    const isHeld = ['requires_capture', 'succeeded', 'canceled'].includes(intent.status);
    return {
      reference: intent.id,
      currency: intent.currency.toUpperCase(),
      authorized: isHeld ? intent.amount : 0,
      captured: intent.amount_received,
      voided: intent.status === 'canceled' ? intent.amount : 0,
      refunded: refunds
        .filter(({ status }) => status === 'succeeded' || status === 'pending')
        .reduce((sum, { amount }) => sum + amount, 0),
    };
  }

  private async intentOf({ orderId, reference, account = null }: AskedOrder) {
    const there = at({ account });
    if (reference) return this.stripe.paymentIntents.retrieve(reference, {}, there);
    const query = `metadata['orderId']:'${orderId}'`;
    return (await this.stripe.paymentIntents.search({ query, limit: 1 }, there)).data[0];
  }
}
