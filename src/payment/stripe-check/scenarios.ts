import type { OperationKind } from '../payment-operations.repository';

/**
 * What our gateway is tried with, as data: `npm run stripe-check` runs it against Stripe's test mode, and a test against the
 * sandbox alone. Both must answer the same, so that what is proven with the sandbox holds with Stripe.
 */
export interface Scenario {
  name: string;
  /** The payment method that leads there. Stripe's are on docs.stripe.com/testing. */
  method: { sandbox: string; stripe?: string };
  /** Why Stripe's test mode cannot show it. */
  onlySandbox?: string;
  /** Default: 19.99 EUR. */
  money?: { amount: number; currency: string };
  /** What Stripe's documentation leaves open, and this scenario answers. */
  question?: string;
  steps: Step[];
}

export interface Step {
  call: OperationKind | 'search';
  /** Only looks at what became of the operation. */
  look?: true;
  /** The operation's number: the same again is a repeat under the same key. Default: 1. */
  number?: number;
  amount?: number;
  /** Instead of the authorization of this scenario. */
  authorization?: string;
  wrongKey?: true;
  /** It may take a while until the answer is this. */
  eventually?: true;
  /** As `lineOf` writes it. */
  answer: string;
}

const visa = { sandbox: 'pm_card_visa', stripe: 'pm_card_visa' };
const approved = 'approved 1999 EUR';
const authorized: Step = { call: 'authorize', answer: approved };
const captured: Step = { call: 'capture', answer: approved };
const twice = (step: Step): Step[] => [step, step];

const withStripe: Scenario[] = [
  {
    name: 'a charge, each call repeated under its key and looked at',
    method: visa,
    question: 'Does a list of allowed payment methods with only cards need no return_url?',
    steps: [
      ...twice(authorized),
      { ...authorized, look: true },
      ...twice(captured),
      { ...captured, look: true },
    ],
  },
  {
    name: 'an authorization found by its metadata',
    method: visa,
    question: 'How long does a search lag?',
    steps: [authorized, { call: 'search', eventually: true, answer: approved }],
  },
  {
    name: 'a void, repeated and looked at',
    method: visa,
    steps: [
      authorized,
      ...twice({ call: 'void', answer: approved }),
      { call: 'void', look: true, answer: approved },
      { call: 'authorize', look: true, answer: 'declined authorization_canceled' },
    ],
  },
  {
    name: 'a second void under another key',
    method: visa,
    steps: [
      authorized,
      { call: 'void', answer: approved },
      { call: 'void', number: 2, answer: 'misused 400 payment_intent_unexpected_state' },
    ],
  },
  {
    name: 'a refund, repeated and looked at',
    method: visa,
    steps: [
      authorized,
      captured,
      ...twice({ call: 'refund', answer: approved }),
      { call: 'refund', look: true, answer: approved },
    ],
  },
  {
    name: 'a second refund of the whole under another key',
    method: visa,
    steps: [
      authorized,
      captured,
      { call: 'refund', answer: approved },
      { call: 'refund', number: 2, answer: 'misused 400 charge_already_refunded' },
    ],
  },
  {
    name: 'a refund on its way',
    method: { sandbox: 'pm_sandbox_refund_pending_3600000', stripe: 'pm_card_pendingRefund' },
    steps: [
      authorized,
      captured,
      { call: 'refund', answer: 'pending provider' },
      { call: 'refund', look: true, answer: 'pending provider' },
    ],
  },
  {
    name: 'a refund that fails after it succeeded',
    method: { sandbox: 'pm_sandbox_refund_fails_0', stripe: 'pm_card_refundFail' },
    steps: [
      authorized,
      captured,
      { call: 'refund', answer: approved },
      { call: 'refund', look: true, eventually: true, answer: 'failed' },
    ],
  },
  {
    name: 'a declined card, repeated',
    method: { sandbox: 'pm_card_chargeDeclined', stripe: 'pm_card_visa_chargeDeclined' },
    steps: twice({ call: 'authorize', answer: 'declined generic_decline' }),
  },
  {
    name: 'a card without money',
    method: {
      sandbox: 'pm_card_chargeDeclinedInsufficientFunds',
      stripe: 'pm_card_visa_chargeDeclinedInsufficientFunds',
    },
    steps: [{ call: 'authorize', answer: 'declined insufficient_funds' }],
  },
  {
    name: 'a card that does not exist',
    method: { sandbox: 'pm_nobody_knows', stripe: 'pm_nobody_knows' },
    steps: [{ call: 'authorize', answer: 'declined invalid_payment_method' }],
  },
  {
    name: 'a card that wants 3-D Secure, given up',
    method: { sandbox: 'pm_sandbox_requires_action', stripe: 'pm_card_authenticationRequired' },
    steps: [
      { call: 'authorize', answer: 'pending buyer' },
      { call: 'authorize', look: true, answer: 'pending buyer' },
      { call: 'void', answer: approved },
      { call: 'authorize', look: true, answer: 'declined authorization_canceled' },
    ],
  },
  {
    name: 'another amount under the same key',
    method: visa,
    steps: [authorized, { call: 'authorize', amount: 2000, answer: 'unknown key_conflict' }],
  },
  {
    name: 'an amount below the minimum',
    method: visa,
    money: { amount: 1, currency: 'EUR' },
    steps: [{ call: 'authorize', answer: 'declined amount_too_small' }],
  },
  {
    name: 'an amount above the maximum',
    method: visa,
    money: { amount: 100_000_000, currency: 'EUR' },
    steps: [{ call: 'authorize', answer: 'declined amount_too_large' }],
  },
  {
    name: 'a currency without decimals',
    method: visa,
    money: { amount: 1999, currency: 'JPY' },
    steps: [{ call: 'authorize', answer: 'approved 1999 JPY' }],
  },
  {
    name: 'a payment that does not exist',
    method: visa,
    steps: [{ call: 'capture', authorization: 'pi_nobody_knows', answer: 'misused 404 resource_missing' }],
  },
  {
    name: 'a capture after the void',
    method: visa,
    steps: [
      authorized,
      { call: 'void', answer: approved },
      { call: 'capture', answer: 'misused 400 payment_intent_unexpected_state' },
      { call: 'capture', look: true, answer: 'declined authorization_canceled' },
    ],
  },
  {
    name: 'a void after the capture',
    method: visa,
    steps: [
      authorized,
      captured,
      { call: 'void', answer: 'misused 400 payment_intent_unexpected_state' },
      { call: 'void', look: true, answer: 'unknown no_clear_answer' },
    ],
  },
  {
    name: 'a look at what was never asked for',
    method: visa,
    steps: [
      authorized,
      { call: 'capture', look: true, answer: 'not-done' },
      { call: 'void', look: true, answer: 'not-done' },
    ],
  },
  {
    name: 'a key that is not ours',
    method: visa,
    steps: [{ call: 'authorize', wrongKey: true, answer: 'misused 401 invalid_request_error' }],
  },
];

const onlySandbox = 'Stripe’s test mode cannot be made to do it';

const withoutStripe: Scenario[] = [
  {
    name: 'a refund of a disputed charge',
    method: { sandbox: 'pm_sandbox_disputed_0' },
    onlySandbox: 'there a dispute opens some time after the capture, and a refund before that succeeds',
    steps: [authorized, captured, { call: 'refund', answer: 'misused 400 charge_disputed' }],
  },
  {
    name: 'a capture that is refused',
    method: { sandbox: 'pm_sandbox_capture_declined' },
    onlySandbox,
    question: 'What does a refused capture leave behind?',
    steps: [
      authorized,
      { call: 'capture', answer: 'declined generic_decline' },
      { call: 'capture', look: true, answer: 'not-done' },
    ],
  },
  {
    name: 'an error saved under the key',
    method: { sandbox: 'pm_sandbox_saved_500_capture' },
    onlySandbox,
    steps: [
      authorized,
      { call: 'capture', answer: 'unknown provider_error' },
      { call: 'capture', answer: 'unknown saved_error' },
      { ...captured, look: true },
    ],
  },
  {
    name: 'a bank that takes its time',
    method: { sandbox: 'pm_sandbox_processing_3600000' },
    onlySandbox,
    question: 'Can a payment be cancelled while it is processing?',
    steps: twice({ call: 'authorize', answer: 'pending provider' }),
  },
  {
    name: 'too many requests',
    method: { sandbox: 'pm_sandbox_rate_limited_bare_1' },
    onlySandbox,
    steps: [{ call: 'authorize', answer: 'unknown provider_busy' }, authorized],
  },
  {
    name: 'another request that uses the payment',
    method: { sandbox: 'pm_sandbox_lock_timeout_1' },
    onlySandbox,
    question: 'Is a 429 lock_timeout about one object only?',
    steps: [authorized, { call: 'capture', answer: 'unknown key_in_use' }, captured],
  },
  {
    name: 'a response that is lost',
    method: { sandbox: 'pm_sandbox_timeout_after_commit' },
    onlySandbox,
    steps: [{ call: 'authorize', answer: 'unknown no_answer' }, authorized],
  },
  {
    name: 'a bank that authorizes half',
    method: { sandbox: 'pm_sandbox_partial_authorization' },
    onlySandbox,
    steps: [{ call: 'authorize', answer: 'approved 1000 EUR' }],
  },
];

export const scenarios: readonly Scenario[] = [...withStripe, ...withoutStripe];
