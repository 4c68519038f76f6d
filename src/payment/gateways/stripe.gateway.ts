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
import type { OperationNames } from '../operation-names';
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
 * Stripe through its official SDK: a PaymentIntent with manual capture is the authorization, one with automatic capture the
 * charge.
 *
 * The SDK still retries once, with the same key, when a connection is reset. A lease therefore outlasts two calls.
 */
export class StripeGateway implements PaymentGateway {
  private readonly stripe: Stripe;

  constructor(config: Pick<Config, 'stripeApiUrl' | 'stripeSecretKey' | 'paymentTimeoutMs'>) {
    this.stripe = stripeClient(config, config.paymentTimeoutMs);
  }

  authorize(request: AuthorizeRequest): Promise<GatewayResult> {
    return this.create(request, 'authorize');
  }

  charge(request: AuthorizeRequest): Promise<GatewayResult> {
    return this.create(request, 'charge');
  }

  private create(request: AuthorizeRequest, kind: 'authorize' | 'charge'): Promise<GatewayResult> {
    const params = intentParams(request, kind === 'charge' ? 'automatic' : 'manual');
    return resultOf(async () => {
      const intent = await this.stripe.paymentIntents.create(params, onceAt(request));
      return decided(seenAs[kind](intent));
    }, params);
  }

  async capture(request: FollowUpRequest): Promise<GatewayResult> {
    return resultOf(async () => {
      const intent = await this.stripe.paymentIntents.capture(
        request.authorization,
        { amount_to_capture: request.amount },
        onceAt(request),
      );
      return decided(seenAs.capture(intent));
    });
  }

  async void(request: FollowUpRequest): Promise<GatewayResult> {
    return resultOf(async () => {
      const intent = await this.stripe.paymentIntents.cancel(request.authorization, {}, onceAt(request));
      return decided(seenAs.void(intent));
    });
  }

  async refund(request: FollowUpRequest): Promise<GatewayResult> {
    return resultOf(async () => {
      const refund = await this.stripe.refunds.create(
        { payment_intent: request.authorization, amount: request.amount, metadata: request.metadata },
        onceAt(request),
      );
      return seenRefund(refund);
    });
  }

  async look(request: LookRequest): Promise<GatewayResult | NotDone> {
    const { kind, authorization, metadata } = request;
    try {
      if (kind === 'refund') return await this.lookForRefund(authorization!, request);
      const intent = authorization
        ? await this.stripe.paymentIntents.retrieve(authorization, expanded(request), at(request))
        : await this.search(request);
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
  private async search(request: LookRequest): Promise<Stripe.PaymentIntent | undefined> {
    const query = `metadata['orderId']:'${request.metadata.orderId}'`;
    const { expand = [] } = expanded(request);
    const { data } = await this.stripe.paymentIntents.search(
      { query, limit: 100, ...(expand.length > 0 && { expand: expand.map((one) => `data.${one}`) }) },
      at(request),
    );
    return data.find(({ status }) => isLive(status));
  }

  /** By order and purpose, whatever the number, unless that refund failed: then another may follow. */
  private async lookForRefund(authorization: string, request: LookRequest): Promise<GatewayResult | NotDone> {
    const made = await this.stripe.refunds
      .list({ payment_intent: authorization, limit: 100 }, at(request))
      .autoPagingToArray({ limit: refundsMax });
    // The installation may have another id since: the payment is ours by its reference.
    const { number, installation: _, ...purpose } = request.metadata;
    // A refund of the whole order has no request.
    const own = made.filter((refund) => has(refund, purpose) && refund.metadata?.request === purpose.request);
    const refund =
      own.find((one) => one.status !== 'failed' && one.status !== 'canceled') ??
      own.find((one) => one.metadata?.number === number);
    if (refund) return seenRefund(refund);
    if (purpose.request) return notDone(`no refund of ${authorization} was made for this request`);
    return this.refundedByOthers(authorization, request);
  }

  /** Refunded in full in Stripe's dashboard: the customer has the money, and another refund is refused. */
  private async refundedByOthers(
    authorization: string,
    request: LookRequest,
  ): Promise<GatewayResult | NotDone> {
    const expand = ['latest_charge'];
    const intent = await this.stripe.paymentIntents.retrieve(authorization, { expand }, at(request));
    const charge = intent.latest_charge;
    if (charge && typeof charge === 'object' && charge.refunded && charge.captured)
      return approved(charge.id, charge.amount_refunded, charge.currency);
    return notDone(`no refund of ${authorization} was made for this operation`);
  }
}

/** The account of a connected shop. */
export const at = ({ account }: { account: string | null }): Stripe.RequestOptions =>
  account === null ? {} : { stripeAccount: account };

/** The deadline of an authorization is with its charge. */
const expanded = ({ asksDeadline }: { asksDeadline?: boolean }): { expand?: string[] } =>
  asksDeadline ? { expand: ['latest_charge'] } : {};

/** Repeated, it is answered with the first result. */
function onceAt(request: OperationNames): Stripe.RequestOptions {
  // guard: provider-key-is-kept
  return { ...at(request), idempotencyKey: request.key };
}

/** They are the same with every repeat, because Stripe compares them. What the shop left out is not sent. */
function intentParams(
  request: AuthorizeRequest,
  captureMethod: 'automatic' | 'manual',
): Stripe.PaymentIntentCreateParams {
  const { customer, offSession, setupFutureUsage, returnUrl, statementSuffix, receiptEmail } =
    request.options;
  return {
    amount: request.amount,
    currency: request.currency.toLowerCase(),
    payment_method: request.paymentMethod,
    // The shop may have no page to send the buyer back to, so only methods that need none.
    // guard: cards-only
    allowed_payment_method_types: ['card'],
    capture_method: captureMethod,
    confirm: true,
    metadata: request.metadata,
    ...expanded(request),
    ...(customer !== undefined && { customer }),
    ...(offSession === true && { off_session: true }),
    ...(setupFutureUsage !== undefined && { setup_future_usage: setupFutureUsage }),
    ...(returnUrl !== undefined && { return_url: returnUrl }),
    ...(statementSuffix !== undefined && { statement_descriptor_suffix: statementSuffix }),
    ...(receiptEmail !== undefined && { receipt_email: receiptEmail }),
  };
}
/** More than anybody makes of one order. */
const refundsMax = 1_000;

/** Never computed: how long it holds depends on the card and the kind of sale. */
function deadlineOf({ latest_charge: charge }: Stripe.PaymentIntent): { captureBefore?: Date } {
  const seconds = typeof charge === 'object' && charge?.payment_method_details?.card?.capture_before;
  return seconds ? { captureBefore: new Date(seconds * 1_000) } : {};
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
        return {
          ...approved(intent.id, intent.amount_capturable, intent.currency),
          ...deadlineOf(intent),
        };
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

  charge(intent: Stripe.PaymentIntent): GatewayResult {
    // It captures by itself once it is authorized.
    if (intent.status === 'requires_capture')
      return { status: 'pending', waitsFor: 'provider', ...toReference(intent) };
    return seenAs.authorize(intent);
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

async function resultOf(ask: () => Promise<GatewayResult>, sent?: object): Promise<GatewayResult> {
  try {
    return await ask();
  } catch (error) {
    return resultOfError(error, sent);
  }
}
