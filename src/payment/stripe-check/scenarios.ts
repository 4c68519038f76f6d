import { withOptions } from './option-scenarios';
import { withoutStripe } from './sandbox-scenarios';
import {
  type Scenario,
  approved,
  authorize,
  cancel,
  canceled,
  capture,
  charge,
  look,
  paid,
  refund,
  search,
  step,
  visa,
} from './scenario';

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
    name: 'both in one call, repeated, looked at and refunded',
    method: visa,
    steps: [
      charge('unknown not_found', search),
      charge(approved),
      charge(approved),
      charge(approved, look),
      charge(approved, { ...search, eventually: true }),
      charge(approved, { mode: 'search-before-send', number: 2 }),
      cancel('declined already_captured'),
      refund(approved),
      charge(approved, look),
    ],
  },
  {
    name: 'an authorization that is captured later',
    method: visa,
    asksDeadline: true,
    steps: [
      authorize(`${approved}, with a deadline`, {
        question: 'Does the answer to the authorization say until when it can be captured?',
      }),
      authorize(`${approved}, with a deadline`, look),
      authorize(`${approved}, with a deadline`, { ...search, eventually: true }),
      capture(approved),
      authorize(approved, look),
    ],
  },
  {
    name: 'an authorization that is taken for a charge',
    method: visa,
    steps: [authorize(approved), charge('pending provider', look), capture(approved), charge(approved, look)],
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
    name: 'both in one call with a card that wants 3-D Secure, given up',
    method: { sandbox: 'pm_sandbox_requires_action', stripe: 'pm_card_authenticationRequired' },
    steps: [charge('pending buyer'), charge('pending buyer', look), cancel(approved), charge(canceled, look)],
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

/**
 * What our gateway is tried with, as data: `npm run stripe-check` runs it against Stripe's test mode, and a test against the
 * sandbox alone. Both must answer the same, so that what is proven with the sandbox holds with Stripe. The test fails when a
 * branch of the gateway has no scenario.
 */
export const scenarios: readonly Scenario[] = [...withStripe, ...withOptions, ...withoutStripe];
