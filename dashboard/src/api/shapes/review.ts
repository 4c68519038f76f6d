import type { Money } from './common';
import type { StepName } from './orders';
import type { WaitsFor } from './sagas';

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
  /** When it is tried again by itself; null when it is being tried now, or never. */
  nextAttemptInSeconds: number | null;
  waitsFor: WaitsFor;
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
