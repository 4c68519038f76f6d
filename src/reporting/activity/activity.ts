import { randomUUID } from 'node:crypto';
import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { clockMs } from '../../clock';
import { Database, clockOf } from '../../database/database';
import { Contention } from '../../inventory/allocation/contention';
import { Demand } from '../../inventory/allocation/demand';
import type { PeriodicTask, PeriodicTasks } from '../../periodic/periodic-tasks';
import { type Counted, countedNow, factsBetween, nothingCounted } from './activity-facts';

/** Longer than any chart looks back. */
const keptSeconds = 900;
const pruneEverySeconds = 60;
const measureEverySeconds = 10;
/** Fewer buyers in a minute say nothing about a strategy. */
const measuredBuyersMin = 50;

/**
 * Tells the other processes what this one did, a row for each second in which it did something, so that whichever API
 * process is asked knows of all. Nothing depends on these rows but the dashboard: one that cannot be written is dropped.
 */
@Injectable()
export class Activity implements OnModuleDestroy {
  private readonly process = randomUUID();
  private before: Counted = nothingCounted;
  private telling: PeriodicTask | undefined;
  private ticks = 0;

  constructor(
    private readonly db: Database,
    private readonly contention: Contention,
    private readonly demand: Demand,
  ) {}

  start(tasks: PeriodicTasks): void {
    const everyMs = () => this.untilNextSecondMs();
    this.telling = tasks.start({
      name: 'activity',
      everyMs,
      firstAfterMs: everyMs(),
      run: () => this.tick(),
    });
  }

  async onModuleDestroy(): Promise<void> {
    await this.telling?.stop();
  }

  /** All that was counted since the last call, as the second that has just ended. */
  async tell(): Promise<void> {
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

  /** What each strategy came to on each SKU when it was last under load. */
  async measure(): Promise<void> {
    const measured = this.contention
      .figures()
      .filter(({ reservationsPerSecond }) => reservationsPerSecond * 60 >= measuredBuyersMin);
    if (measured.length === 0) return;
    await this.db.rows(measureSql, [
      measured.map(({ sku }) => sku),
      measured.map(({ strategy }) => strategy),
      measured.map(({ lockWait }) => lockWait.p50),
      measured.map(({ lockWait }) => lockWait.p99),
      measured.map(({ conflictRate }) => conflictRate),
      measured.map(({ batchSize }) => batchSize),
      measured.map(({ peakPerSecond }) => peakPerSecond),
      new Date(clockMs()),
    ]);
  }

  private async tick(): Promise<void> {
    if (this.ticks % pruneEverySeconds === 0) await this.tidy();
    this.ticks += 1;
    await this.tell();
    if (this.ticks % measureEverySeconds === 0) await this.measure();
  }

  private async tidy(): Promise<void> {
    const now = await clockOf(this.db);
    const before = new Date(now.getTime() - keptSeconds * 1_000);
    await this.db.rows(`DELETE FROM activity WHERE second < $1::timestamptz`, [before]);
  }

  /** A little after it, so that a timer that is early does not tell of the second before. */
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
