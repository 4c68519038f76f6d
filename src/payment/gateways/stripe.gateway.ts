import Stripe from 'stripe';
import type { Config } from '../../config/config';
import type {
  AuthorizeRequest,
  FollowUpRequest,
  GatewayAnswer,
  PaymentGateway,
  SilenceCode,
} from './gateway';

/**
 * Stripe through its official SDK: a PaymentIntent with manual capture is the authorization.
 *
 * The SDK's own retries are off. They would be safe, for it repeats the key, but they would hide from the saga how
 * often the provider was asked and keep a worker longer than its lease. (One it makes all the same: when a connection is
 * reset. A lease therefore outlasts two calls.)
 */
export class StripeGateway implements PaymentGateway {
  private readonly stripe: Stripe;

  constructor(config: Pick<Config, 'stripeApiUrl' | 'stripeSecretKey' | 'paymentTimeoutMs'>) {
    const url = new URL(config.stripeApiUrl);
    this.stripe = new Stripe(config.stripeSecretKey, {
      host: url.hostname,
      port: url.port || (url.protocol === 'https:' ? 443 : 80),
      protocol: url.protocol === 'https:' ? 'https' : 'http',
      timeout: config.paymentTimeoutMs,
      maxNetworkRetries: 0,
      telemetry: false,
    });
  }

  async authorize(request: AuthorizeRequest): Promise<GatewayAnswer> {
    return answered(async () => {
      // guard: provider-key-is-kept
      const key = { idempotencyKey: request.key };
      const intent = await this.stripe.paymentIntents.create(
        {
          amount: request.amount,
          currency: request.currency.toLowerCase(),
          payment_method: request.paymentMethod,
          // There is no page to send the buyer to, so only what can be charged from here.
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
      // The buyer would have to act (3-D Secure), which a server-to-server checkout cannot offer.
      return { status: 'declined', code: intent.status, reference: intent.id };
    });
  }

  async capture(request: FollowUpRequest): Promise<GatewayAnswer> {
    return answered(
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

  async void(request: FollowUpRequest): Promise<GatewayAnswer> {
    return answered(
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

  async refund(request: FollowUpRequest): Promise<GatewayAnswer> {
    return answered(
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

function afterCapture(intent: Stripe.PaymentIntent): GatewayAnswer {
  if (intent.status === 'succeeded') return approved(intent.id, intent.amount_received, intent.currency);
  if (intent.status === 'canceled')
    return { status: 'declined', code: 'authorization_canceled', reference: intent.id };
  return unknown(`payment ${intent.id} is ${intent.status} after its capture was asked for`);
}

function afterRefund(refund: Stripe.Refund): GatewayAnswer {
  // A refund that is pending at the card network is out of our hands and on its way.
  if (refund.status === 'succeeded' || refund.status === 'pending')
    return approved(refund.id, refund.amount, refund.currency);
  return unknown(`refund ${refund.id} is ${refund.status}`);
}

const approved = (reference: string, amount: number, currency: string): GatewayAnswer => ({
  status: 'approved',
  reference,
  amount,
  currency: currency.toUpperCase(),
});

const unknown = (
  detail: string,
  more: { code?: SilenceCode; httpStatus?: number; retryAfterMs?: number } = {},
): GatewayAnswer => ({ status: 'unknown', code: 'no_clear_answer', detail, ...more });

/**
 * Reads an error as an answer. Only what Stripe documents as a decision about this very request is a no; everything
 * else, a wrong API key of ours included, is "not heard". `lookUp` asks for the state when Stripe says that the
 * request does not fit it, which is what a repeat of something already done looks like once its key is forgotten; a
 * look-up that fails tells nothing.
 */
async function answered(
  ask: () => Promise<GatewayAnswer>,
  lookUp?: () => Promise<GatewayAnswer>,
): Promise<GatewayAnswer> {
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
    // 400 and 404. Not 409 (the first call under this key is still running), 429 (too many calls) or a key that is known
    // with other parameters: the SDK has other classes for these, and none says anything about this call.
    // guard: key-in-use-is-unknown
    if (error instanceof Stripe.errors.StripeInvalidRequestError) {
      if (lookUp)
        return lookUp().catch((failed: Error) => unknown(`it could not be looked up: ${failed.message}`));
      return { status: 'declined', code: error.code ?? 'invalid_request' };
    }
    // guard: silence-is-unknown
    return unknown(`${error.type}${error.statusCode ? ` ${error.statusCode}` : ''}: ${error.message}`, {
      code: silenceOf(error),
      httpStatus: error.statusCode,
      retryAfterMs: retryAfterMs(error),
    });
  }
}

/** What came instead of an answer. Without a status nothing came back at all. */
function silenceOf({ statusCode }: InstanceType<typeof Stripe.errors.StripeError>): SilenceCode {
  if (statusCode === undefined) return 'no_answer';
  if (statusCode >= 500) return 'provider_error';
  const known: Record<number, SilenceCode> = {
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
