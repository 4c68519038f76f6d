import { Injectable } from '@nestjs/common';
import { Database, clockOf } from '../../database/database';
import { type Takes, lockWaitBounds } from '../../inventory/allocation/contention';
import { skuPattern } from '../../inventory/inventory.dto';
import { productNotFound } from '../../inventory/inventory.errors';
import { type ContentionMode, ContentionModes } from '../../inventory/allocation/contention-modes';
import { ActivityLog, addedUp, keptSeconds, quantileOf } from './activity-log';
import type { ActivityFacts } from './activity';
import { OncePerSecond } from '../overview/once';
import type { ContentionHistoryResponse } from '../overview/overview.responses';
import { productStocks } from '../overview/current-state';

const sliceSeconds = 2.5;
const slicesMax = keptSeconds / sliceSeconds;

/** The contention on one SKU during the last ten minutes, over all processes. */
@Injectable()
export class ContentionHistory {
  /** Several SKUs may be requested in the same second; the log is read once for them. */
  private readonly refreshed = new OncePerSecond(async () => {
    const now = await clockOf(this.db);
    await this.log.refresh(now);
    return now;
  });

  constructor(
    private readonly db: Database,
    private readonly log: ActivityLog,
    private readonly modes: ContentionModes,
  ) {}

  async of(sku: string): Promise<ContentionHistoryResponse> {
    // What cannot be a SKU is not looked for: PostgreSQL takes no NUL.
    const [product] = skuPattern.test(sku) ? await productStocks(this.db, [sku]) : [];
    if (!product) throw productNotFound(`There is no product with the SKU ${sku.slice(0, 64)}.`);
    const now = await this.refreshed.get();
    const from = Math.floor(now.getTime() / 1_000) - keptSeconds;
    return {
      object: 'contention_history',
      sku,
      strategy: product.strategy,
      adaptive: product.strategy === 'adaptive' ? adaptiveView(this.modes.modeOf(sku)) : null,
      from: new Date(from * 1_000).toISOString(),
      sliceSeconds,
      slices: Array.from({ length: slicesMax }, (_, nth) =>
        sliceOf(
          sku,
          this.log,
          from + Math.floor(nth * sliceSeconds),
          from + Math.floor((nth + 1) * sliceSeconds),
        ),
      ),
      switches: await this.switchesOf(sku, from),
      strategies: await this.measurementsOf(sku),
    };
  }

  private async switchesOf(sku: string, from: number) {
    const rows = await this.db.rows<{
      at: Date;
      from: string;
      to: string;
      by: string;
      reason: string | null;
    }>(
      `
      SELECT at, before ->> 'strategy' AS "from", after ->> 'strategy' AS "to", actor AS "by", reason
        FROM admin_actions
       WHERE object_type = 'product' AND object_id = $1::text AND at >= $2::timestamptz
         AND before ->> 'strategy' <> after ->> 'strategy'
       ORDER BY id
      `,
      [sku, new Date(from * 1_000)],
    );
    return rows.map((row) => ({ ...row, at: row.at.toISOString() }));
  }

  private async measurementsOf(sku: string) {
    const rows = await this.db.rows<Measurement>(
      `
      SELECT strategy, measured_at AS "measuredAt", p50_ms AS p50, p99_ms AS p99, conflict_rate AS "conflictRate",
             batch_size AS "batchSize", peak_per_second AS "peakPerSecond"
        FROM strategy_measurements
       WHERE sku = $1::text
       ORDER BY peak_per_second DESC, strategy
      `,
      [sku],
    );
    return rows.map(({ p50, p99, measuredAt, ...row }) => ({
      ...row,
      measuredAt: measuredAt.toISOString(),
      lockWaitMs: { p50, p99 },
    }));
  }
}

interface Measurement {
  strategy: string;
  measuredAt: Date;
  p50: number;
  p99: number;
  conflictRate: number;
  batchSize: number;
  peakPerSecond: number;
}

/** The API calls a grouped SKU hot. */
export const adaptiveView = ({ grouped, since, reason }: ContentionMode) => ({
  hot: grouped,
  since: since.toISOString(),
  reason,
});

/** Seconds `from` to `to`; a slice of 2.5 s is made from two or three whole ones. */
function sliceOf(sku: string, log: ActivityLog, from: number, to: number) {
  const facts = log.between(from, to);
  const takes = facts.flatMap((one): [string, Takes][] => Object.entries(one.takes?.[sku] ?? {}));
  const waits = addedUp(takes.map(([, { waits: own }]) => own));
  const sum = (of: 'taken' | 'conflicts') => takes.reduce((all, [, one]) => all + one[of], 0);
  const tried = sum('taken');
  const demand = (of: 'taken' | 'refused') =>
    facts.reduce((all: number, one: ActivityFacts) => all + (one.demand?.[sku]?.[of] ?? 0), 0) / (to - from);
  return {
    strategy: takes.sort(([, one], [, other]) => other.taken - one.taken)[0]?.[0] ?? null,
    takenPerSecond: demand('taken'),
    refusedPerSecond: demand('refused'),
    p50Ms: quantileOf(waits, lockWaitBounds, 0.5),
    p99Ms: quantileOf(waits, lockWaitBounds, 0.99),
    conflictRate: tried + sum('conflicts') === 0 ? null : sum('conflicts') / Math.max(1, tried),
  };
}
