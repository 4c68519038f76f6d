import { samplesAt } from '../drills/kit/metrics';

type Samples = Awaited<ReturnType<typeof samplesAt>>;

/** The metrics of all processes at one moment. */
export async function metricsOf(urls: string[]): Promise<Samples> {
  return (await Promise.all(urls.map((url) => samplesAt(url)))).flat();
}

/** Contention between two moments; undefined where the service does not report it. */
export interface Measured {
  /** Tries to take stock that failed because of a concurrent one. */
  conflicts: number;
  lockWaitP99Ms: number | undefined;
  /** The average number of orders in a grouped transaction. */
  batchSize: number | undefined;
}

export function between(before: Samples, after: Samples): Measured {
  const grown = (name: string) => difference(before, after, name);
  const waits = grown('holdfast_lock_wait_seconds_bucket');
  const batches = total(grown('holdfast_batch_size_count').filter(ofOrders));
  return {
    conflicts: total(grown('holdfast_stock_conflicts_total')),
    lockWaitP99Ms: waits.length > 0 ? quantile(waits, 0.99) * 1_000 : undefined,
    batchSize: batches > 0 ? total(grown('holdfast_batch_size_sum').filter(ofOrders)) / batches : undefined,
  };
}

const ofOrders = ({ labels }: Samples[number]) => labels.batcher === 'orders';

function difference(before: Samples, after: Samples, name: string): Samples {
  const nameOf = (sample: Samples[number]) => JSON.stringify(sample.labels);
  const earlier = new Map<string, number>();
  for (const sample of before.filter((one) => one.name === name))
    earlier.set(nameOf(sample), (earlier.get(nameOf(sample)) ?? 0) + sample.value);
  const later = new Map<string, Samples[number]>();
  for (const sample of after.filter((one) => one.name === name)) {
    const value = (later.get(nameOf(sample))?.value ?? 0) + sample.value;
    later.set(nameOf(sample), { ...sample, value });
  }
  return [...later].map(([labels, sample]) => ({
    ...sample,
    value: sample.value - (earlier.get(labels) ?? 0),
  }));
}

const total = (samples: Samples): number => samples.reduce((sum, { value }) => sum + value, 0);

/** A quantile of a Prometheus histogram, summed over its other labels: the upper bound of the bucket. */
export function quantile(buckets: Samples, share: number): number {
  const upTo = new Map<number, number>();
  for (const { labels, value } of buckets) {
    const bound = labels.le === '+Inf' ? Infinity : Number(labels.le);
    upTo.set(bound, (upTo.get(bound) ?? 0) + value);
  }
  const bounds = [...upTo].sort(([one], [other]) => one - other);
  const rank = (bounds.at(-1)?.[1] ?? 0) * share;
  const [bound = 0] = bounds.find(([, count]) => count >= rank && count > 0) ?? [];
  // Values above the last bound have no better estimate.
  return bound === Infinity ? (bounds.at(-2)?.[0] ?? 0) : bound;
}
