import type { DeclineCode } from '../stripe/errors';

/**
 * How a request is executed. Authorization and capture are counted separately.
 *
 * - `plain`: at once.
 * - `slow`: executed and answered after `ms`. Until then nothing has happened and the key is in use.
 * - `slow-response`: executed at once, answered after `ms`, so that the webhook arrives before the response.
 * - `timeout-after-commit`: the first request is executed and never answered.
 * - `timeout-before-commit`: the first request is neither executed nor answered.
 * - `late-commit`: never answered; executed after `ms`, with the key in use until then.
 * - `error`, `rate-limit`: the first `times` requests are refused before anything happens.
 */
export type Handling =
  | { kind: 'plain' | 'timeout-after-commit' | 'timeout-before-commit' }
  | { kind: 'slow' | 'slow-response' | 'late-commit'; ms: number }
  | { kind: 'error' | 'rate-limit'; times: number };

/** How the events of an intent are delivered: each `copies` times at once, or last first, or not at all. */
export type Delivery = { kind: 'in-order'; copies: number } | { kind: 'reversed' } | { kind: 'none' };

export interface Behaviour {
  declinesAuthorization?: DeclineCode;
  declinesCapture?: boolean;
  /** Minor units authorized beyond the requested amount: a provider whose response must not be trusted. */
  overcharge?: number;
  handling: Handling;
  delivery: Delivery;
}

const plain: Behaviour = { handling: { kind: 'plain' }, delivery: { kind: 'in-order', copies: 1 } };

const fixed: Readonly<Record<string, Behaviour>> = {
  pm_card_visa: plain,
  pm_card_chargeDeclined: { ...plain, declinesAuthorization: 'generic_decline' },
  pm_card_chargeDeclinedInsufficientFunds: { ...plain, declinesAuthorization: 'insufficient_funds' },
  pm_sandbox_capture_declined: { ...plain, declinesCapture: true },
  pm_sandbox_amount_mismatch: { ...plain, overcharge: 1 },
  pm_sandbox_timeout_after_commit: { ...plain, handling: { kind: 'timeout-after-commit' } },
  pm_sandbox_timeout_before_commit: { ...plain, handling: { kind: 'timeout-before-commit' } },
  pm_sandbox_reordered_webhooks: { ...plain, delivery: { kind: 'reversed' } },
  pm_sandbox_no_webhook: { ...plain, delivery: { kind: 'none' } },
};

/** An hour: longer than any saga waits before an operator looks at it. */
const msMax = 3_600_000;
/** A hundred: more copies or refusals show nothing new, and each copy is a connection. */
const timesMax = 100;

const numbered: Readonly<Record<string, { max: number; behaviour: (n: number) => Behaviour }>> = {
  pm_sandbox_slow_: { max: msMax, behaviour: (ms) => ({ ...plain, handling: { kind: 'slow', ms } }) },
  pm_sandbox_slow_answer_: {
    max: msMax,
    behaviour: (ms) => ({ ...plain, handling: { kind: 'slow-response', ms } }),
  },
  pm_sandbox_late_commit_: {
    max: msMax,
    behaviour: (ms) => ({ ...plain, handling: { kind: 'late-commit', ms } }),
  },
  pm_sandbox_error_then_ok_: {
    max: timesMax,
    behaviour: (times) => ({ ...plain, handling: { kind: 'error', times } }),
  },
  pm_sandbox_rate_limited_: {
    max: timesMax,
    behaviour: (times) => ({ ...plain, handling: { kind: 'rate-limit', times } }),
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
