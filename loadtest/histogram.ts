/** Each power of two is divided into 32 buckets, so a percentile is at most 3 % too high and never too low. */
const partsLog2 = 5;
const parts = 1 << partsLog2;

/** The largest value, half an hour; longer times count as this. */
const microsecondsMax = 2 ** 31 - 1;

/** The used buckets and their counts, for messages and files. */
export type Counts = [bucket: number, count: number][];

/** Times in buckets that are narrow for short times and wide for long ones. */
export class Histogram {
  private readonly buckets = new Map<number, number>();
  private total = 0;

  static of(counts: Counts): Histogram {
    const histogram = new Histogram();
    histogram.add(counts);
    return histogram;
  }

  record(ms: number): void {
    const microseconds = Math.min(Math.max(0, Math.round(ms * 1_000)), microsecondsMax);
    this.add([[bucketOf(microseconds), 1]]);
  }

  add(counts: Counts): void {
    for (const [bucket, count] of counts) {
      this.buckets.set(bucket, (this.buckets.get(bucket) ?? 0) + count);
      this.total += count;
    }
  }

  get count(): number {
    return this.total;
  }

  get counts(): Counts {
    return [...this.buckets].sort(([one], [other]) => one - other);
  }

  /** The time in ms that this share of the values does not exceed; undefined when there are none. */
  percentile(share: number): number | undefined {
    let seen = 0;
    for (const [bucket, count] of this.counts) {
      seen += count;
      if (seen >= this.total * share) return upperBoundOf(bucket) / 1_000;
    }
    return undefined;
  }
}

function bucketOf(microseconds: number): number {
  if (microseconds < parts) return microseconds;
  const shift = 31 - Math.clz32(microseconds) - partsLog2;
  return (shift << partsLog2) + (microseconds >>> shift);
}

function upperBoundOf(bucket: number): number {
  if (bucket < 2 * parts) return bucket;
  const shift = (bucket >> partsLog2) - 1;
  return ((bucket & (parts - 1)) + parts + 1) * 2 ** shift - 1;
}
