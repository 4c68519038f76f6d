import type Stripe from 'stripe';
import type { IntentRecord } from '../ledger/records';

export const seconds = (ms: number): number => Math.floor(ms / 1000);

/** An id that belongs to another one, so that it needs no place in the ledger. */
export const derivedId = (prefix: string, id: string): string => `${prefix}_${id.slice(id.indexOf('_') + 1)}`;

/** The charge of an intent whose bank was asked. */
export function renderCharge(intent: IntentRecord) {
  const authorized = intent.authorized ?? intent.amount;
  const isFailed = !wasAuthorized(intent) && intent.status !== 'processing';
  const refunded = intent.refunded + released(intent);
  const error = isFailed ? intent.lastError : undefined;
  return {
    id: intent.chargeId!,
    object: 'charge',
    amount: intent.amount,
    amount_captured: intent.received,
    amount_refunded: refunded,
    application: null,
    application_fee: null,
    application_fee_amount: null,
    balance_transaction: intent.received > 0 ? derivedId('txn', intent.chargeId!) : null,
    billing_details: {
      address: { city: null, country: null, line1: null, line2: null, postal_code: null, state: null },
      email: null,
      name: null,
      phone: null,
      tax_id: null,
    },
    calculated_statement_descriptor: 'HOLDFAST SANDBOX',
    captured: intent.received > 0,
    created: seconds(intent.createdAt),
    currency: intent.currency,
    customer: intent.options?.customer ?? null,
    description: intent.description ?? null,
    // It stays true when the shop has won.
    disputed: intent.dispute !== undefined,
    failure_balance_transaction: null,
    failure_code: error?.code ?? null,
    failure_message: error?.message ?? null,
    fraud_details: {},
    livemode: false,
    metadata: intent.metadata as Record<string, string>,
    on_behalf_of: null,
    outcome: outcomeOf(intent, isFailed),
    paid: !isFailed && intent.status !== 'processing',
    payment_intent: intent.id,
    payment_method: intent.paymentMethod,
    payment_method_details: { card: card(intent, authorized), type: 'card' },
    receipt_email: intent.options?.receipt_email ?? null,
    receipt_number: null,
    receipt_url: null,
    refunded: !isFailed && refunded > 0 && refunded === authorized,
    review: null,
    shipping: null,
    source: null,
    source_transfer: null,
    statement_descriptor: null,
    statement_descriptor_suffix: intent.options?.statement_descriptor_suffix ?? null,
    status: isFailed ? 'failed' : intent.status === 'processing' ? 'pending' : 'succeeded',
    transfer_data: null,
    transfer_group: null,
  } satisfies Stripe.Charge;
}

/** Set aside, not captured, and given back by a void, by time or by a capture of less. */
function released(intent: IntentRecord): number {
  const isOver = intent.status === 'succeeded' || intent.status === 'canceled';
  return isOver && wasAuthorized(intent) ? (intent.authorized ?? intent.amount) - intent.received : 0;
}

function wasAuthorized(intent: IntentRecord): boolean {
  if (intent.captureBefore !== undefined || intent.capturable > 0 || intent.received > 0) return true;
  // Lines of earlier builds have no `captureBefore`.
  return intent.status === 'canceled' && intent.chargeId !== null && intent.lastError === undefined;
}

function outcomeOf(intent: IntentRecord, isFailed: boolean) {
  const declineCode = isFailed ? (intent.lastError?.decline_code ?? null) : null;
  return {
    advice_code: null,
    network_advice_code: null,
    network_decline_code: null,
    network_status: isFailed ? 'declined_by_network' : 'approved_by_network',
    reason: declineCode,
    risk_level: 'normal',
    seller_message: isFailed ? 'The bank did not return any further details.' : 'Payment complete.',
    type: isFailed ? 'issuer_declined' : 'authorized',
  };
}

/** The card that every payment method here stands for. */
function card(intent: IntentRecord, authorized: number) {
  const isOpen = intent.status === 'requires_capture' && intent.captureBefore !== undefined;
  return {
    amount_authorized: wasAuthorized(intent) ? authorized : null,
    authorization_code: null,
    brand: 'visa',
    ...(isOpen && { capture_before: seconds(intent.captureBefore) }),
    checks: { address_line1_check: null, address_postal_code_check: null, cvc_check: null },
    country: 'US',
    electronic_commerce_indicator: null,
    exp_month: 12,
    exp_year: 2034,
    fingerprint: 'holdfastsandbox',
    funding: 'credit',
    installments: null,
    last4: '4242',
    mandate: null,
    network: 'visa',
    network_transaction_id: null,
    regulated_status: 'unregulated',
    three_d_secure: null,
    transaction_link_id: null,
    wallet: null,
  } satisfies Stripe.Charge.PaymentMethodDetails.Card;
}
