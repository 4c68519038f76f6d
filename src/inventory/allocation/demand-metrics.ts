import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { Counter, Gauge, Histogram } from 'prom-client';
import { InsufficientStock } from '../inventory.errors';

/** Upper bounds of the buckets for intake times, in seconds. */
export const intakeBounds = [
  0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2, 5,
];

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

/** Requests for one SKU since this process started. */
export interface DemandCounts {
  taken: number;
  refused: number;
}

/** SKUs that are counted at once; the least recently used one makes room. */
const countedMax = 1_000;

/** What buyers ask for and get, as this process sees it: metrics, and counts per SKU for the dashboard. */
@Injectable()
export class DemandMetrics {
  private readonly counts = new LRUCache<string, DemandCounts>({ max: countedMax });

  /** Measures one request from its start to its result. A replayed request is not demand. */
  async watch<T extends { replayed: boolean }>(skus: string[], taking: Promise<T>): Promise<T> {
    const end = intakeSeconds.startTimer();
    intakeInFlight.inc();
    try {
      const result = await taking;
      if (!result.replayed) for (const sku of new Set(skus)) this.countsOf(sku).taken += 1;
      return result;
    } catch (error) {
      if (error instanceof InsufficientStock) {
        soldOut.inc();
        for (const { sku } of error.shortfalls) this.countsOf(sku).refused += 1;
      }
      throw error;
    } finally {
      intakeInFlight.dec();
      end();
    }
  }

  bySku(): Map<string, DemandCounts> {
    return new Map(this.counts.entries());
  }

  private countsOf(sku: string): DemandCounts {
    const counts = this.counts.get(sku) ?? { taken: 0, refused: 0 };
    this.counts.set(sku, counts);
    return counts;
  }
}
