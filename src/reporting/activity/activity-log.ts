import { Injectable } from '@nestjs/common';
import { Database } from '../../database/database';
import type { ActivityFacts } from './activity';

/** The span of the longest chart. */
export const keptSeconds = 600;
/** Rows may be written this much later than their second. */
const lateSecondsMax = 5;

interface Row {
  second: number;
  process: string;
  facts: ActivityFacts;
}

/** The last ten minutes of all processes, read incrementally. Seconds of the Unix epoch, by the database's clock. */
@Injectable()
export class ActivityLog {
  private readonly bySecond = new Map<number, Map<string, ActivityFacts>>();
  private readUntil = 0;

  constructor(private readonly db: Database) {}

  async refresh(now: Date): Promise<void> {
    const second = Math.floor(now.getTime() / 1_000);
    const from = Math.max(second - keptSeconds, this.readUntil - lateSecondsMax);
    const rows = await this.db.rows<Row>(
      `
      SELECT extract(epoch FROM second)::bigint AS second, process::text AS process, facts
        FROM activity
       WHERE second >= $1::timestamptz
       ORDER BY second
      `,
      [new Date(from * 1_000)],
    );
    for (const row of rows) {
      const processes = this.bySecond.get(row.second) ?? new Map<string, ActivityFacts>();
      this.bySecond.set(row.second, processes.set(row.process, row.facts));
    }
    for (const known of this.bySecond.keys()) if (known < second - keptSeconds) this.bySecond.delete(known);
    this.readUntil = second;
  }

  /** What all processes reported for these seconds, `from` included and `to` not. */
  between(from: number, to: number): ActivityFacts[] {
    const found: ActivityFacts[] = [];
    for (let second = from; second < to; second++) found.push(...(this.bySecond.get(second)?.values() ?? []));
    return found;
  }
}

/** Bucket by bucket. */
export function addedUp(counts: readonly (readonly number[] | undefined)[]): number[] {
  const sum: number[] = [];
  for (const one of counts) one?.forEach((count, bucket) => (sum[bucket] = (sum[bucket] ?? 0) + count));
  return sum;
}

/**
 * The value below which that share lies, in the unit of the bounds; null when there is nothing. Those of one bucket are
 * taken to be spread evenly over it, and those beyond the last bound to be at it.
 */
export function quantileOf(
  counts: readonly number[],
  bounds: readonly number[],
  share: number,
): number | null {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  const wanted = total * share;
  let below = 0;
  for (const [bucket, count] of counts.entries()) {
    const bound = bounds[bucket];
    if (bound === undefined) break;
    if (count > 0 && below + count >= wanted) {
      const from = bounds[bucket - 1] ?? 0;
      return from + ((wanted - below) / count) * (bound - from);
    }
    below += count;
  }
  return bounds[bounds.length - 1]!;
}
