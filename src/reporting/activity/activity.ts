import type { Counter, Histogram } from 'prom-client';
import { type Takes, Contention } from '../../inventory/allocation/contention';
import {
  intakeInFlight,
  intakeSeconds,
  soldOut,
  DemandMetrics,
} from '../../inventory/allocation/demand-metrics';
import { stepSeconds } from '../../orders/checkout-saga/saga-metrics';
import { jobsDone } from '../../queue/queues';
import { randomUUID } from 'node:crypto';
import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { clockMs } from '../../clock';
import { Database, clockOf, columnsOf } from '../../database/database';
import type { PeriodicTask, PeriodicTasks } from '../../periodic/periodic-tasks';

/** What one process did in one second; empty members are left out. */
export interface ActivityFacts {
  /** Requests for stock by how long they took: one count for each bucket of `intakeSeconds`, and one beyond them. */
  intake?: number[];
  /** Requests for stock that were being decided at the end of the second. */
  intakeInFlight?: number;
  soldOut?: number;
  /** By step, as `intake`. */
  steps?: Record<string, number[]>;
  /** Jobs by queue. */
  done?: Record<string, number>;
  /** By SKU, the busiest of them. */
  demand?: Record<string, { taken: number; refused: number }>;
  /** By SKU and strategy, the busiest SKUs. */
  takes?: Record<string, Record<string, Takes>>;
}

/** How many SKUs are reported per second. */
const skusMax = 20;

/** Everything that this process counts; the difference of two is the facts of the time between them. */
export type Counted = Required<ActivityFacts>;

/** The counts of a new process. */
export const nothingCounted: Counted = {
  intake: [],
  intakeInFlight: 0,
  soldOut: 0,
  steps: {},
  done: {},
  demand: {},
  takes: {},
};

export async function countedNow(contention: Contention, demanded: DemandMetrics): Promise<Counted> {
  const takes: Counted['takes'] = {};
  for (const { sku, strategy, total } of contention.totals())
    (takes[sku] ??= {})[strategy] = { ...total, waits: [...total.waits] };
  return {
    intake: (await bucketsOf(intakeSeconds)).get('') ?? [],
    intakeInFlight: (await intakeInFlight.get()).values[0]?.value ?? 0,
    soldOut: (await valuesOf(soldOut)).get('') ?? 0,
    steps: Object.fromEntries(await bucketsOf(stepSeconds, 'step')),
    done: Object.fromEntries(await valuesOf(jobsDone, 'queue')),
    demand: Object.fromEntries([...demanded.bySku()].map(([sku, demand]) => [sku, { ...demand }])),
    takes,
  };
}

export function factsBetween(before: Counted, after: Counted): ActivityFacts {
  const demand = eachGrown(before.demand, after.demand, grownDemand, ({ taken, refused }) => taken + refused);
  const takes = eachGrown(
    before.takes,
    after.takes,
    (older = {}, newer) => eachGrown(older, newer, grownTakes, (one) => one.takes + one.conflicts),
    (byStrategy) => Object.values(byStrategy).reduce((sum, { taken }) => sum + taken, 0),
  );
  return withoutEmpty({
    intake: grownBuckets(before.intake, after.intake),
    intakeInFlight: after.intakeInFlight,
    soldOut: grown(before.soldOut, after.soldOut),
    steps: eachGrown(before.steps, after.steps, grownBuckets, sumOf),
    done: eachGrown(before.done, after.done, grown, (jobs) => jobs),
    demand,
    takes,
  });
}

/** A count that is smaller than before was reset. */
const grown = (before = 0, after: number): number => (after >= before ? after - before : after);

const grownBuckets = (before: number[] = [], after: number[]): number[] =>
  after.map((count, bucket) => grown(before[bucket], count));

const grownDemand = (before: Counted['demand'][string] | undefined, after: Counted['demand'][string]) => ({
  taken: grown(before?.taken, after.taken),
  refused: grown(before?.refused, after.refused),
});

const grownTakes = (before: Takes | undefined, after: Takes): Takes => ({
  taken: grown(before?.taken, after.taken),
  takes: grown(before?.takes, after.takes),
  conflicts: grown(before?.conflicts, after.conflicts),
  waits: grownBuckets(before?.waits, after.waits),
});

/** The growth of each member; only those that grew, and of many the largest. */
function eachGrown<T>(
  before: Record<string, T>,
  after: Record<string, T>,
  growth: (before: T | undefined, after: T) => T,
  sizeOf: (grown: T) => number,
): Record<string, T> {
  const members = Object.entries(after)
    .map(([name, value]) => [name, growth(before[name], value)] as const)
    .filter(([, value]) => sizeOf(value) > 0)
    .sort(([, one], [, other]) => sizeOf(other) - sizeOf(one));
  return Object.fromEntries(members.slice(0, skusMax));
}

const sumOf = (counts: readonly number[]): number => counts.reduce((sum, count) => sum + count, 0);

function withoutEmpty(facts: Required<ActivityFacts>): ActivityFacts {
  const isEmpty = (value: number | number[] | object) => {
    if (typeof value === 'number') return value === 0;
    return Array.isArray(value) ? sumOf(value as number[]) === 0 : Object.keys(value).length === 0;
  };
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => !isEmpty(value)));
}

/** A histogram's counts per bucket, not cumulative as in Prometheus; by the value of one label. */
async function bucketsOf(histogram: Histogram, label?: string): Promise<Map<string, number[]>> {
  const found = new Map<string, number[]>();
  for (const { metricName, labels, value } of (await histogram.get()).values) {
    if (!metricName?.endsWith('_bucket')) continue;
    const name = labelOf(labels, label);
    found.set(name, [...(found.get(name) ?? []), value]);
  }
  const countOf = (count: number, bucket: number, cumulative: number[]) =>
    count - (cumulative[bucket - 1] ?? 0);
  return new Map([...found].map(([name, cumulative]) => [name, cumulative.map(countOf)]));
}

async function valuesOf(counter: Counter, label?: string): Promise<Map<string, number>> {
  const { values } = await counter.get();
  return new Map(values.map(({ labels, value }) => [labelOf(labels, label), value]));
}

const labelOf = (labels: object, label: string | undefined): string =>
  label === undefined ? '' : String((labels as Record<string, unknown>)[label]);

/** Longer than any chart looks back. */
const keptSeconds = 900;
const pruneEverySeconds = 60;
const measureEverySeconds = 10;
/** Fewer buyers in a minute say nothing about a strategy. */
const measuredBuyersMin = 50;

/**
 * Reports what this process did, a row for each second with activity, so that every API process can show all of them.
 * Only the dashboard reads these rows: one that cannot be written is dropped.
 */
@Injectable()
export class Activity implements OnModuleDestroy {
  private readonly process = randomUUID();
  private before: Counted = nothingCounted;
  private reporting: PeriodicTask | undefined;
  private ticks = 0;

  constructor(
    private readonly db: Database,
    private readonly contention: Contention,
    private readonly demand: DemandMetrics,
  ) {}

  start(tasks: PeriodicTasks): void {
    const everyMs = () => this.untilNextSecondMs();
    this.reporting = tasks.start({
      name: 'activity',
      everyMs,
      firstAfterMs: everyMs(),
      run: () => this.tick(),
    });
  }

  async onModuleDestroy(): Promise<void> {
    await this.reporting?.stop();
  }

  /** Writes what was counted since the last call as the second that has just ended. */
  async report(): Promise<void> {
    const counted = await countedNow(this.contention, this.demand);
    const facts = factsBetween(this.before, counted);
    this.before = counted;
    if (Object.keys(facts).length === 0) return;
    const second = new Date(Math.floor(clockMs() / 1_000) * 1_000 - 1_000);
    await this.db.rows(
      `
      INSERT INTO activity (second, process, facts) VALUES ($1::timestamptz, $2::uuid, $3::jsonb)
          ON CONFLICT DO NOTHING
      `,
      [second, this.process, JSON.stringify(facts)],
    );
  }

  /** Keeps the newest measurement under load of each strategy on each SKU. */
  async measure(): Promise<void> {
    const measured = this.contention
      .figures()
      .filter(({ reservationsPerSecond }) => reservationsPerSecond * 60 >= measuredBuyersMin);
    if (measured.length === 0) return;
    await this.db.rows(measureSql, [
      ...columnsOf(measured, 'sku', 'strategy'),
      measured.map(({ lockWait }) => lockWait.p50),
      measured.map(({ lockWait }) => lockWait.p99),
      ...columnsOf(measured, 'conflictRate', 'batchSize', 'peakPerSecond'),
      new Date(clockMs()),
    ]);
  }

  private async tick(): Promise<void> {
    if (this.ticks % pruneEverySeconds === 0) await this.prune();
    this.ticks += 1;
    await this.report();
    if (this.ticks % measureEverySeconds === 0) await this.measure();
  }

  private async prune(): Promise<void> {
    const now = await clockOf(this.db);
    const before = new Date(now.getTime() - keptSeconds * 1_000);
    await this.db.rows(`DELETE FROM activity WHERE second < $1::timestamptz`, [before]);
  }

  /** A little later, so that an early timer does not report the second before. */
  private untilNextSecondMs(): number {
    return 1_000 - (clockMs() % 1_000) + 20;
  }
}

const measureSql = `
  INSERT INTO strategy_measurements (sku, strategy, p50_ms, p99_ms, conflict_rate, batch_size, peak_per_second, measured_at)
  SELECT sku, strategy, p50, p99, conflicts, batch, peak, $8::timestamptz
    FROM unnest($1::text[], $2::text[], $3::float8[], $4::float8[], $5::float8[], $6::float8[], $7::float8[])
           AS m (sku, strategy, p50, p99, conflicts, batch, peak)
   ORDER BY sku, strategy
      ON CONFLICT (sku, strategy) DO UPDATE
     SET p50_ms = excluded.p50_ms, p99_ms = excluded.p99_ms, conflict_rate = excluded.conflict_rate,
         batch_size = excluded.batch_size, peak_per_second = excluded.peak_per_second, measured_at = excluded.measured_at`;
