import type { Money, StepName } from './stage';

/**
 * What the desk answers: reservations, orders, sagas, review, products, movements, audit log, search, events.
 *
 * All paths are under `/v1/admin/`. Instants are RFC 3339 in UTC; money is in minor units. Every acting call takes
 * `Idempotency-Key` (any number of copies act once) and, in its body, `reason` (3 to 500 characters).
 */

/** Every list. `?limit=` 1 to 100 (20), `?cursor=` the page before's `nextCursor`. */
export interface Page<Row> {
  object: 'list';
  data: Row[];
  hasMore: boolean;
  nextCursor: string | null;
}

// ----------------------------------------------------------------------------------------------------- reservations

export type ReservationStatus = 'active' | 'pinned' | 'confirmed' | 'released' | 'expired';

/**
 * `GET reservations?status=active,pinned&sku=&customerId=&expiringWithinSeconds=60&sort=ends|newest`: a page, newest first.
 * `sort=ends` is the soonest end first and needs a `status` of active and pinned only, or `expiringWithinSeconds`
 * (which means active ones only). One: `GET /v1/reservations/{id}` (not under admin).
 */
export interface Reservation {
  id: string;
  object: 'reservation';
  status: ReservationStatus;
  customerId: string;
  lines: ReservationLine[];
  total: Money;
  expiresAt: string;
  /** 0 once it has ended. */
  expiresInSeconds: number;
  /** No chain of extensions outlives this. */
  maxExpiresAt: string;
  extensionsUsed: number;
  /** In words: "expired", "released by anna: customer called"; null while it lives. */
  endReason: string | null;
  orderId: string | null;
  createdAt: string;
  metadata: Record<string, string>;
}

export interface ReservationLine {
  sku: string;
  quantity: number;
  unitPrice: Money;
  fencingToken: number;
  /** Only where each unit has a number. */
  units?: number[];
}

/** The value of the topic `reservations:{filter}`; the filter is the query string of the list, e.g. `status=active&sku=x`. */
export interface ReservationsMessage {
  object: 'reservations';
  at: string;
  /** The first 100 rows of the filtered list as it stands now, in its order. */
  data: Reservation[];
  /** How many match; counting stops at 10 000. */
  matching: number;
}

/** `GET reservations/returning?sku=` (without `sku`: of all products): what comes back if nobody pays. */
export interface Returning {
  object: 'returning';
  sku: string | null;
  asOf: string;
  /** 60 sums of 10 s each, the next 10 s first. What is overdue already is in the first. */
  units: number[];
  /** The first six of them together. */
  withinMinute: number;
  /** Units and reservations whose timer runs, whenever they end (pinned ones have no timer). */
  active: { units: number; reservations: number };
  pinned: { units: number; reservations: number };
}

/** `POST reservations/{id}/release` `{reason}` answers the `Reservation`; 409 `reservation_pinned`. */

export interface ReleaseFilter {
  /** Ids picked by hand, at most 1 000; or any of the others, which all must hold. `{}` means every active one. */
  ids?: string[];
  /** As the list has it; pinned ones stay all the same. */
  status?: string;
  sku?: string;
  customerId?: string;
  expiringWithinSeconds?: number;
}

/**
 * `POST reservations/release` `{filter, dryRun: true}` → 200. Changes nothing. 422 `too_many` above 200 000.
 * To see whether the count has moved before the press, send the dry run again and compare.
 */
export interface ReleaseCount {
  object: 'release_count';
  filter: ReleaseFilter;
  /** How many would end, and what comes back with them. */
  reservations: number;
  units: number;
  customers: number;
  /** Pinned ones that match too; they stay. */
  skippedPinned: number;
  asOf: string;
  /** Stands for exactly these reservations. Later ones are not included. */
  token: string;
  tokenExpiresInSeconds: number;
}

/**
 * `POST reservations/release` `{token, reason}` → 202 and this. 409 `release_token_expired` when the token is old.
 * The same token again: the same release as it stands now.
 * Progress: `GET reservations/releases/{id}` (every second). Stop it: `POST reservations/releases/{id}/stop` `{reason}`.
 * `GET reservations/releases` is a page of them, newest first.
 */
export interface Release {
  object: 'release';
  id: string;
  status: 'running' | 'done' | 'stopped';
  filter: ReleaseFilter;
  reason: string;
  actor: string;
  /** What the dry run counted. */
  reservations: number;
  /** Looked at so far: released + endedBefore + pinnedMeanwhile. */
  handled: number;
  released: number;
  unitsReleased: number;
  /** Had ended by themselves. */
  endedBefore: number;
  /** Stay, because a charge is in flight. */
  pinnedMeanwhile: number;
  startedAt: string;
  endedAt: string | null;
}

// ----------------------------------------------------------------------------------------------------------- orders

export type OrderStatus = 'pending' | 'placed' | 'rejected' | 'cancelled' | 'refunded';
export type SagaStatus = 'running' | 'completed' | 'compensating' | 'compensated' | 'stuck';
export type PaymentStatus =
  'none' | 'authorizing' | 'authorized' | 'captured' | 'declined' | 'unknown' | 'voided' | 'refunded';
export type RejectionReason =
  'insufficient_stock' | 'payment_declined' | 'reservation_expired' | 'cancelled' | 'abandoned';

/**
 * `GET orders?status=&sagaStatus=&step=&paymentStatus=unknown&customerId=&from=&to=`: a page, newest first. `status`,
 * `sagaStatus` and `step` take several, separated by commas; `from` (inclusive) and `to` (exclusive) are instants of
 * `createdAt`; the only `paymentStatus` that can be asked for is `unknown`. One: `GET /v1/orders/{id}`.
 * "Took" is `endedAt` minus `createdAt`.
 */
export interface Order {
  id: string;
  object: 'order';
  status: OrderStatus;
  rejectionReason: RejectionReason | null;
  customerId: string;
  reservationId: string;
  lines: { sku: string; quantity: number; unitPrice: Money }[];
  total: Money;
  payment: { status: PaymentStatus; reference: string | null };
  saga: { status: SagaStatus; step: StepName };
  createdAt: string;
  placedAt: string | null;
  endedAt: string | null;
  expiresAt: string;
  /** 0 unless pending. */
  expiresInSeconds: number;
  metadata: Record<string, string>;
}

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
    | 'turn-back'
    | 'retried'
    | 'compensated-by-hand'
    | 'given-up'
    | 'reacquired';
  detail: string | null;
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
  /** Why, in the words of the record; null when there is nothing to say. */
  detail: string | null;
  /** The provider's idempotency key (the operation's id): the same for all attempts at one operation. */
  key: string | null;
  fencingToken: number;
  worker: string;
}

export interface PaymentOperation {
  id: string;
  kind: 'authorize' | 'capture' | 'void' | 'refund';
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
  retry: SagaOption;
  compensate: SagaOption;
  resolve: SagaOption;
  /** The one choice that the provider's answer makes plainly right; null: nothing is preselected. */
  suggested: 'retry' | 'compensate' | 'resolve' | null;
}

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

// ----------------------------------------------------------------------------------------------------------- review

export type ReviewKind = 'stuck' | 'unknown' | 'dead_letter';

/**
 * `GET review?kind=stuck,unknown,dead_letter&sort=money|age`: a page, most money first (or oldest). One:
 * `GET review/{id}`, 404 `case_not_found`, also when it was settled. The topic `review` sends a `ReviewMessage`.
 */
export interface ReviewCase {
  object: 'case';
  /** The order's id, or the message's (`evt_…`) for a dead letter. */
  id: string;
  kind: ReviewKind;
  /** Null for a dead letter about a reservation. */
  orderId: string | null;
  reservationId: string | null;
  customerId: string | null;
  title: string;
  /** Sentences: what happened, and what is blocked because of it. */
  facts: string[];
  /** Null: no money waits for it. */
  moneyAtRisk: Money | null;
  /** Units that cannot be sold until it ends. */
  units: number;
  /** What they are units of. */
  lines: { sku: string; quantity: number }[];
  since: string;
  sinceSeconds: number;
  /** Of an unknown payment: when it is asked again by itself. */
  nextAttemptInSeconds: number | null;
  /** The step it stands at; null for a dead letter. */
  step: StepName | null;
}

export interface ReviewMessage {
  object: 'review';
  at: string;
  counts: Record<ReviewKind, number>;
  moneyAtRisk: Money[];
  /** The first 50, most money first. */
  data: ReviewCase[];
}

/** `GET dead-letters`, `POST dead-letters/{id}/retry` `{reason}`. */
export interface DeadLetter {
  id: string;
  object: 'dead_letter';
  type: string;
  aggregateId: string;
  reason: string;
  attempts: number;
  diedAt: string;
  retriedAt: string | null;
}

// --------------------------------------------------------------------------------------------------------- products

/** `GET products`, `GET products/{sku}` (with `ETag`), and `product` in the topic `product:{sku}`. */
export interface Product {
  object: 'product';
  sku: string;
  name: string;
  unitPrice: Money;
  strategy: string;
  /** Null unless there are several. */
  pools: string[] | null;
  quantityPerOrderMax: number | null;
  reservationsPerCustomerMax: number | null;
  stock: ProductStock;
  version: number;
}

export interface Stock {
  onHand: number;
  /** confirmed + pinned + active */
  reserved: number;
  confirmed: number;
  pinned: number;
  active: number;
  available: number;
}

export interface ProductStock extends Stock {
  byPool: ({ pool: string } & Stock)[];
}

/** The value of the topic `product:{sku}`. */
export interface ProductMessage {
  object: 'product_message';
  at: string;
  product: Product;
  returning: Returning;
}

/**
 * `PUT products/{sku}` with `If-Match`: answers the `Product` with its new `ETag`. The whole product is sent, without its
 * stock; `onHand` only at creation. `reason` may be left out.
 */
export interface ProductEdit {
  name: string;
  unitPrice: Money;
  strategy?: string;
  pools?: string[];
  quantityPerOrderMax?: number;
  reservationsPerCustomerMax?: number;
  onHand?: number;
  reason?: string;
}

/** Members of the 412 `precondition_failed` of a product's edit. */
export interface ProductConflict {
  /** Send this as `If-Match` with the choice. */
  currentEtag: string;
  /** The product as it is now. */
  now: Product;
  /** What was sent, in the same words as `now`; only the fields that can be edited. */
  yours: Pick<
    Product,
    'name' | 'unitPrice' | 'strategy' | 'pools' | 'quantityPerOrderMax' | 'reservationsPerCustomerMax'
  >;
  /** Who made `now`, and when. */
  changedBy: string | null;
  changedAt: string | null;
  changedSecondsAgo: number | null;
}

/** `POST products/{sku}/adjustments` `{delta, reason}` answers it; 409 `below_reserved` carries `onHand, reserved, available`. */
export interface StockNow {
  sku: string;
  onHand: number;
  reserved: number;
  available: number;
}

/** `GET products/{sku}/movements`: a page, newest first. */
export interface Movement {
  object: 'movement';
  sku: string;
  pool: string;
  kind: 'receive' | 'adjust' | 'ship' | 'return' | 'transfer';
  delta: number;
  /** In this pool. */
  onHandAfter: number;
  reason: string;
  actor: string;
  at: string;
}

// -------------------------------------------------------------------------------------------------- audit log, search

/** `GET actions?actor=&action=&objectType=&objectId=&from=&to=`: a page, newest first. Never edited, kept for ever. */
export interface Action {
  object: 'action';
  id: string;
  at: string;
  actor: string;
  /** E.g. `reservation.release`, `saga.retry`, `product.replace`. */
  action: string;
  objectType: string;
  objectId: string;
  reason: string | null;
  /** The fields that the act was about, as they were and as they became; null where there was nothing before or after. */
  before: Record<string, unknown> | null;
  after: Record<string, unknown> | null;
}

/** `GET find?q=`: at most 10, best first. */
export interface Found {
  object: 'list';
  data: FoundObject[];
}

export interface FoundObject {
  kind: 'order' | 'reservation' | 'dead_letter' | 'product' | 'customer';
  /** The id, the SKU, or the customer's id. */
  id: string;
  /** What to show beside it: "placed, € 258.00" is the page's to format, so this is plain: status, name, or count. */
  label: string;
}

/** `GET events?aggregateId=`: a page, oldest first: the public feed. Of each aggregate in its own order. */
export interface Event {
  object: 'event';
  id: string;
  type: string;
  aggregateType: 'order' | 'reservation';
  aggregateId: string;
  /** Grows within an aggregate. */
  sequence: number;
  data: Record<string, unknown>;
  createdAt: string;
}
