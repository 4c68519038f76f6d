import type { Money } from './common';
import type { Order, OrderStatus, SagaStatus, StepName } from './orders';
import type { ReservationStatus } from './reservations';

/** `GET orders/{id}/saga`, the answer of its acts, and the value of the topic `order:{id}`. */
export interface Saga {
  object: 'saga';
  orderId: string;
  /** The database's clock when this was read. */
  asOf: string;
  status: SagaStatus;
  step: StepName;
  /** At most three sentences, made of templates. Their facts are those of the timeline. */
  story: string[];
  /** The order as `GET /v1/orders/{id}` gives it. */
  order: Order;
  /** Oldest first. */
  transitions: SagaTransition[];
  /** Every attempt at every step, oldest first; `reserve-stock` and `place-order` have one of their own. */
  attempts: SagaAttempt[];
  operations: PaymentOperation[];
  /** When the next try is due; 0 when it is due now; null when nothing is left to do by itself, or one is being made. */
  nextAttemptInSeconds: number | null;
  /** What it goes on with; null when it has ended. `operator`: nothing moves it by itself. */
  waitsFor: WaitsFor;
  /** Who drives it at this moment; null when nobody does. */
  drivenBy: string | null;
  reservation: SagaReservation;
  webhooks: SagaWebhook[];
  money: SagaMoney;
  /** The `Idempotency-Key` that the shop sent with the order; kept 72 h, null after that. */
  clientKey: string | null;
  /** What can be done now, without asking the provider: `orders/{id}/saga/options` says more. */
  acts: { retry: boolean; compensate: boolean; resolve: boolean };
}

export type WaitsFor = 'worker' | 'next_run' | 'operator' | null;

/** The facts of a transition; which there are depends on its code. */
export interface TransitionData {
  operation?: PaymentOperation['kind'];
  httpStatus?: number;
}

export interface SagaTransition {
  version: number;
  at: string;
  /** Since the first transition. */
  afterMs: number;
  sincePreviousMs: number;
  step: StepName;
  attempt: number;
  from: SagaStatus | null;
  to: SagaStatus;
  cause:
    | 'accepted'
    | 'asked'
    | 'done'
    | 'declined'
    | 'unknown'
    | 'not-asked'
    | 'failed'
    | 'blocked'
    | 'worker-lost'
    | 'turn-back'
    | 'retried'
    | 'compensated-by-hand'
    | 'given-up'
    | 'reacquired';
  detail: string | null;
  /** Why, for programs; null in lines of older builds. */
  code: string | null;
  data: TransitionData | null;
  fencingToken: number;
  /** The process that wrote it. */
  worker: string;
  /** Who held the lease on the saga: the same as `worker`, or null when it was moved by a hand that needs none. */
  leaseOwner: string | null;
}

export interface SagaAttempt {
  step: StepName;
  /** True: it undoes the step (void, refund, release). */
  compensates: boolean;
  /** Counts from 1 within its step and direction. */
  attempt: number;
  /** What was asked of the provider; null for what is done here. */
  operation: PaymentOperation['kind'] | null;
  outcome: 'running' | 'done' | 'unknown' | 'declined' | 'error' | 'not-asked' | 'undone' | 'stuck';
  /** Milliseconds since the first transition. Of work done within one commit both are the same. */
  startedAtMs: number;
  /** Null while it runs. */
  endedAtMs: number | null;
  /** Why, in the words of the record, for people; null when there is nothing to say. */
  detail: string | null;
  /** Why, for programs; null while it runs, and for older builds. */
  code: string | null;
  data: TransitionData | null;
  /** The provider's idempotency key (order, kind and number; in older orders the operation's id): the same for all attempts at one operation. */
  key: string | null;
  fencingToken: number;
  worker: string;
}

export interface PaymentOperation {
  id: string;
  kind: 'authorize' | 'capture' | 'void' | 'refund';
  /** Sent to the provider as its `Idempotency-Key`. */
  key: string;
  status: 'created' | 'sent' | 'approved' | 'declined' | 'unknown';
  attempts: number;
  amount: Money;
  providerReference: string | null;
  declineCode: string | null;
  detail: string | null;
  createdAt: string;
  sentAt: string | null;
  settledAt: string | null;
}

/** For the life line: active from the start, pinned from `pinnedAtMs`, ended at `endedAtMs`. */
export interface SagaReservation {
  id: string;
  status: ReservationStatus;
  /** Milliseconds since the first transition; the reservation may be older than its order, then 0. */
  startedAtMs: number;
  /** When the first charge was about to be asked for; null when it never was. */
  pinnedAtMs: number | null;
  endedAtMs: number | null;
  endReason: string | null;
  units: number;
  /** The highest of its lines. */
  fencingToken: number;
}

export interface SagaWebhook {
  id: string;
  type: string;
  /** What came of it, in words; null until it is worked on. */
  verdict: string | null;
  receivedAt: string;
  /** Since the first transition; may be negative by a few milliseconds. */
  afterMs: number;
  processedAt: string | null;
}

/** As Holdfast recorded it. Null: unknown, which is neither yes nor no. */
export interface SagaMoney {
  authorized: Money | null;
  captured: Money | null;
  voided: Money | null;
  refunded: Money | null;
  /** Captured minus refunded. */
  paid: Money | null;
  reference: string | null;
}

/** `GET orders/{id}/saga/options`: asks the provider, at most every 10 s per order, for at most 3 s. */
export interface SagaOptions {
  object: 'saga_options';
  orderId: string;
  recorded: SagaMoney;
  provider: ProviderSays;
  comparison: Record<'authorized' | 'captured' | 'voided' | 'refunded' | 'reference', Comparison>;
  retry: SagaOption;
  compensate: SagaOption;
  resolve: SagaOption;
  /** The one choice that the provider's answer makes plainly right; null: nothing is preselected. */
  suggested: 'retry' | 'compensate' | 'resolve' | null;
}

/** `not_heard`: one side does not know it yet, which is no difference. */
export type Comparison = 'same' | 'differs' | 'not_heard';

export interface ProviderSays {
  /** False: no answer this time; the figures are from `askedAt`, or null when there never was one. */
  answered: boolean;
  /** Why there is none: in words; null when answered. */
  problem: string | null;
  authorized: Money | null;
  captured: Money | null;
  /** Given back before it was captured. */
  voided: Money | null;
  refunded: Money | null;
  reference: string | null;
  /** When the figures were given; null without any. */
  askedAt: string | null;
  askedSecondsAgo: number | null;
}

/** `POST orders/{id}/saga/retry|compensate|resolve` `{reason}` answers the `Saga`. */
export interface SagaOption {
  possible: boolean;
  /** What it does, or why it cannot be done: one or two sentences. */
  why: string;
  /** What the customer gets back; null: nothing moves. */
  refund: Money | null;
  /** Units that go back on sale. */
  units: number;
  /** How the order ends; null: that depends on the provider's answer, or it cannot be done. */
  endsAs: OrderStatus | null;
}
