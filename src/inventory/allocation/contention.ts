import { LRUCache } from 'lru-cache';
import { Counter, Gauge, Histogram } from 'prom-client';

/**
 * How much buyers are in each other's way, per SKU and strategy, as this process sees it: how long taking stock waits,
 * how often a try was for nothing, how many share a transaction. The last minute, second by second.
 */
export interface Contention {
  sku: string;
  strategy: string;
  reservationsPerSecond: number;
  /** Milliseconds. */
  lockWait: { p50: number; p99: number };
  /** Per reservation: tries that were for nothing. */
  conflictRate: number;
  /** Requests that shared a transaction, on average. */
  batchSize: number;
  /** Buyers who have come and were not answered yet. */
  waiting: number;
  /** The busiest single second. */
  peakPerSecond: number;
}

const windowSeconds = 60;
/** Upper bounds of the lock waits that are told apart, in milliseconds. */
export const lockWaitBounds = [0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000];
/** SKUs that are watched at once; the one that was quiet longest makes room. */
export const watchedMax = 1_000;

const lockWait = new Histogram({
  name: 'holdfast_lock_wait_seconds',
  help: 'How long taking stock took, the wait for its row included.',
  labelNames: ['strategy'],
  buckets: lockWaitBounds.map((ms) => ms / 1_000),
});
const conflicts = new Counter({
  name: 'holdfast_stock_conflicts_total',
  help: 'Tries to take stock that a rival made useless.',
  labelNames: ['strategy'],
});

const waitingBuyers = new Gauge({
  name: 'holdfast_stock_waiting',
  help: 'Buyers whose stock is being taken, or who wait for that.',
  labelNames: ['strategy'],
});

interface Second extends Takes {
  at: number;
}

interface Watched {
  sku: string;
  strategy: string;
  seconds: Second[];
  /** Since it is watched. */
  total: Takes;
}

/** How stock was taken: buyers, the takings that they shared, tries for nothing, and buyers by how long they waited. */
export interface Takes {
  taken: number;
  takes: number;
  conflicts: number;
  /** One for each of the bounds, and one beyond them. */
  waits: number[];
}

const watched = new LRUCache<string, Watched>({ max: watchedMax });
const waiting = new Map<string, number>();

const keyOf = (sku: string, strategy: string) => `${strategy}\n${sku}`;

/** `buyers` shared one taking of this SKU's stock, which took `ms`. */
export function noteTake(sku: string, strategy: string, ms: number, buyers = 1): void {
  lockWait.observe({ strategy }, ms / 1_000);
  const found = lockWaitBounds.findIndex((bound) => ms <= bound);
  const bucket = found === -1 ? lockWaitBounds.length : found;
  for (const takes of countsOf(sku, strategy)) {
    takes.takes += 1;
    takes.taken += buyers;
    takes.waits[bucket]! += buyers;
  }
}

/** A buyer has come for stock of this SKU; the returned function says that it was answered. */
export function noteArrival(sku: string, strategy: string): () => void {
  const key = keyOf(sku, strategy);
  const count = (change: 1 | -1) => {
    const now = (waiting.get(key) ?? 0) + change;
    if (now === 0) waiting.delete(key);
    else waiting.set(key, now);
    waitingBuyers.inc({ strategy }, change);
  };
  count(1);
  return () => count(-1);
}

export function noteConflict(sku: string, strategy: string): void {
  conflicts.inc({ strategy });
  for (const takes of countsOf(sku, strategy)) takes.conflicts += 1;
}

/** All that was noted since this process began, or since the SKU is watched. */
export const takesBySku = (): readonly { sku: string; strategy: string; total: Takes }[] => [
  ...watched.values(),
];

/** What the last `seconds` were like; SKUs that nobody asked for in that time are left out. */
export function contentionOf(sku?: string, seconds = windowSeconds): Contention[] {
  const since = now() - seconds;
  return [...watched.values()]
    .filter((one) => sku === undefined || one.sku === sku)
    .map((one) => ({ ...one, seconds: one.seconds.filter(({ at }) => at > since) }))
    .filter((one) => one.seconds.some(({ takes, conflicts: lost }) => takes + lost > 0))
    .map((one) => summary(one, seconds))
    .sort((one, other) => other.reservationsPerSecond - one.reservationsPerSecond);
}

function summary({ sku, strategy, seconds: parts }: Watched, seconds: number): Contention {
  const sum = (value: (part: Second) => number) => parts.reduce((total, part) => total + value(part), 0);
  const [taken, takes, lost] = [
    sum((part) => part.taken),
    sum((part) => part.takes),
    sum((part) => part.conflicts),
  ];
  const waits = emptyWaits().map((_, bucket) => sum((part) => part.waits[bucket]!));
  return {
    sku,
    strategy,
    reservationsPerSecond: taken / seconds,
    lockWait: { p50: percentile(waits, 0.5), p99: percentile(waits, 0.99) },
    conflictRate: lost / Math.max(1, taken),
    batchSize: taken / Math.max(1, takes),
    waiting: waiting.get(keyOf(sku, strategy)) ?? 0,
    peakPerSecond: Math.max(...parts.map((part) => part.taken)),
  };
}

/** The bound below which that share of the waits lies: never less than the truth. */
export function percentile(waits: readonly number[], share: number): number {
  const total = waits.reduce((sum, count) => sum + count, 0);
  let seen = 0;
  const bucket = waits.findIndex((count) => (seen += count) >= total * share);
  return lockWaitBounds[bucket] ?? lockWaitBounds[lockWaitBounds.length - 1]!;
}

/** This second's counts and those of all time. */
function countsOf(sku: string, strategy: string): Takes[] {
  const key = keyOf(sku, strategy);
  const one = watched.get(key) ?? { sku, strategy, seconds: [], total: noTakes() };
  watched.set(key, one);

  const at = now();
  const last = one.seconds.at(-1);
  if (last?.at === at) return [last, one.total];
  const second: Second = { at, ...noTakes() };
  one.seconds = [...one.seconds.filter((part) => part.at > at - windowSeconds), second];
  return [second, one.total];
}

const noTakes = (): Takes => ({ taken: 0, takes: 0, conflicts: 0, waits: emptyWaits() });
const emptyWaits = () => new Array<number>(lockWaitBounds.length + 1).fill(0);
const now = () => Math.floor(performance.now() / 1_000);
