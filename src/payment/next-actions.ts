import { Injectable, Inject } from '@nestjs/common';
import type Stripe from 'stripe';
import { CONFIG, type Config } from '../config/config';
import { retryAfterMs } from './gateways/stripe-errors';
import { stripeClient } from './gateways/stripe.gateway';
import { ProviderAway } from './provider-away';

/** A buyer waits for it, and no saga. */
const limitMs = 3_000;

/** What the buyer's browser needs to authenticate. It is a secret: never store it or log it. */
export interface NextAction {
  type: 'stripe_payment_intent';
  clientSecret: string;
}

/** Reads at the provider, each time, what a buyer must do for a payment. */
@Injectable()
export class NextActions {
  private readonly stripe: Stripe;

  constructor(@Inject(CONFIG) config: Config) {
    this.stripe = stripeClient(config, limitMs);
  }

  /** Null: the buyer has nothing to do. Throws `ProviderAway` when the provider cannot say. */
  async find({ reference, stripeAccount }: PaymentAddress): Promise<NextAction | null> {
    const account = stripeAccount === null ? {} : { stripeAccount };
    try {
      const { status, client_secret: clientSecret } = await this.stripe.paymentIntents.retrieve(
        reference,
        {},
        account,
      );
      const mustAct = status === 'requires_action' && clientSecret !== null;
      return mustAct ? { type: 'stripe_payment_intent', clientSecret } : null;
    } catch (error) {
      throw new ProviderAway(
        error as Error,
        retryAfterMs(error as InstanceType<typeof Stripe.errors.StripeError>),
      );
    }
  }
}

/** Where a payment is found at the provider. Null: our own account. */
export interface PaymentAddress {
  reference: string;
  stripeAccount: string | null;
}
