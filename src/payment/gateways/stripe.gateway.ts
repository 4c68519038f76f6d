import Stripe from 'stripe';
import type { Config } from '../../config/config';
import type {
  AuthorizeRequest,
  FollowUpRequest,
  GatewayResult,
  LookRequest,
  NotDone,
  PaymentGateway,
} from './gateway';
import { declineOf, resultOfError, unknown } from './stripe-errors';

/** The SDK's own retries are off: they would hide from the saga how often the provider was asked, and outlast its lease. */
export function stripeClient(
  { stripeApiUrl, stripeSecretKey }: Pick<Config, 'stripeApiUrl' | 'stripeSecretKey'>,
  timeoutMs: number,
): Stripe {
  const { hostname, port, protocol } = new URL(stripeApiUrl);
  const isSecure = protocol === 'https:';
  return new Stripe(stripeSecretKey, {
    host: hostname,
    port: port || (isSecure ? 443 : 80),
    protocol: isSecure ? 'https' : 'http',
    timeout: timeoutMs,
    maxNetworkRetries: 0,
    telemetry: false,
  });
}

/**
 * Stripe through its official SDK: a PaymentIntent with manual capture is the authorization.
 *
 * The SDK still retries once, with the same key, when a connection is reset. A lease therefore outlasts two calls.
 */
export class StripeGateway implements PaymentGateway {
  private readonly stripe: Stripe;

  constructor(config: Pick<Config, 'stripeApiUrl' | 'stripeSecretKey' | 'paymentTimeoutMs'>) {
    this.stripe = stripeClient(config, config.paymentTimeoutMs);
  }

  async authorize(request: AuthorizeRequest): Promise<GatewayResult> {
    return resultOf(async () => {
      // guard: provider-key-is-kept
      const key = { idempotencyKey: request.key };
      const intent = await this.stripe.paymentIntents.create(
        {
          amount: request.amount,
          currency: request.currency.toLowerCase(),
          payment_method: request.paymentMethod,
          // There is no page to redirect the buyer to, so only methods that need none.
          // guard: cards-only
          allowed_payment_method_types: ['card'],
          capture_method: 'manual',
          confirm: true,
          metadata: request.metadata,
        },
        key,
      );
      return decided(seenAs.authorize(intent));
    });
  }

  async capture(request: FollowUpRequest): Promise<GatewayResult> {
    return resultOf(async () => {
      const intent = await this.stripe.paymentIntents.capture(
        request.authorization,
        { amount_to_capture: request.amount },
        { idempotencyKey: request.key },
      );
      return decided(seenAs.capture(intent));
    });
  }

  async void(request: FollowUpRequest): Promise<GatewayResult> {
    return resultOf(async () => {
      const intent = await this.stripe.paymentIntents.cancel(
        request.authorization,
        {},
        { idempotencyKey: request.key },
      );
      return decided(seenAs.void(intent));
    });
  }

  async refund(request: FollowUpRequest): Promise<GatewayResult> {
    return resultOf(async () => {
      const refund = await this.stripe.refunds.create(
        { payment_intent: request.authorization, amount: request.amount, metadata: request.metadata },
        { idempotencyKey: request.key },
      );
      return seenRefund(refund);
    });
  }

  async look({ kind, authorization, metadata }: LookRequest): Promise<GatewayResult | NotDone> {
    try {
      if (kind === 'refund') return await this.lookForRefund(authorization!, metadata);
      const intent = authorization
        ? await this.stripe.paymentIntents.retrieve(authorization)
        : await this.search(metadata);
      if (!intent) return notDone('the provider finds no payment of this order');
      // An event names the intent; only the intent itself says whose it is.
      if (intent.metadata.orderId !== metadata.orderId)
        return notDone(`payment ${intent.id} belongs to another order`);
      return seenAs[kind](intent);
    } catch (error) {
      const result = resultOfError(error);
      // A refused look says nothing about the operation.
      return result.status === 'declined' ? unknown(`it could not be looked up: ${result.code}`) : result;
    }
  }

  /** Any payment of the order, of whatever number: a restored database may have lost how many there were. */
  private async search({ orderId }: LookRequest['metadata']): Promise<Stripe.PaymentIntent | undefined> {
    const query = `metadata['orderId']:'${orderId}'`;
    const { data } = await this.stripe.paymentIntents.search({ query, limit: 100 });
    return data.find(({ status }) => isLive(status));
  }

  /** By order and purpose, whatever the number, unless that refund failed: then another may follow. */
  private async lookForRefund(
    authorization: string,
    metadata: LookRequest['metadata'],
  ): Promise<GatewayResult | NotDone> {
    const { data } = await this.stripe.refunds.list({ payment_intent: authorization, limit: 100 });
    // The installation may have another id since: the payment is ours by its reference.
    const { number, installation: _, ...purpose } = metadata;
    const own = data.filter((refund) => has(refund, purpose));
    const refund =
      own.find((one) => one.status !== 'failed' && one.status !== 'canceled') ??
      own.find((one) => one.metadata?.number === number);
    if (refund) return seenRefund(refund);
    return this.refundedByOthers(authorization);
  }

  /** Refunded in full in Stripe's dashboard: the customer has the money, and another refund is refused. */
  private async refundedByOthers(authorization: string): Promise<GatewayResult | NotDone> {
    const intent = await this.stripe.paymentIntents.retrieve(authorization, { expand: ['latest_charge'] });
    const charge = intent.latest_charge;
    if (charge && typeof charge === 'object' && charge.refunded && charge.captured)
      return approved(charge.id, charge.amount_refunded, charge.currency);
    return notDone(`no refund of ${authorization} was made for this operation`);
  }
}

const has = (refund: Stripe.Refund, metadata: Record<string, string>) =>
  Object.entries(metadata).every(([name, value]) => refund.metadata?.[name] === value);

/** Money is set aside or taken under it, or may still be. */
const isLive = (status: Stripe.PaymentIntent.Status) =>
  status === 'requires_capture' ||
  status === 'succeeded' ||
  status === 'processing' ||
  status === 'requires_action';

const toReference = ({ id: reference }: { id: string }) => ({ reference });

/** What an intent says about each kind of operation. */
const seenAs = {
  authorize(intent: Stripe.PaymentIntent): GatewayResult {
    switch (intent.status) {
      case 'requires_capture':
        // The bank may authorize less than was asked for.
        return approved(intent.id, intent.amount_capturable, intent.currency);
      case 'succeeded':
        return approved(intent.id, intent.amount_received, intent.currency);
      case 'processing':
        return { status: 'pending', waitsFor: 'provider', ...toReference(intent) };
      case 'requires_action':
      case 'requires_confirmation':
        return { status: 'pending', waitsFor: 'buyer', ...toReference(intent) };
      case 'canceled':
        return { status: 'declined', code: 'authorization_canceled', ...toReference(intent) };
      default:
        return {
          ...declineOf(intent.last_payment_error, intent.status),
          ...toReference(intent),
          isOpen: true,
        };
    }
  },

  capture(intent: Stripe.PaymentIntent): GatewayResult | NotDone {
    switch (intent.status) {
      case 'succeeded':
        return approved(intent.id, intent.amount_received, intent.currency);
      // guard: canceled-payment-is-not-captured
      case 'canceled':
        return { status: 'declined', code: 'authorization_canceled', ...toReference(intent) };
      case 'requires_payment_method':
        return { status: 'declined', code: lastErrorOf(intent), ...toReference(intent) };
      case 'processing':
        return { status: 'pending', waitsFor: 'provider', ...toReference(intent) };
      default:
        return notDone(`payment ${intent.id} is ${intent.status}`);
    }
  },

  void(intent: Stripe.PaymentIntent): GatewayResult | NotDone {
    if (intent.status === 'canceled') return approved(intent.id, intent.amount, intent.currency);
    // The buyer paid before it could be canceled.
    if (intent.status === 'succeeded')
      return { status: 'declined', code: 'already_captured', ...toReference(intent) };
    if (intent.status === 'processing')
      return unknown(`payment ${intent.id} is processing`, { code: 'still_processing' });
    return notDone(`payment ${intent.id} is ${intent.status}`);
  },
};

function seenRefund(refund: Stripe.Refund): GatewayResult {
  switch (refund.status) {
    case 'succeeded':
      return approved(refund.id, refund.amount, refund.currency);
    case 'failed':
    case 'canceled':
      return { status: 'failed', reason: refund.failure_reason ?? refund.status, ...toReference(refund) };
    default:
      // guard: pending-refund-is-followed
      return { status: 'pending', waitsFor: 'provider', ...toReference(refund) };
  }
}

const lastErrorOf = ({ last_payment_error: error, status }: Stripe.PaymentIntent): string =>
  error?.decline_code ?? error?.code ?? status;

/** The answer to a call that ended without an error, and yet nothing was done. */
const decided = (result: GatewayResult | NotDone): GatewayResult =>
  result.status === 'not-done' ? unknown(`${result.detail} after it was asked for`) : result;

const notDone = (detail: string): NotDone => ({ status: 'not-done', detail });

const approved = (reference: string, amount: number, currency: string): GatewayResult => ({
  status: 'approved',
  reference,
  amount,
  currency: currency.toUpperCase(),
});

async function resultOf(ask: () => Promise<GatewayResult>): Promise<GatewayResult> {
  try {
    return await ask();
  } catch (error) {
    return resultOfError(error);
  }
}
