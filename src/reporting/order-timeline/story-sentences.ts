import type { OperationKind } from '../../payment/payment-operations.repository';
import type { TransitionCode, TransitionData } from '../../orders/checkout-saga/transition-codes';

/** The sentences of a story, as kinds with facts; `story-formatting.ts` writes them. */
interface Amount {
  amount: number;
  currency: string;
}
export type Lines = readonly { sku: string; quantity: number }[];

/** How an operation ended that had no clear result at first, or how it stands. */
export type UnclearEnd =
  | 'approved'
  | 'declined'
  | 'differs'
  /** The bank authorized a part. */
  | 'less'
  /** A refund that the provider has not finished. */
  | 'accepted'
  /** A refund that did not arrive. */
  | 'failed'
  | 'undecided'
  /** The next number follows. */
  | 'nothing_done'
  | 'no_answer'
  | 'no_clear_answer';

/** An operation without a clear result at first: which attempt that was, and how it ended. */
export interface Unclear {
  operation: OperationKind;
  code: TransitionCode;
  httpStatus: number | null;
  nth: number;
  askedAgain: number;
  then: UnclearEnd;
}

export type Trouble =
  | { kind: 'silence'; unclear: readonly Unclear[] }
  /** `by`: the worker that took over; null if none has yet. */
  | { kind: 'worker_lost'; worker: string; operation: OperationKind | null; by: string | null }
  | { kind: 'failure'; step: string; times: number };

export interface Reason {
  why:
    | 'declined'
    | 'authentication_required'
    | 'action_expired'
    | 'partial_authorization'
    | 'reservation_expired'
    | 'reservation_released'
    | 'cancelled'
    | 'called_off'
    | 'given_up'
    | 'placed_then_cancelled'
    | 'placed_then_refunded'
    | 'refund_retried';
  operation?: 'authorize' | 'charge' | 'capture';
  /** The total, and what the bank authorized of it. */
  asked?: Amount;
  said?: Amount;
  ttlMs?: number;
  /** The money is back. */
  isDone?: boolean;
  /** It was compensating already when an operator ended the order. */
  isClosedByOperator: boolean;
}

export type Stop =
  | { code: 'amount_differs'; operation: OperationKind; asked: Amount; said: Amount }
  | { code: 'workers_lost'; workers: number }
  | { code: 'request_refused'; data: TransitionData }
  | { code: 'refund_failed'; failureReason: string }
  | { code: 'void_declined' | 'refund_declined' | 'authorization_missing' | 'unheard_too_long' | null };

export type Undone = 'refunded' | 'charge_refunded' | 'voided' | 'stock';

interface Back {
  reason: Reason;
  undone: readonly Undone[];
  lines: Lines;
}

export type Outcome =
  | { kind: 'placed'; isSmooth: boolean; lines: Lines; tookMs: number | null }
  | { kind: 'placed_late' }
  | { kind: 'on_its_way' | 'waits'; step: string; cancelRequested: boolean }
  /** The buyer must authenticate. */
  | { kind: 'buyer_acts' }
  /** Declined, and the stock is held for another card. */
  | { kind: 'card_awaited'; declineCode: string; attemptsLeft: number }
  | {
      kind: 'driven';
      step: string;
      operation: OperationKind | null;
      because: Reason | null;
      cancelRequested: boolean;
    }
  /** Its attempts are spent; it keeps asking. */
  | { kind: 'stuck'; because: Reason | null; step: string; tries: number }
  /** Our request was refused for a cause that may be fixed elsewhere; it keeps asking. */
  | { kind: 'refused'; because: Reason | null; step: string; stop: Stop }
  /** Only an operator can move it. */
  | { kind: 'stopped'; because: Reason | null; step: string; stop: Stop }
  | ({ kind: 'undoing' } & Back)
  | ({ kind: 'undone' } & Back)
  /** An operator ended the order before its money was settled. */
  | ({ kind: 'ended_early'; asksFor: OperationKind | null } & Back);

export type Sentence = Trouble | Outcome;
