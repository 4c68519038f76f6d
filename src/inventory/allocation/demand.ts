import { LRUCache } from 'lru-cache';
import { Counter, Gauge, Histogram } from 'prom-client';
import { InsufficientStock } from '../inventory.errors';

/** Upper bounds of the times that are told apart, in seconds. */
export const intakeBounds = [
  0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2, 5,
];

/** What buyers want and get, as this process sees it: for its metrics, and per SKU for the dashboard. */
export const intakeSeconds = new Histogram({
  name: 'holdfast_intake_seconds',
  help: 'From a request for stock until it was taken or refused; the charge comes later.',
  buckets: intakeBounds,
});
export const intakeInFlight = new Gauge({
  name: 'holdfast_intake_in_flight',
  help: 'Requests for stock that are being decided now.',
});
export const soldOut = new Counter({
  name: 'holdfast_sold_out_total',
  help: 'Requests that were refused because there was not enough stock.',
});

/** Since this process began. */
export interface Demand {
  taken: number;
  refused: number;
}

/** SKUs that are counted at once; the one that was quiet longest makes room. */
const countedMax = 1_000;
const bySku = new LRUCache<string, Demand>({ max: countedMax });

/** Takes stock by `take`, and notes how long that took and what came of it. A request that was answered before is no demand. */
export async function watchIntake<T extends { replayed: boolean }>(
  skus: string[],
  take: () => Promise<T>,
): Promise<T> {
  const end = intakeSeconds.startTimer();
  intakeInFlight.inc();
  try {
    const result = await take();
    if (!result.replayed) for (const sku of new Set(skus)) demandFor(sku).taken += 1;
    return result;
  } catch (error) {
    if (error instanceof InsufficientStock) {
      soldOut.inc();
      for (const { sku } of error.shortfalls) demandFor(sku).refused += 1;
    }
    throw error;
  } finally {
    intakeInFlight.dec();
    end();
  }
}

export const demandBySku = (): Iterable<[string, Demand]> => bySku.entries();

function demandFor(sku: string): Demand {
  const demand = bySku.get(sku) ?? { taken: 0, refused: 0 };
  bySku.set(sku, demand);
  return demand;
}
