import { withOptions } from './option-scenarios';
import {
  type More,
  type Scenario,
  approved,
  authorize,
  cancel,
  capture,
  look,
  refund,
  step,
  visa,
} from './scenario';

const search: More = { mode: 'search' };
const canceled = 'declined authorization_canceled';
const paid = [authorize(approved), capture(approved)];

const withStripe: Scenario[] = [
  {
    name: 'a charge and its refund, each call repeated and looked at',
    method: visa,
    steps: [
      authorize('unknown not_found', search),
      authorize(approved, {
        mode: 'search-before-send',
        question: 'Does a list of allowed payment methods with only cards need no return_url?',
      }),
      authorize(approved),
      authorize(approved, look),
      authorize('unknown no_clear_answer', { ...look, order: 'another' }),
      authorize(approved, { ...search, eventually: true, question: 'How long does a search lag?' }),
      authorize(approved, { mode: 'search-before-send', number: 2 }),
      capture('unknown no_clear_answer', look),
      capture('unknown no_clear_answer', { mode: 'look-before-send', hasTime: false }),
      capture(approved, { mode: 'look-before-send' }),
      capture(approved),
      capture(approved, { number: 2 }),
      authorize(approved, look),
      cancel('declined already_captured', look),
      cancel('declined already_captured'),
      refund('unknown no_clear_answer', look),
      refund(approved),
      refund(approved),
      refund(approved, look),
      refund(approved, { number: 2 }),
    ],
  },
  {
    name: 'a void, repeated and looked at',
    method: visa,
    steps: [
      authorize('unknown no_clear_answer', look),
      authorize(approved),
      cancel('unknown no_clear_answer', look),
      cancel(approved),
      cancel(approved),
      cancel(approved, { number: 2 }),
      authorize(canceled, look),
      authorize('unknown not_found', search),
      capture(canceled, look),
      capture(canceled),
    ],
  },
  {
    name: 'a declined card, repeated and looked at',
    method: { sandbox: 'pm_card_chargeDeclined', stripe: 'pm_card_visa_chargeDeclined' },
    steps: [
      authorize('declined generic_decline, another card may do'),
      authorize('declined generic_decline, another card may do'),
      authorize('declined generic_decline, another card may do', look),
      capture('declined generic_decline', look),
      cancel(approved),
      authorize(canceled, look),
    ],
  },
  {
    name: 'a card without money',
    method: {
      sandbox: 'pm_card_chargeDeclinedInsufficientFunds',
      stripe: 'pm_card_visa_chargeDeclinedInsufficientFunds',
    },
    steps: [authorize('declined insufficient_funds, another card may do')],
  },
  {
    name: 'a card that wants 3-D Secure, given up',
    method: { sandbox: 'pm_sandbox_requires_action', stripe: 'pm_card_authenticationRequired' },
    steps: [
      authorize('pending buyer'),
      authorize('pending buyer'),
      authorize('pending buyer', look),
      cancel(approved),
      authorize(canceled, look),
    ],
  },
  {
    name: 'an amount below the minimum',
    method: visa,
    money: { amount: 1, currency: 'EUR' },
    steps: [authorize('declined amount_too_small')],
  },
  {
    name: 'an amount above the maximum',
    method: visa,
    money: { amount: 100_000_000, currency: 'EUR' },
    steps: [authorize('declined amount_too_large')],
  },
  {
    name: 'a currency without decimals',
    method: visa,
    money: { amount: 1999, currency: 'JPY' },
    steps: [authorize('approved 1999 JPY')],
  },
  {
    name: 'an amount that is no multiple of 100 ISK',
    method: visa,
    money: { amount: 199_950, currency: 'ISK' },
    steps: [authorize('misused 400 parameter_invalid_integer', { question: 'Which code is it?' })],
  },
  {
    name: 'a card that does not exist',
    method: { sandbox: 'pm_nobody_knows', stripe: 'pm_nobody_knows' },
    steps: [authorize('declined invalid_payment_method, another card may do')],
  },
  {
    name: 'another amount under the same key',
    method: visa,
    steps: [
      authorize(approved),
      authorize('unknown key_conflict', { amount: 2_000 }),
      capture(approved),
      capture(approved, { amount: 1_000 }),
    ],
  },
  {
    name: 'a wrong API key',
    method: visa,
    steps: [
      authorize('misused 401 invalid_request_error', { key: 'wrong' }),
      authorize('misused 401 invalid_request_error', { ...look, key: 'wrong' }),
    ],
  },
  {
    name: 'a payment that does not exist',
    method: visa,
    steps: [capture('misused 404 resource_missing', { authorization: 'pi_nobodyKnows' })],
  },
  {
    name: 'a refund that is pending',
    method: { sandbox: 'pm_sandbox_refund_pending_300', stripe: 'pm_card_pendingRefund' },
    steps: [
      ...paid,
      refund('pending provider'),
      refund('pending provider'),
      refund(approved, { mode: 'look', eventually: true }),
    ],
  },
  {
    name: 'a refund that fails after it succeeded',
    method: { sandbox: 'pm_sandbox_refund_fails_300', stripe: 'pm_card_refundFail' },
    steps: [
      ...paid,
      refund(approved),
      refund('failed expired_or_canceled_card', { mode: 'look', eventually: true }),
      refund(approved),
      refund(approved, { number: 2, question: 'Can the failed amount be refunded again?' }),
      refund(approved, { mode: 'look', number: 2 }),
    ],
  },
  {
    name: 'a refund in the dashboard',
    method: visa,
    steps: [...paid, step('refund in the dashboard')('done'), refund(approved, look), refund(approved)],
  },
  {
    name: 'a refund of a disputed charge',
    method: { sandbox: 'pm_sandbox_disputed_0', stripe: 'pm_card_createDispute' },
    steps: [...paid, step('dispute')('done', { eventually: true }), refund('misused 400 charge_disputed')],
  },
];

const onlySandbox = 'Stripe’s test mode cannot be made to do it';

const withoutStripe: Scenario[] = [
  {
    name: 'a bank that takes its time',
    method: { sandbox: 'pm_sandbox_processing_3600000' },
    onlySandbox,
    steps: [
      authorize('pending provider'),
      authorize('pending provider', look),
      capture('pending provider'),
      cancel('unknown still_processing', {
        question: 'Can a payment be cancelled while it is processing?',
      }),
    ],
  },
  {
    name: 'a bank that authorizes half',
    method: { sandbox: 'pm_sandbox_partial_authorization' },
    onlySandbox,
    steps: [
      authorize('approved 1000 EUR', { question: 'Does amount_capturable say how much was authorized?' }),
    ],
  },
  {
    name: 'a restricted API key without the permission',
    method: { sandbox: 'pm_card_visa' },
    onlySandbox,
    steps: [authorize('misused 403 invalid_request_error', { key: 'restricted' })],
  },
  {
    name: 'a capture that is refused',
    method: { sandbox: 'pm_sandbox_capture_declined' },
    onlySandbox,
    steps: [
      authorize(approved),
      capture('declined generic_decline, another card may do'),
      capture('unknown no_clear_answer', {
        ...look,
        question: 'What does a refused capture leave behind?',
      }),
      cancel(approved),
    ],
  },
  {
    name: 'a server error',
    method: { sandbox: 'pm_sandbox_error_then_ok_1' },
    onlySandbox,
    steps: [authorize('unknown provider_error'), authorize(approved)],
  },
  {
    name: 'a saved server error: authorized',
    method: { sandbox: 'pm_sandbox_saved_500_authorize' },
    onlySandbox,
    steps: [
      authorize('unknown provider_error'),
      authorize('unknown saved_error'),
      authorize(approved, search),
    ],
  },
  {
    name: 'a saved server error: captured',
    method: { sandbox: 'pm_sandbox_saved_500_capture' },
    onlySandbox,
    steps: [
      authorize(approved),
      capture('unknown provider_error'),
      capture(approved, { question: 'Does a repeat of a saved error say Idempotent-Replayed?' }),
    ],
  },
  {
    name: 'a saved server error: not captured',
    method: { sandbox: 'pm_sandbox_saved_500_undone_capture' },
    onlySandbox,
    steps: [
      authorize(approved),
      capture('unknown provider_error'),
      capture('unknown saved_error, nothing was done'),
      capture('unknown saved_error', { hasTime: false }),
      capture(approved, { number: 2 }),
    ],
  },
  {
    name: 'too many requests',
    method: { sandbox: 'pm_sandbox_rate_limited_1' },
    onlySandbox,
    steps: [authorize('unknown provider_busy, with a pause'), authorize(approved)],
  },
  {
    name: 'too many requests, without Retry-After',
    method: { sandbox: 'pm_sandbox_rate_limited_bare_1' },
    onlySandbox,
    steps: [authorize('unknown provider_busy'), authorize(approved)],
  },
  {
    name: 'another request that uses the payment',
    method: { sandbox: 'pm_sandbox_lock_timeout_1' },
    onlySandbox,
    steps: [
      authorize(approved),
      capture('unknown key_in_use', { question: 'Is a 429 lock_timeout about one object only?' }),
      capture(approved),
    ],
  },
  {
    name: 'no answer, then a key in use',
    method: { sandbox: 'pm_sandbox_late_commit_3600000' },
    onlySandbox,
    timeoutMs: 500,
    steps: [authorize('unknown no_answer'), authorize('unknown key_in_use')],
  },
];

/**
 * What our gateway is tried with, as data: `npm run stripe-check` runs it against Stripe's test mode, and a test against the
 * sandbox alone. Both must answer the same, so that what is proven with the sandbox holds with Stripe. The test fails when a
 * branch of the gateway has no scenario.
 */
export const scenarios: readonly Scenario[] = [...withStripe, ...withOptions, ...withoutStripe];
