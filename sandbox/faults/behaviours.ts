import type { DeclineCode } from '../stripe/errors';

/** The requests that move money. */
export type Kind = 'authorize' | 'capture' | 'void' | 'refund';
const kinds: readonly Kind[] = ['authorize', 'capture', 'void', 'refund'];

/**
 * How a request is executed. Each kind of request is counted separately.
 *
 * - `plain`: at once.
 * - `slow`: executed and answered after `ms`. Until then nothing has happened and the key is in use.
 * - `slow-response`: executed at once, answered after `ms`, so that the webhook arrives before the response.
 * - `timeout-after-commit`: the first request is executed and never answered.
 * - `timeout-before-commit`: the first request is neither executed nor answered.
 * - `late-commit`: never answered; executed after `ms`, with the key in use until then.
 * - `error`, `rate-limit`, `lock-timeout`: the first `times` requests are refused before anything happens.
 * - `saved-500`: the first request is executed or not, and a 500 is saved under its key either way.
 */
export type Handling =
  | { kind: 'plain' | 'timeout-after-commit' | 'timeout-before-commit' }
  | { kind: 'slow' | 'slow-response' | 'late-commit'; ms: number }
  | { kind: 'error' | 'lock-timeout'; times: number }
  | { kind: 'rate-limit'; times: number; hasRetryAfter: boolean }
  | { kind: 'saved-500'; isExecuted: boolean };

/** How the events of an intent are delivered: each `copies` times at once, or last first, or not at all. */
export type Delivery = { kind: 'in-order'; copies: number } | { kind: 'reversed' } | { kind: 'none' };

export interface Behaviour {
  handling: Handling;
  /** The kinds of requests that `handling` is for; the others are plain, so that money can be given back. */
  handles: readonly Kind[];
  delivery: Delivery;
  declinesAuthorization?: DeclineCode;
  declinesCapture?: boolean;
  /** Minor units authorized beyond the requested amount: a provider whose response must not be trusted. */
  overcharge?: number;
  /** Half of the amount is authorized. */
  isPartial?: boolean;
  /** The card belongs to a customer, who must be named. */
  needsCustomer?: boolean;
  /** The buyer must authenticate before the bank is asked. */
  requiresAction?: boolean;
  processingMs?: number;
  authorizationMs?: number;
  /** After the capture. */
  disputedAfterMs?: number;
  /** Of the first refund; a later one succeeds at once. */
  firstRefund?: { becomes: 'succeeded' | 'failed'; afterMs: number };
}

const plain: Behaviour = {
  handling: { kind: 'plain' },
  handles: ['authorize', 'capture'],
  delivery: { kind: 'in-order', copies: 1 },
};

const saved500 = Object.fromEntries(
  kinds.flatMap((kind): [string, Behaviour][] => [
    [
      `pm_sandbox_saved_500_${kind}`,
      { ...plain, handles: [kind], handling: { kind: 'saved-500', isExecuted: true } },
    ],
    [
      `pm_sandbox_saved_500_undone_${kind}`,
      { ...plain, handles: [kind], handling: { kind: 'saved-500', isExecuted: false } },
    ],
  ]),
);

const fixed: Readonly<Record<string, Behaviour>> = {
  ...saved500,
  pm_card_visa: plain,
  pm_card_chargeDeclined: { ...plain, declinesAuthorization: 'generic_decline' },
  pm_card_chargeDeclinedInsufficientFunds: { ...plain, declinesAuthorization: 'insufficient_funds' },
  pm_sandbox_capture_declined: { ...plain, declinesCapture: true },
  pm_sandbox_amount_mismatch: { ...plain, overcharge: 1 },
  pm_sandbox_partial_authorization: { ...plain, isPartial: true },
  pm_sandbox_saved_card: { ...plain, needsCustomer: true },
  pm_sandbox_requires_action: { ...plain, requiresAction: true },
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
    behaviour: (times) => ({ ...plain, handling: { kind: 'rate-limit', times, hasRetryAfter: true } }),
  },
  pm_sandbox_rate_limited_bare_: {
    max: timesMax,
    behaviour: (times) => ({ ...plain, handling: { kind: 'rate-limit', times, hasRetryAfter: false } }),
  },
  pm_sandbox_lock_timeout_: {
    max: timesMax,
    behaviour: (times) => ({
      ...plain,
      handles: ['capture', 'void', 'refund'],
      handling: { kind: 'lock-timeout', times },
    }),
  },
  pm_sandbox_processing_: { max: msMax, behaviour: (processingMs) => ({ ...plain, processingMs }) },
  pm_sandbox_authorization_expires_: {
    max: msMax,
    behaviour: (authorizationMs) => ({ ...plain, authorizationMs }),
  },
  pm_sandbox_refund_pending_: {
    max: msMax,
    behaviour: (afterMs) => ({ ...plain, firstRefund: { becomes: 'succeeded', afterMs } }),
  },
  pm_sandbox_refund_fails_: {
    max: msMax,
    behaviour: (afterMs) => ({ ...plain, firstRefund: { becomes: 'failed', afterMs } }),
  },
  pm_sandbox_disputed_: { max: msMax, behaviour: (disputedAfterMs) => ({ ...plain, disputedAfterMs }) },
  pm_sandbox_duplicate_webhooks_: {
    max: timesMax,
    behaviour: (copies) => ({ ...plain, delivery: { kind: 'in-order', copies: Math.max(1, copies) } }),
  },
};

/** Every payment method; `<n>` stands for a number. */
export const paymentMethods: readonly string[] = [
  ...Object.keys(fixed),
  ...Object.keys(numbered).map((prefix) => `${prefix}<n>`),
];

/** What a payment method does, or undefined when there is no such payment method. */
export function behaviourOf(paymentMethod: string): Behaviour | undefined {
  if (Object.hasOwn(fixed, paymentMethod)) return fixed[paymentMethod];

  const [, prefix, digits] = /^(\D+)(\d{1,7})$/.exec(paymentMethod) ?? [];
  if (prefix === undefined || !Object.hasOwn(numbered, prefix)) return undefined;
  const family = numbered[prefix]!;
  return Number(digits) <= family.max ? family.behaviour(Number(digits)) : undefined;
}
