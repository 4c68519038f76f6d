import type { DeclineCode } from '../stripe/errors';

/**
 * How a request is carried out, for the authorization and again, counted separately, for the capture.
 *
 * - `plain`: at once.
 * - `slow`: after `ms`, then answered. Meanwhile nothing has happened and the key is in use.
 * - `slow-answer`: at once, answered `ms` later, so that the webhook arrives before the answer.
 * - `timeout-after-commit`: the first request is carried out and never answered.
 * - `timeout-before-commit`: the first request is neither carried out nor answered.
 * - `late-commit`: never answered; carried out `ms` later, the key being in use until then.
 * - `error`, `rate-limit`: the first `times` requests are refused before anything happens.
 */
export type Manner =
  | { kind: 'plain' | 'timeout-after-commit' | 'timeout-before-commit' }
  | { kind: 'slow' | 'slow-answer' | 'late-commit'; ms: number }
  | { kind: 'error' | 'rate-limit'; times: number };

/** How the events of an intent travel: each to be delivered `copies` times at once, or last first, or not at all. */
export type Delivery = { kind: 'in-order'; copies: number } | { kind: 'reversed' } | { kind: 'none' };

export interface Behaviour {
  declinesAuthorization?: DeclineCode;
  declinesCapture?: boolean;
  /** Minor units authorized beyond what was asked: a provider whose answer must not be believed. */
  overcharge?: number;
  manner: Manner;
  delivery: Delivery;
}

const plain: Behaviour = { manner: { kind: 'plain' }, delivery: { kind: 'in-order', copies: 1 } };

const fixed: Readonly<Record<string, Behaviour>> = {
  pm_card_visa: plain,
  pm_card_chargeDeclined: { ...plain, declinesAuthorization: 'generic_decline' },
  pm_card_chargeDeclinedInsufficientFunds: { ...plain, declinesAuthorization: 'insufficient_funds' },
  pm_sandbox_capture_declined: { ...plain, declinesCapture: true },
  pm_sandbox_amount_mismatch: { ...plain, overcharge: 1 },
  pm_sandbox_timeout_after_commit: { ...plain, manner: { kind: 'timeout-after-commit' } },
  pm_sandbox_timeout_before_commit: { ...plain, manner: { kind: 'timeout-before-commit' } },
  pm_sandbox_reordered_webhooks: { ...plain, delivery: { kind: 'reversed' } },
  pm_sandbox_no_webhook: { ...plain, delivery: { kind: 'none' } },
};

/** An hour: longer than any saga waits before a person looks at it. */
const msMax = 3_600_000;
/** A hundred: more copies or refusals prove nothing further, and each copy is a connection. */
const timesMax = 100;

const numbered: Readonly<Record<string, { max: number; behaviour: (n: number) => Behaviour }>> = {
  pm_sandbox_slow_: { max: msMax, behaviour: (ms) => ({ ...plain, manner: { kind: 'slow', ms } }) },
  pm_sandbox_slow_answer_: {
    max: msMax,
    behaviour: (ms) => ({ ...plain, manner: { kind: 'slow-answer', ms } }),
  },
  pm_sandbox_late_commit_: {
    max: msMax,
    behaviour: (ms) => ({ ...plain, manner: { kind: 'late-commit', ms } }),
  },
  pm_sandbox_error_then_ok_: {
    max: timesMax,
    behaviour: (times) => ({ ...plain, manner: { kind: 'error', times } }),
  },
  pm_sandbox_rate_limited_: {
    max: timesMax,
    behaviour: (times) => ({ ...plain, manner: { kind: 'rate-limit', times } }),
  },
  pm_sandbox_duplicate_webhooks_: {
    max: timesMax,
    behaviour: (copies) => ({ ...plain, delivery: { kind: 'in-order', copies: Math.max(1, copies) } }),
  },
};

/** What a payment method does, or undefined when there is no such payment method. */
export function behaviourOf(paymentMethod: string): Behaviour | undefined {
  if (Object.hasOwn(fixed, paymentMethod)) return fixed[paymentMethod];

  const [, prefix, digits] = /^(\D+)(\d{1,7})$/.exec(paymentMethod) ?? [];
  if (prefix === undefined || !Object.hasOwn(numbered, prefix)) return undefined;
  const family = numbered[prefix]!;
  return Number(digits) <= family.max ? family.behaviour(Number(digits)) : undefined;
}
