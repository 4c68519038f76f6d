import { hash } from 'node:crypto';
import type Stripe from 'stripe';
import { eventsOf, type Entry, type EventType, type IntentRecord, type SavedError } from '../ledger/records';
import { renderDispute, renderRefund } from './after-sale';
import { renderCharge, seconds } from './charge';
import { apiVersion, renderError } from './errors';

/** With `latest_charge` in `expand`, the charge itself replaces its id. */
export function renderIntent(intent: IntentRecord, expand: readonly string[] = []) {
  const { status, options = {} } = intent;
  return {
    id: intent.id,
    object: 'payment_intent',
    allowed_payment_method_types: ['card'],
    amount: intent.amount,
    amount_capturable: intent.capturable,
    amount_received: intent.received,
    application: null,
    application_fee_amount: null,
    automatic_payment_methods: null,
    canceled_at: intent.cancellation ? seconds(intent.cancellation.at) : null,
    cancellation_reason: intent.cancellation?.reason ?? null,
    capture_method: intent.captureMethod,
    client_secret: clientSecretOf(intent),
    confirmation_method: 'automatic',
    created: seconds(intent.createdAt),
    currency: intent.currency,
    customer: options.customer ?? null,
    customer_account: null,
    description: intent.description ?? null,
    excluded_payment_method_types: null,
    last_payment_error: (intent.lastError ?? null) as Stripe.PaymentIntent.LastPaymentError | null,
    latest_charge:
      expand.includes('latest_charge') && intent.chargeId !== null ? renderCharge(intent) : intent.chargeId,
    livemode: false,
    managed_payments: null,
    metadata: intent.metadata as Record<string, string>,
    next_action: nextActionOf(intent),
    on_behalf_of: null,
    // Stripe detaches a declined payment method, so that the next try needs another.
    payment_method: status === 'requires_payment_method' ? null : intent.paymentMethod,
    payment_method_configuration_details: null,
    payment_method_options: {},
    payment_method_types: ['card'],
    payment_record: null,
    processing: status === 'processing' ? { card: {}, type: 'card' as const } : null,
    receipt_email: options.receipt_email ?? null,
    review: null,
    setup_future_usage: options.setup_future_usage ?? null,
    shipping: null,
    source: null,
    statement_descriptor: null,
    statement_descriptor_suffix: options.statement_descriptor_suffix ?? null,
    status,
    transfer_group: null,
  } satisfies Stripe.PaymentIntent;
}

/** A browser that has it can confirm the intent. It is the same at every look, without a place in the ledger. */
function clientSecretOf({ id }: IntentRecord): string {
  return `${id}_secret_${hash('sha256', id, 'hex').slice(0, 24)}`;
}

function nextActionOf({ id, status, options }: IntentRecord) {
  if (status !== 'requires_action') return null;
  if (options?.return_url === undefined)
    return { type: 'use_stripe_sdk', use_stripe_sdk: { type: 'three_d_secure_redirect', source: id } };
  const { return_url } = options;
  return {
    type: 'redirect_to_url',
    redirect_to_url: { return_url, url: `https://hooks.stripe.com/redirect/authenticate/${id}` },
  };
}

/** The response to the request that made this entry, the first time and at every replay. */
export function renderResponse(entry: Entry | SavedError, expand: readonly string[] = []): object {
  if ('saved' in entry) return { error: renderError(entry.saved, entry.requestId) };
  const { error, intent } = entry;
  if (!error)
    return entry.refund && !isRelease(entry) ? renderRefund(entry.refund) : renderIntent(intent, expand);
  const rendered = renderError(error, entry.requestId);
  if (error.type === 'api_error') return { error: rendered };
  return {
    error: {
      ...rendered,
      ...(error.type === 'card_error' && intent.chargeId !== null && { charge: intent.chargeId }),
      payment_intent: renderIntent(intent),
    },
  };
}

/** A capture or void that gave back what was set aside: it was asked about the intent, not about its refund. */
const isRelease = ({ movements }: Entry): boolean => movements.some(({ kind }) => kind === 'void');

/** One of the events of an entry. Its object is the state right after the entry, not the state at delivery. */
export function renderEvent(entry: Entry, eventId: string) {
  const { type } = eventsOf(entry).find(({ id }) => id === eventId)!;
  return {
    id: eventId,
    object: 'event',
    ...(entry.intent.account !== undefined && { account: entry.intent.account }),
    api_version: apiVersion,
    created: seconds(entry.at),
    data: { object: objectOf(entry, type) },
    livemode: false,
    pending_webhooks: 1,
    request: { id: entry.requestId, idempotency_key: entry.key ?? null },
    type,
  };
}

function objectOf(entry: Entry, type: EventType): object {
  if (type.startsWith('charge.dispute.')) return renderDispute(entry.dispute!);
  if (type.startsWith('charge.')) return renderCharge(entry.intent);
  if (type.startsWith('refund.')) return renderRefund(entry.refund!);
  return renderIntent(entry.intent);
}
