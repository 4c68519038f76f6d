import type Stripe from 'stripe';
import type { Entry, IntentRecord, RefundRecord } from '../ledger/ledger';

/** The API version of the shapes below; events name it. */
const apiVersion = '2026-10-28.endive';

const seconds = (ms: number): number => Math.floor(ms / 1000);

/** With `latest_charge` in `expand`, the charge itself replaces its id. */
export function renderIntent(intent: IntentRecord, expand: readonly string[] = []) {
  return {
    id: intent.id,
    object: 'payment_intent',
    amount: intent.amount,
    amount_capturable: intent.capturable,
    amount_received: intent.received,
    canceled_at: intent.cancellation ? seconds(intent.cancellation.at) : null,
    cancellation_reason: intent.cancellation?.reason ?? null,
    capture_method: intent.captureMethod,
    client_secret: null,
    confirmation_method: 'automatic',
    created: seconds(intent.createdAt),
    currency: intent.currency,
    customer: null,
    description: intent.description ?? null,
    last_payment_error: (intent.lastError ?? null) as Stripe.PaymentIntent.LastPaymentError | null,
    latest_charge: expand.includes('latest_charge')
      ? (renderCharge(intent) as Stripe.Charge)
      : intent.chargeId,
    livemode: false,
    metadata: intent.metadata as Record<string, string>,
    next_action: null,
    // Stripe detaches a declined payment method, so that the next try needs another.
    payment_method: intent.status === 'requires_payment_method' ? null : intent.paymentMethod,
    payment_method_types: ['card'],
    processing: null,
    status: intent.status,
  } satisfies Partial<Stripe.PaymentIntent>;
}

export function renderCharge(intent: IntentRecord) {
  const isDeclined = intent.status === 'requires_payment_method';
  return {
    id: intent.chargeId,
    object: 'charge',
    amount: intent.amount,
    amount_captured: intent.received,
    amount_refunded: intent.refunded,
    captured: intent.received > 0,
    created: seconds(intent.createdAt),
    currency: intent.currency,
    customer: null,
    description: intent.description ?? null,
    disputed: false,
    failure_code: isDeclined ? (intent.lastError?.code ?? null) : null,
    failure_message: isDeclined ? (intent.lastError?.message ?? null) : null,
    livemode: false,
    metadata: intent.metadata as Record<string, string>,
    paid: !isDeclined,
    payment_intent: intent.id,
    payment_method: intent.paymentMethod,
    refunded: intent.received > 0 && intent.refunded === intent.received,
    status: isDeclined ? 'failed' : 'succeeded',
  } satisfies Partial<Stripe.Charge>;
}

export function renderRefund(refund: RefundRecord) {
  return {
    id: refund.id,
    object: 'refund',
    amount: refund.amount,
    charge: refund.chargeId,
    created: seconds(refund.createdAt),
    currency: refund.currency,
    metadata: refund.metadata as Record<string, string>,
    payment_intent: refund.paymentIntent,
    reason: refund.reason,
    status: 'succeeded',
  } satisfies Partial<Stripe.Refund>;
}

/** The response to the request that made this entry, the first time and at every replay. */
export function renderResponse(entry: Entry, expand: readonly string[] = []): object {
  if (entry.error) {
    return {
      error: { ...entry.error, charge: entry.intent.chargeId, payment_intent: renderIntent(entry.intent) },
    };
  }
  return entry.refund ? renderRefund(entry.refund) : renderIntent(entry.intent, expand);
}

/** The event of an entry. Its object is the state right after the entry, not the state at delivery. */
export function renderEvent(entry: Entry) {
  return {
    id: entry.eventId!,
    object: 'event',
    api_version: apiVersion,
    created: seconds(entry.at),
    data: {
      object: entry.eventType === 'charge.refunded' ? renderCharge(entry.intent) : renderIntent(entry.intent),
    },
    livemode: false,
    pending_webhooks: 1,
    request: { id: entry.requestId, idempotency_key: entry.key ?? null },
    type: entry.eventType!,
  };
}
