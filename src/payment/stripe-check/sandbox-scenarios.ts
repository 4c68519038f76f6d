import {
  type Scenario,
  approved,
  authorize,
  cancel,
  capture,
  charge,
  look,
  refund,
  search,
} from './scenario';

const onlySandbox = 'Stripe’s test mode cannot be made to do it';

/** What Stripe's test mode cannot show. */
export const withoutStripe: Scenario[] = [
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
    name: 'a bank that lets half be charged',
    method: { sandbox: 'pm_sandbox_partial_authorization' },
    onlySandbox,
    steps: [
      charge('approved 1000 EUR', { question: 'Does amount_received say how much was taken?' }),
      refund(approved.replace('1999', '1000'), { amount: 1_000 }),
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
    name: 'a saved server error: charged',
    method: { sandbox: 'pm_sandbox_saved_500_authorize' },
    onlySandbox,
    steps: [charge('unknown provider_error'), charge('unknown saved_error'), charge(approved, search)],
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
