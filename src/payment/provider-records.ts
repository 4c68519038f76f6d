import Stripe from 'stripe';
import type { Config } from '../config/config';

/** An order's money, in the provider's own words. Amounts in minor units. */
export interface ProviderRecord {
  reference: string;
  currency: string;
  authorized: number;
  captured: number;
  /** Given back before it was captured. */
  voided: number;
  refunded: number;
}

/** Reads the provider's books. It moves nothing, so it needs no key and no lease. */
export interface ProviderRecords {
  /** Null: the provider has nothing of this order. Throws when it does not answer. */
  find(order: { orderId: string; reference: string | null }): Promise<ProviderRecord | null>;
}

/** Somebody looks at a page meanwhile, so this is shorter than what a saga would wait. */
const timeoutMs = 3_000;

/**
 * Stripe's. Where the reference was never heard, the order's id is looked for in the metadata; that search may lag by a
 * minute, so finding nothing is not a no.
 */
export class StripeRecords implements ProviderRecords {
  private readonly stripe: Stripe;

  constructor(config: Pick<Config, 'stripeApiUrl' | 'stripeSecretKey'>) {
    const url = new URL(config.stripeApiUrl);
    this.stripe = new Stripe(config.stripeSecretKey, {
      host: url.hostname,
      port: url.port || (url.protocol === 'https:' ? 443 : 80),
      protocol: url.protocol === 'https:' ? 'https' : 'http',
      timeout: timeoutMs,
      maxNetworkRetries: 0,
      telemetry: false,
    });
  }

  async find({
    orderId,
    reference,
  }: {
    orderId: string;
    reference: string | null;
  }): Promise<ProviderRecord | null> {
    const intent = reference
      ? await this.stripe.paymentIntents.retrieve(reference)
      : (await this.stripe.paymentIntents.search({ query: `metadata['orderId']:'${orderId}'`, limit: 1 }))
          .data[0];
    if (!intent) return null;
    const { data: refunds } = await this.stripe.refunds.list({ payment_intent: intent.id, limit: 100 });
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
}
