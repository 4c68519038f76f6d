import type { Order, Problem } from './api.js';

/** `unexpected_answer`: not an answer of Holdfast, such as the page of a proxy. */
export type ProblemCode = Problem['code'] | 'unexpected_answer';
export type ProblemBody = Omit<Problem, 'code'> & { code: ProblemCode; [fact: string]: unknown };

/** A refusal: a problem of the service, with its facts as members. What is not in `problemClasses` is one of these. */
export class HoldfastProblem extends Error {
  declare readonly code: ProblemCode;
  declare readonly status: number;
  declare readonly title: string;
  declare readonly detail: string;
  declare readonly requestId: string;
  /** Whether the same request may succeed later, unchanged. The client has tried again where waiting alone may help. */
  declare readonly retryable: boolean;

  constructor(
    readonly problem: ProblemBody,
    /** From `Retry-After`. */
    readonly retryAfterSeconds?: number,
  ) {
    super(problem.detail);
    Object.assign(this, problem);
    this.name = new.target.name;
  }
}

/** There was no answer within the deadline: what was asked for may have happened. Ask again with the same key. */
export class OutcomeUnknown extends Error {
  override readonly name = 'OutcomeUnknown';

  constructor(
    message: string,
    /** The key that was sent; undefined for a read. */
    readonly idempotencyKey: string | undefined,
    /** The order as it was last seen, if it was seen: it is still under way. */
    readonly order?: Order,
    cause?: unknown,
  ) {
    super(message, { cause });
  }
}

/** The body is not from Holdfast, was changed, or is old. Answer 400 and do nothing else. */
export class WebhookNotVerified extends Error {
  override readonly name = 'WebhookNotVerified';
}

export class InsufficientStock extends HoldfastProblem {
  declare readonly shortfalls: { sku: string; requested: number; available: number }[];
}
export class NotOnSale extends HoldfastProblem {
  declare readonly sku: string;
  /** Null: the sale is over. */
  declare readonly startsInSeconds: number | null;
}
export class TotalChanged extends HoldfastProblem {
  declare readonly total: { amount: number; currency: string };
}
export class UnitsPerCustomerExceeded extends HoldfastProblem {
  declare readonly sku: string;
  declare readonly unitsPerCustomerMax: number;
  declare readonly held: number;
  declare readonly bought: number;
}
export class ReservationExpired extends HoldfastProblem {}
export class PaymentAttemptsSpent extends HoldfastProblem {}
export class PaymentInProgress extends HoldfastProblem {}
export class OrderNotPending extends HoldfastProblem {}
export class NoActionRequired extends HoldfastProblem {}
export class OrderNotFound extends HoldfastProblem {}
export class IdempotencyKeyReused extends HoldfastProblem {}
export class ValidationFailed extends HoldfastProblem {
  declare readonly errors: { pointer: string; code: string; detail: string }[];
}
/** Events after the cursor may be gone. Read what you keep of orders, then go on at `oldestCursor`. */
export class CursorTooOld extends HoldfastProblem {
  declare readonly oldestCursor: string;
}
/** The service was restored from a backup, and the cursor's event is not in it. Go on at `oldestCursor`. */
export class CursorUnknown extends HoldfastProblem {
  declare readonly oldestCursor: string;
}
export class Unauthenticated extends HoldfastProblem {}
export class Forbidden extends HoldfastProblem {}
export class Unavailable extends HoldfastProblem {}

export const problemClasses = {
  insufficient_stock: InsufficientStock,
  not_on_sale: NotOnSale,
  total_changed: TotalChanged,
  units_per_customer_exceeded: UnitsPerCustomerExceeded,
  reservation_expired: ReservationExpired,
  payment_attempts_spent: PaymentAttemptsSpent,
  payment_in_progress: PaymentInProgress,
  order_not_pending: OrderNotPending,
  no_action_required: NoActionRequired,
  order_not_found: OrderNotFound,
  idempotency_key_reused: IdempotencyKeyReused,
  validation_failed: ValidationFailed,
  cursor_too_old: CursorTooOld,
  cursor_unknown: CursorUnknown,
  unauthenticated: Unauthenticated,
  forbidden: Forbidden,
  unavailable: Unavailable,
} satisfies Partial<Record<ProblemCode, typeof HoldfastProblem>>;

export function problemFrom(body: ProblemBody, retryAfterSeconds?: number): HoldfastProblem {
  const classes: Partial<Record<ProblemCode, typeof HoldfastProblem>> = problemClasses;
  return new (classes[body.code] ?? HoldfastProblem)(body, retryAfterSeconds);
}
