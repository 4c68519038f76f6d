import type { Money } from './common';
import type { StepName } from './orders';
import type { QueuesReport } from './queues';
import type { Environment } from './session';

/** `GET /v1/admin/overview`, and the value of the stream's topic `overview`. */
export interface Overview {
  object: 'overview';
  /** When it was computed, by the database's clock. At most a second old. */
  at: string;
  /** What keeps the service as a whole from working, worst first; empty when all is well. */
  troubles: ServiceTrouble[];
  environment: Environment;
  /** False in production: the page "Flash sale" does not exist there. */
  loadTests: boolean;
  review: ReviewCounts;
  rates: Rates;
  steps: Steps;
  units: UnitsOnHand;
  /** At most 7, most wanted first; those that nobody asked for in the last minute are left out. */
  products: BusyProduct[];
  delays: Delays;
  queues: QueuesReport;
  promises: Promises;
}

export interface ServiceTrouble {
  code: 'no_worker' | 'provider_silent' | 'task_failing' | 'queue_unreachable';
  /** Null when it is not known. */
  since: string | null;
  /** What it leads to and what to do. */
  detail: string;
}

export interface ReviewCounts {
  cases: number;
  stuckSagas: number;
  unknownPayments: number;
  deadLetters: number;
  /** One sum per currency; empty when no money waits. */
  moneyAtRisk: Money[];
  /** Null without cases. */
  oldestSeconds: number | null;
}

/** A rate as it is told: now is the mean of the last three whole seconds. */
export interface Rate {
  now: number;
  /** The highest single second of the last five minutes; null when nothing happened. */
  peak: { perSecond: number; at: string } | null;
}

export interface Rates {
  ordersAccepted: Rate;
  reservationsTaken: Rate & {
    /** Reservations per second that no order was sent with. */
    withoutOrder: number;
  };
  ordersPlaced: Rate & {
    /** Since the day began (UTC); null for the moment after a start in which they are still being counted. */
    today: { since: string; orders: number; money: Money[] } | null;
  };
  soldOut: Rate & {
    /** The product that most of them wanted in the last minute. */
    sku: string | null;
    /** When that product's last unit was promised, as far as it was seen; null when not. */
    goneAt: string | null;
  };
  declined: Rate;
  expired: Rate;
  /** Of the requests that take stock, in milliseconds, over the last 10 s; null without any. */
  intake: { p50Ms: number | null; p99Ms: number | null; boundMs: number };
  /** The last 300 whole seconds, oldest first; its last second ended just before `at`. */
  series: RateSeries;
}

/** Columns of equal length. A second of which no process told anything is null: a gap, not a zero. */
export interface RateSeries {
  /** The first second. */
  from: string;
  ordersAccepted: (number | null)[];
  reservationsTaken: (number | null)[];
  ordersPlaced: (number | null)[];
  soldOut: (number | null)[];
  declined: (number | null)[];
  intakeP99Ms: (number | null)[];
}

export interface Steps {
  inFlight: number;
  /** True when `inFlight` and the counts stop at their most (20 000), so that the page writes "20 000+". */
  capped: boolean;
  /** The four of the straight path, in order. */
  straight: { step: StepName; count: number; medianMs: number | null }[];
  unknown: number;
  compensating: number;
  stuck: number;
  declinedPerSecond: number;
  expiredPerSecond: number;
}

export interface UnitsOnHand {
  skus: number;
  onHand: number;
  /** Sold, not yet shipped: reserved − active − pinned. */
  confirmed: number;
  pinned: number;
  active: number;
  available: number;
  /** Of the active ones: what comes back within 60 s if unpaid. */
  returningSoon: number;
}

export interface BusyProduct {
  sku: string;
  name: string;
  strategy: string;
  stock: { onHand: number; confirmed: number; pinned: number; active: number; available: number };
  takenPerSecond: number;
  refusedPerSecond: number;
  /** Null when nobody took any. */
  lockWaitP99Ms: number | null;
}

/** Seconds; 0 when nothing is late or waits. `limitSeconds` is the promise or the alarm. */
export interface Delay {
  seconds: number;
  limitSeconds: number;
}

export interface Delays {
  expiry: Delay;
  outbox: Delay;
  sagaPastDue: Delay;
  unknownPayment: Delay;
  webhook: Delay;
}

/** The last audit, whoever asked for it; null before the first. `GET invariants` makes one now. */
export type Promises = {
  ok: boolean;
  checkedAt: string;
  ageSeconds: number;
  /** No worker audits any more: what this says was true once. */
  overdue: boolean;
  tookMs: number;
  held: number;
  total: number;
  invariants: { id: string; promise: string; violations: number }[];
} | null;

/** `GET /v1/admin/invariants`: as before; at most 50 rows per promise. */
export interface Audit {
  ok: boolean;
  checkedAt: string;
  tookMs: number;
  invariants: { id: string; promise: string; violations: Record<string, unknown>[] }[];
}
