export type SagaStatus = 'running' | 'completed' | 'compensating' | 'compensated' | 'stuck';

/**
 * compensatable: can be undone. pivot: once the provider was asked for it, the saga only goes forward. retriable: must
 * succeed in the end. (The three kinds after Chris Richardson's "Microservices Patterns".)
 */
export type StepKind = 'compensatable' | 'pivot' | 'retriable';

/** The steps of a saga in their order, as its transitions see them. The first runs inside the request, a worker drives the others. */
export type StepList = readonly { readonly name: string; readonly kind: StepKind }[];

/** How an order ends when it is not placed, or no longer. */
export type OrderEnd =
  | 'payment_declined'
  | 'reservation_expired'
  | 'cancelled'
  /** An operator gave it up before its payment was known. The only end that can be reversed. */
  | 'abandoned'
  | 'placed_then_cancelled'
  | 'placed_then_refunded';

/** The part of a saga that its transitions decide. */
export interface SagaState {
  status: SagaStatus;
  /** A name on the saga's list of steps. */
  step: string;
  /** Attempts at the present step, counted before the work starts. */
  attempt: number;
  /** Requested by the customer while a worker drove the saga; done as soon as the saga can be cancelled. */
  requestedEnd: 'cancel' | 'refund' | null;
  /** Set while the saga compensates: how the order ends when everything is undone. */
  endsAs: OrderEnd | null;
}

/** A saga's row, locked. */
export interface Saga extends SagaState {
  orderId: string;
  fencingToken: number;
  version: number;
  codeVersion: number;
  /** How often the sweeper took it up since its state last changed. */
  sweeps: number;
  /** The database was restored since: the provider may hold a charge that it forgot, so a search comes before the first call. */
  searchFirst: boolean;
  nextRunAt: Date | null;
  leaseExpiresAt: Date | null;
  leaseOwner: string | null;
  /** The database's clock, read after the lock. */
  now: Date;
}
