import type { HeldBackCode, UnknownCode } from '../../payment/gateways/gateway';
import type { OperationKind } from '../../payment/payment-operations.repository';

/**
 * Why a saga moved, for code: each line of its history has one of these and the facts beside it; its sentence is for people
 * alone. The set only grows. docs/state-machines.md explains each. Lines of the first builds have none.
 */
export type TransitionCode =
  | 'order_accepted'
  | 'payment_requested'
  | 'payment_looked_up'
  | 'stock_reserved'
  | 'payment_authorized'
  | 'payment_charged'
  | 'payment_captured'
  | 'order_placed'
  | 'payment_voided'
  | 'payment_refunded'
  | 'refund_accepted'
  | 'stock_returned'
  | 'nothing_to_undo'
  | 'authorization_declined'
  | 'charge_declined'
  | 'capture_declined'
  | 'authentication_required'
  | 'action_required'
  | 'action_expired'
  | 'another_card_awaited'
  | 'another_card_requested'
  | 'partial_authorization'
  | 'reservation_expired'
  | 'reservation_released'
  | UnknownCode
  | HeldBackCode
  | 'step_failed'
  | 'amount_differs'
  | 'void_declined'
  | 'refund_declined'
  | 'refund_failed'
  | 'request_refused'
  | 'refund_retried_by_operator'
  | 'authorization_missing'
  | 'unheard_too_long'
  | 'workers_lost'
  | 'worker_lost'
  | 'cancel_requested'
  | 'refund_requested'
  | 'retried_by_operator'
  | 'compensated_by_operator'
  | 'resolved_by_operator'
  | 'late_charge';

interface Amount {
  amount: number;
  currency: string;
}

/** The facts of a transition, as JSON. Which of them there are depends on its code. */
export type TransitionData = {
  operation?: OperationKind;
  /** Its id in the API: `pay_…`. */
  operationId?: string;
  attempt?: number;
  /** What was asked for. */
  asked?: Amount;
  /** What the provider reported instead. */
  said?: Amount;
  providerReference?: string;
  declineCode?: string;
  /** Of the payment attempt, from 1, and how many more the buyer has. */
  paymentAttempt?: number;
  attemptsLeft?: number;
  /** Why a refund failed. */
  failureReason?: string;
  /** Stripe's code for a refused request, and its id in Stripe's log. */
  providerCode?: string;
  requestId?: string;
  httpStatus?: number;
  /** The worker that was lost, and when its lease expired. */
  worker?: string;
  leaseEndedAt?: string;
  /** How many workers were lost. */
  workers?: number;
  /** The operator who acted, and why. */
  actor?: string;
  reason?: string;
  error?: string;
  /** When the saga is due again. */
  nextRunAt?: string;
};

/** A code with its facts, and a sentence for people. */
export interface Reason {
  code: TransitionCode;
  data?: TransitionData;
  why?: string;
}
