import type { Counter, Histogram } from 'prom-client';
import type { Contention, Takes } from '../../inventory/allocation/contention';
import { type Demand, intakeInFlight, intakeSeconds, soldOut } from '../../inventory/allocation/demand';
import { stepSeconds } from '../../orders/checkout-saga/saga-metrics';
import { jobsDone } from '../../queue/queues';

/** What one process did in one second; members without anything in them are left out. */
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

/** So many SKUs are told of in one second. */
const skusMax = 20;

/** Everything that this process counts, as it stands; two of these make the facts of the time between them. */
export interface Counted {
  intake: number[];
  intakeInFlight: number;
  soldOut: number;
  steps: Record<string, number[]>;
  done: Record<string, number>;
  demand: Record<string, { taken: number; refused: number }>;
  takes: Record<string, Record<string, Takes>>;
}

/** Where every process begins. */
export const nothingCounted: Counted = {
  intake: [],
  intakeInFlight: 0,
  soldOut: 0,
  steps: {},
  done: {},
  demand: {},
  takes: {},
};

export async function countedNow(contention: Contention, demanded: Demand): Promise<Counted> {
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

/** A count that is smaller than before was begun anew. */
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

/** Member by member; only those of which there was more, and of many the largest. */
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

/** A histogram's own counts, not summed up from below as Prometheus has them; by the value of one label. */
async function bucketsOf(histogram: Histogram, label?: string): Promise<Map<string, number[]>> {
  const found = new Map<string, number[]>();
  for (const { metricName, labels, value } of (await histogram.get()).values) {
    if (!metricName?.endsWith('_bucket')) continue;
    const name = labelOf(labels, label);
    found.set(name, [...(found.get(name) ?? []), value]);
  }
  for (const [name, cumulative] of found)
    found.set(
      name,
      cumulative.map((count, bucket) => count - (cumulative[bucket - 1] ?? 0)),
    );
  return found;
}

async function valuesOf(counter: Counter, label?: string): Promise<Map<string, number>> {
  const { values } = await counter.get();
  return new Map(values.map(({ labels, value }) => [labelOf(labels, label), value]));
}

const labelOf = (labels: object, label: string | undefined): string =>
  label === undefined ? '' : String((labels as Record<string, unknown>)[label]);
