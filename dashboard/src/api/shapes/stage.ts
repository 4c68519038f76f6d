/**
 * What the stage answers: session, overview, stream, queues, outbox, promises, contention, load tests.
 *
 * Instants are RFC 3339 in UTC. Durations carry their unit in their name. Shares go from 0 to 1. Rates are per second.
 */

export interface Money {
  /** Minor units. */
  amount: number;
  currency: string;
}

export type Role = 'viewer' | 'admin';

// ---------------------------------------------------------------------------------------------------------- session

/** Body of `POST /v1/admin/session`; answers 201 with a `Session` and sets the cookie. */
export interface SignIn {
  key: string;
}

/**
 * `GET /v1/admin/session`: 200, or 401 `unauthenticated` with a `SignInPage` in its members `environment` and
 * `developmentKeys`. `POST` refuses with 401 `unauthenticated` (key not known), 403 `forbidden` (a client key) and 429
 * `sign_in_limited` (`retryAfterSeconds` and Retry-After). `DELETE` answers 204, with or without a session.
 */
export interface Session {
  object: 'session';
  role: Role;
  keyName: string;
  environment: Environment;
  /** Of the service, as in package.json. */
  version: string;
  /** Changes with every build of the dashboard: the page compares it with the `build` of the stream's `hello`. */
  build: string;
  expiresInSeconds: number;
}

export type Environment = 'development' | 'test' | 'production';

/** What a 401 of `GET session` carries, for the sign-in page. */
export interface SignInPage {
  environment: Environment;
  /** Null in production, and wherever the settings name keys of their own. */
  developmentKeys: { admin: string; viewer: string } | null;
}

// --------------------------------------------------------------------------------------------------------- overview

/** `GET /v1/admin/overview`, and the value of the stream's topic `overview`. */
export interface Overview {
  object: 'overview';
  /** When it was computed, by the database's clock. At most a second old. */
  at: string;
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

export type StepName = 'reserve-stock' | 'authorize-payment' | 'capture-payment' | 'place-order';

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

// ------------------------------------------------------------------------------------------------ queues and outbox

export type QueueName = 'checkout' | 'compensation' | 'expiry' | 'events';

/** `GET /v1/admin/queues`, and `Overview.queues`. */
export interface QueuesReport {
  object: 'queues';
  backend: 'redis' | 'postgres';
  /** Why the counts below are null ("Redis is away"), or null when all is well. Orders go on all the same. */
  trouble: string | null;
  /** The BullMQ board; null where queues are switched off. */
  board: '/queues/board' | null;
  queues: QueueState[];
  /** Newest first; one that has been silent for ten minutes is left out. */
  workers: WorkerState[];
}

export interface QueueState {
  name: QueueName;
  /** Null while the queue cannot be asked. */
  waiting: number | null;
  active: number | null;
  delayed: number | null;
  failed: number | null;
  /** Age of the job that waits longest; null when none waits or it cannot be asked. */
  oldestSeconds: number | null;
  /** Jobs done per second, the mean of the last ten. */
  donePerSecond: number;
  /** The last 60 whole seconds, oldest first; null where no worker told anything. */
  doneSeries: (number | null)[];
  workersAlive: number;
  /** Of the worker of this queue that was heard last; null when none is. */
  heartbeatSeconds: number | null;
}

export interface WorkerState {
  /** `<host>:<pid>` and a few letters, as in a saga's transitions. */
  id: string;
  startedAt: string;
  /** Age of the last heartbeat: amber over 10, red over 30. */
  heartbeatSeconds: number;
  alive: boolean;
  /** True once it said that it is going home. */
  stopping: boolean;
  queues: { name: QueueName; concurrency: number; active: number }[];
  version: string;
}

/** `GET /v1/admin/outbox`. */
export interface OutboxReport {
  object: 'outbox';
  /** Messages not yet applied, counted to at most 10 000. */
  waiting: number;
  capped: boolean;
  /** Of those: due now, and not yet handed to a queue. */
  due: number;
  /** Handed over at least once, and waiting for their consumer. */
  relayed: number;
  /** Age of the oldest that is due; null when none is. */
  oldestSeconds: number | null;
  deadLetters: number;
}

// ------------------------------------------------------------------------------------------------------- contention

/** `GET /v1/admin/contention?sku=`: as before. */
export interface ContentionList {
  object: 'list';
  data: Contention[];
}

/** The last minute of one SKU and strategy, as the process that answers has seen it. */
export interface Contention {
  sku: string;
  strategy: string;
  reservationsPerSecond: number;
  lockWaitMs: { p50: number; p99: number };
  conflictRate: number;
  batchSize: number;
  adaptive: { hot: boolean; since: string; reason: string };
}

/** `GET /v1/admin/contention/{sku}`, and the value of the stream's topic `contention:{sku}`; all processes together. */
export interface ContentionHistory {
  object: 'contention_history';
  sku: string;
  /** The strategy in force. */
  strategy: string;
  adaptive: { hot: boolean; since: string; reason: string } | null;
  /** Oldest first, 240 slices of 2.5 s, the last ten minutes; null members in a slice in which nobody came. */
  from: string;
  sliceSeconds: 2.5;
  slices: {
    strategy: string | null;
    takenPerSecond: number;
    refusedPerSecond: number;
    p50Ms: number | null;
    p99Ms: number | null;
    /** Tries that were for nothing, per reservation. */
    conflictRate: number | null;
  }[];
  /** Within the ten minutes, oldest first. */
  switches: { at: string; from: string; to: string; by: string; reason: string | null }[];
  /** Each strategy's last measurement on this SKU, most reservations first; empty before the first. */
  strategies: StrategyMeasurement[];
}

export interface StrategyMeasurement {
  strategy: string;
  measuredAt: string;
  lockWaitMs: { p50: number; p99: number };
  conflictRate: number;
  batchSize: number;
  /** The best single second seen while it was measured. */
  peakPerSecond: number;
}

// ------------------------------------------------------------------------------------------------------- load tests

/** Body of `POST /v1/admin/load-tests` (admin; Idempotency-Key accepted); 202 with a `LoadTest`, 409 `load_test_running`. */
export interface NewLoadTest {
  /** 1 to 100 000. */
  buyers: number;
  /** 1 to 100 000. */
  units: number;
  /** Each at most once, in the order of the run. */
  strategies: string[];
  /** Share of the cards that are declined. */
  declineRate: number;
  /** Share of the buyers who reserve and go away. `declineRate` + `abandonRate` ≤ 1; the rest pays. */
  abandonRate: number;
  /** How many come each second, on average (1 to 20 000). Default 1 000. */
  rate?: number;
  /** 0 to 2147483648; left out: a random one, told in the answer. */
  seed?: number;
  reason: string;
}

export type LoadTestStatus = 'running' | 'passed' | 'failed' | 'stopped' | 'broken';

/**
 * One rehearsal. `passed` and `failed` are verdicts on the promises; `broken` means that it came to no verdict (see
 * `trouble`). `GET load-tests` lists them newest first as `LoadTestList`; 404 in production.
 */
export interface LoadTest {
  object: 'load_test';
  id: string;
  status: LoadTestStatus;
  startedAt: string;
  endedAt: string | null;
  /** Name of the key that started it; null for one started on the command line. */
  startedBy: string | null;
  buyers: number;
  units: number;
  rate: number;
  declineRate: number;
  abandonRate: number;
  seed: number;
  /** In the order of the run, also those that have not begun. */
  lanes: LoadTestLane[];
  /** Why it is `broken`. */
  trouble: string | null;
}

export interface LoadTestLane {
  strategy: string;
  state: 'waiting' | 'selling' | 'settling' | 'done';
  /** Of the units on sale, how many were promised to somebody so far. */
  unitsTaken: number;
  /** Of the buyers. */
  served: number;
  takenPerSecond: number | null;
  /** Of the buyers' answers, in milliseconds; null until the lane is done. */
  answerP99Ms: number | null;
  /** Tries in vain per reservation; null until the lane is done. */
  conflictRate: number | null;
  /** Null until the lane was judged. */
  placed: number | null;
  oversold: number | null;
  doubleCharges: number | null;
  /** From the first buyer to the last unit; null while there are any, and when some are left at the end. */
  soldOutSeconds: number | null;
  /** `[seconds since the doors opened, units taken]`, from [0, 0], four a second at most. */
  course: [number, number][];
  /** What did not hold, a sentence each; empty when all did. */
  failures: string[];
}

export interface LoadTestList {
  object: 'list';
  data: LoadTest[];
  /** The strategies that may be asked for. */
  strategies: string[];
}

// ----------------------------------------------------------------------------------------------------------- stream

/**
 * `GET /v1/admin/stream?topics=overview&topics=order%3Aord_…`: `text/event-stream`, one `topics` per topic, at most 8.
 * Each event is unnamed (`onmessage`) and its data is one `StreamMessage` as JSON. Whole values, at most one message per
 * topic and second; a value that is still the same is not sent again, but for `overview`, which comes every second and
 * so tells that the stream lives. Every 10 s a comment line. An unknown topic or a bad argument: 422 before the stream.
 */
export type StreamMessage =
  | { topic: 'hello'; at: string; value: StreamHello }
  | { topic: 'overview'; at: string; value: Overview }
  | { topic: `run:${string}`; at: string; value: LoadTest }
  | { topic: `contention:${string}`; at: string; value: ContentionHistory }
  /** `product:{sku}`, `order:{id}`, `reservations:{query string of the list's filters}`, `review`: see desk.ts. */
  | { topic: string; at: string; value: unknown }
  /** A topic that could not be computed this time; the stream goes on. */
  | { topic: string; at: string; problem: { status: number; code: string; detail: string } }
  /** The last message: signed out, expired, or the key was revoked. Do not reconnect; ask for the key. */
  | { topic: 'bye'; at: string; value: { reason: 'session-ended' } };

/** The first message of every stream. */
export interface StreamHello {
  version: string;
  build: string;
  expiresInSeconds: number;
}
