import Stripe from 'stripe';
import type { Config } from '../../config/config';
import type {
  AuthorizeRequest,
  FollowUpRequest,
  GatewayResult,
  PaymentGateway,
  UnknownCode,
} from './gateway';

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
          allowed_payment_method_types: ['card'],
          capture_method: 'manual',
          confirm: true,
          metadata: request.metadata,
        },
        key,
      );
      if (intent.status === 'requires_capture') return approved(intent.id, intent.amount, intent.currency);
      if (intent.status === 'processing')
        return unknown(`authorization ${intent.id} is still processing`, { code: 'still_processing' });
      // The buyer would have to act (3-D Secure), which a checkout between servers cannot offer.
      return { status: 'declined', code: intent.status, reference: intent.id };
    });
  }

  async capture(request: FollowUpRequest): Promise<GatewayResult> {
    return resultOf(
      async () => {
        const intent = await this.stripe.paymentIntents.capture(
          request.authorization,
          { amount_to_capture: request.amount },
          { idempotencyKey: request.key },
        );
        return afterCapture(intent);
      },
      async () => afterCapture(await this.stripe.paymentIntents.retrieve(request.authorization)),
    );
  }

  async void(request: FollowUpRequest): Promise<GatewayResult> {
    return resultOf(
      async () => {
        const intent = await this.stripe.paymentIntents.cancel(
          request.authorization,
          {},
          { idempotencyKey: request.key },
        );
        return approved(intent.id, intent.amount, intent.currency);
      },
      async () => {
        const intent = await this.stripe.paymentIntents.retrieve(request.authorization);
        return intent.status === 'canceled'
          ? approved(intent.id, intent.amount, intent.currency)
          : unknown(`authorization ${intent.id} is ${intent.status} and cannot be voided`);
      },
    );
  }

  async refund(request: FollowUpRequest): Promise<GatewayResult> {
    return resultOf(
      async () => {
        const refund = await this.stripe.refunds.create(
          {
            payment_intent: request.authorization,
            amount: request.amount,
            metadata: request.metadata,
          },
          { idempotencyKey: request.key },
        );
        return afterRefund(refund);
      },
      async () => {
        const { data } = await this.stripe.refunds.list({
          payment_intent: request.authorization,
          limit: 100,
        });
        const named = Object.entries(request.metadata);
        const own = data.find(({ metadata }) => named.every(([name, value]) => metadata?.[name] === value));
        return own
          ? afterRefund(own)
          : unknown(`no refund of ${request.authorization} was made for this operation`);
      },
    );
  }
}

function afterCapture(intent: Stripe.PaymentIntent): GatewayResult {
  if (intent.status === 'succeeded') return approved(intent.id, intent.amount_received, intent.currency);
  if (intent.status === 'canceled')
    return { status: 'declined', code: 'authorization_canceled', reference: intent.id };
  return unknown(`payment ${intent.id} is ${intent.status} after its capture was asked for`);
}

function afterRefund(refund: Stripe.Refund): GatewayResult {
  // A pending refund is on its way through the card network and needs nothing more from us.
  if (refund.status === 'succeeded' || refund.status === 'pending')
    return approved(refund.id, refund.amount, refund.currency);
  return unknown(`refund ${refund.id} is ${refund.status}`);
}

const approved = (reference: string, amount: number, currency: string): GatewayResult => ({
  status: 'approved',
  reference,
  amount,
  currency: currency.toUpperCase(),
});

const unknown = (
  detail: string,
  more: { code?: UnknownCode; httpStatus?: number; retryAfterMs?: number } = {},
): GatewayResult => ({ status: 'unknown', code: 'no_clear_answer', detail, ...more });

/**
 * Turns an error into a result. Only what Stripe documents as a decision about this request is a no; everything else,
 * even a wrong API key, leaves the result unknown. `lookUp` reads the state when Stripe says that the request does not fit
 * it: that is how a repeat looks once Stripe has forgotten the key. A failed look-up leaves the result unknown.
 */
async function resultOf(
  ask: () => Promise<GatewayResult>,
  lookUp?: () => Promise<GatewayResult>,
): Promise<GatewayResult> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof Stripe.errors.StripeError))
      return unknown(`unexpected: ${(error as Error).message}`);
    if (error instanceof Stripe.errors.StripeCardError) {
      return {
        status: 'declined',
        code: error.decline_code ?? error.code ?? 'card_declined',
        reference: error.payment_intent?.id,
      };
    }
    // 400 and 404. Not 409 (the first call with this key is still running), 429, or a key that is known with other
    // parameters: the SDK has other classes for these, and none says anything about this call.
    // guard: key-in-use-is-unknown
    if (error instanceof Stripe.errors.StripeInvalidRequestError) {
      if (lookUp)
        return lookUp().catch((failed: Error) => unknown(`it could not be looked up: ${failed.message}`));
      return { status: 'declined', code: error.code ?? 'invalid_request' };
    }
    // guard: silence-is-unknown
    return unknown(`${error.type}${error.statusCode ? ` ${error.statusCode}` : ''}: ${error.message}`, {
      code: unknownCodeOf(error),
      httpStatus: error.statusCode,
      retryAfterMs: retryAfterMs(error),
    });
  }
}

/** Without a status there was no response. */
function unknownCodeOf({ statusCode }: InstanceType<typeof Stripe.errors.StripeError>): UnknownCode {
  if (statusCode === undefined) return 'no_answer';
  if (statusCode >= 500) return 'provider_error';
  const known: Record<number, UnknownCode> = {
    401: 'access_refused',
    403: 'access_refused',
    409: 'key_in_use',
    429: 'provider_busy',
  };
  return known[statusCode] ?? 'no_clear_answer';
}

function retryAfterMs(error: InstanceType<typeof Stripe.errors.StripeError>): number | undefined {
  const seconds = Number(error.headers?.['retry-after']);
  return Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds, 300) * 1_000 : undefined;
}
