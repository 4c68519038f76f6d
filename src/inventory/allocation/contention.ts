import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { Counter, Gauge, Histogram } from 'prom-client';

/** How much the buyers of one SKU wait for each other, under one strategy, as this process measures it. */
export interface ContentionFigures {
  sku: string;
  strategy: string;
  reservationsPerSecond: number;
  /** Milliseconds. */
  lockWait: { p50: number; p99: number };
  /** Lost tries per reservation. */
  conflictRate: number;
  /** Requests that shared a transaction, on average. */
  batchSize: number;
  /** Requests that have arrived and have no response yet. */
  waiting: number;
  /** The busiest single second. */
  peakPerSecond: number;
}

/** How stock was taken. */
export interface Takes {
  /** Buyers who got stock. */
  taken: number;
  /** Takes of the stock row; with grouping, several buyers share one. */
  takes: number;
  /** Tries that a rival made useless. */
  conflicts: number;
  /** Buyers by how long they waited: one count for each bound, and one beyond the last. */
  waits: number[];
}

/** The dashboard looks back one minute. */
const windowSeconds = 60;
/** Upper bounds of the buckets for lock waits, in milliseconds. */
export const lockWaitBounds = [0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000];
/** SKUs that are measured at once; the least recently used one makes room. */
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
  /** The last minute, second by second; seconds without a take are left out. */
  seconds: Second[];
  /** Everything since this SKU was first measured. */
  total: Takes;
}

/** Measures contention per SKU and strategy, for metrics, the dashboard and the contention mode. */
@Injectable()
export class Contention {
  private readonly watched = new LRUCache<string, Watched>({ max: watchedMax });
  private readonly waiting = new Map<string, number>();

  /** `buyers` shared one take of this SKU's stock, which took `ms`. */
  noteTake(sku: string, strategy: string, ms: number, buyers = 1): void {
    lockWait.observe({ strategy }, ms / 1_000);
    const found = lockWaitBounds.findIndex((bound) => ms <= bound);
    const bucket = found === -1 ? lockWaitBounds.length : found;
    for (const takes of this.countsOf(sku, strategy)) {
      takes.takes += 1;
      takes.taken += buyers;
      takes.waits[bucket]! += buyers;
    }
  }

  /** A request for stock of this SKU arrived. Call the returned function when it has its result. */
  noteArrival(sku: string, strategy: string): () => void {
    const key = keyOf(sku, strategy);
    const count = (change: 1 | -1) => {
      const now = (this.waiting.get(key) ?? 0) + change;
      if (now === 0) this.waiting.delete(key);
      else this.waiting.set(key, now);
      waitingBuyers.inc({ strategy }, change);
    };
    count(1);
    return () => count(-1);
  }

  noteConflict(sku: string, strategy: string): void {
    conflicts.inc({ strategy });
    for (const takes of this.countsOf(sku, strategy)) takes.conflicts += 1;
  }

  /** Totals since each SKU was first measured. */
  totals(): { sku: string; strategy: string; total: Takes }[] {
    return [...this.watched.values()];
  }

  /** The last `seconds`, the busiest first. SKUs without a take in that time are left out. */
  figures(sku?: string, seconds = windowSeconds): ContentionFigures[] {
    const since = now() - seconds;
    return [...this.watched.values()]
      .filter((one) => sku === undefined || one.sku === sku)
      .map((one) => ({ ...one, seconds: one.seconds.filter(({ at }) => at > since) }))
      .filter((one) => one.seconds.some(({ takes, conflicts: lost }) => takes + lost > 0))
      .map((one) => this.summary(one, seconds))
      .sort((one, other) => other.reservationsPerSecond - one.reservationsPerSecond);
  }

  private summary({ sku, strategy, seconds: parts }: Watched, seconds: number): ContentionFigures {
    const sum = (value: (part: Second) => number) => parts.reduce((total, part) => total + value(part), 0);
    const taken = sum((part) => part.taken);
    const waits = emptyWaits().map((_, bucket) => sum((part) => part.waits[bucket]!));
    return {
      sku,
      strategy,
      reservationsPerSecond: taken / seconds,
      lockWait: { p50: percentile(waits, 0.5), p99: percentile(waits, 0.99) },
      conflictRate: sum((part) => part.conflicts) / Math.max(1, taken),
      batchSize:
        taken /
        Math.max(
          1,
          sum((part) => part.takes),
        ),
      waiting: this.waiting.get(keyOf(sku, strategy)) ?? 0,
      peakPerSecond: Math.max(...parts.map((part) => part.taken)),
    };
  }

  /** The counts of this second, and the totals. */
  private countsOf(sku: string, strategy: string): Takes[] {
    const key = keyOf(sku, strategy);
    const one = this.watched.get(key) ?? { sku, strategy, seconds: [], total: noTakes() };
    this.watched.set(key, one);
    const at = now();
    const last = one.seconds.at(-1);
    if (last?.at === at) return [last, one.total];
    const second: Second = { at, ...noTakes() };
    one.seconds = [...one.seconds.filter((part) => part.at > at - windowSeconds), second];
    return [second, one.total];
  }
}

const keyOf = (sku: string, strategy: string) => `${strategy}\n${sku}`;

/** The bound below which that share of the waits lies: never less than the true value. */
function percentile(waits: readonly number[], share: number): number {
  const total = waits.reduce((sum, count) => sum + count, 0);
  let seen = 0;
  const bucket = waits.findIndex((count) => (seen += count) >= total * share);
  return lockWaitBounds[bucket] ?? lockWaitBounds[lockWaitBounds.length - 1]!;
}

const noTakes = (): Takes => ({ taken: 0, takes: 0, conflicts: 0, waits: emptyWaits() });
const emptyWaits = () => new Array<number>(lockWaitBounds.length + 1).fill(0);
const now = () => Math.floor(performance.now() / 1_000);
