export type SagaStatus = 'running' | 'completed' | 'compensating' | 'compensated' | 'stuck';

/**
 * compensatable: can be undone. pivot: once the provider was asked for it, the saga only goes forward. retriable: must
 * succeed in the end. (The three kinds after Chris Richardson's "Microservices Patterns".)
 */
export type StepKind = 'compensatable' | 'pivot' | 'retriable';

/** The steps of a saga in their order, as its transitions see them. The first runs inside the request, a worker drives the others. */
export type StepList = readonly { readonly name: string; readonly kind: StepKind }[];

/** How an order ends that is not placed, or not any more. */
export type OrderEnd =
  | 'payment_declined'
  | 'reservation_expired'
  | 'cancelled'
  /** An operator gave it up before the provider had answered; the only end that may be taken back. */
  | 'abandoned'
  | 'placed_then_cancelled'
  | 'placed_then_refunded';

/** The part of a saga that its transitions decide about. */
export interface SagaState {
  status: SagaStatus;
  /** A name on the saga's list of steps. */
  step: string;
  /** Started attempts of the present step, counted before the work. */
  attempt: number;
  /** Somebody asked for the way back; done as soon as the saga can be cancelled. */
  requestedEnd: 'cancel' | 'refund' | null;
  /** Set on the way back: how the order ends when all is undone. */
  endsAs: OrderEnd | null;
}

/** A saga's row, locked. */
export interface Saga extends SagaState {
  orderId: string;
  fencingToken: number;
  version: number;
  codeVersion: number;
  /** How often the sweeper took it up since it last moved. */
  sweeps: number;
  nextRunAt: Date | null;
  leaseExpiresAt: Date | null;
  leaseOwner: string | null;
  /** The database's clock, read after the lock. */
  now: Date;
}
