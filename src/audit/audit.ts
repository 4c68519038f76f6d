import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { Gauge } from 'prom-client';
import { Database, type Tx, clockOf } from '../database/database';
import type { PeriodicTask, PeriodicTasks } from '../periodic/periodic-tasks';
import { Coalesced } from '../coalesced';
import { invariants } from './invariants';
import { type AuditReport, keepAudit, lastAudit } from './last-audit';

/** Rows shown per broken promise: enough to start the search. */
const violationsMax = 50;

const auditEveryMs = 60_000;
/** Soon after the start for the dashboard, and late enough not to slow the start down. */
const firstAuditAfterMs = 10_000;
/** Auditing takes at most this share of the time, however large the tables are. */
const auditShareMax = 0.05;

/** The worker that audited does so again, and the others come later, so that they find it done. */
const othersAfterMs = 10_000;

/** How long after an audit the next one is due. */
export const pauseAfter = (tookMs: number) => Math.max(auditEveryMs, tookMs / auditShareMax);

const broken = new Gauge({
  name: 'holdfast_invariant_violations',
  help: 'Rows that break an invariant at its last audit (at most 50 are counted).',
  labelNames: ['invariant'],
});

/**
 * For statements about every row. Our sessions avoid reading whole tables; and in the first minutes of a sale PostgreSQL believes
 * that the tables are nearly empty, and would go through one of them again for each row of another.
 */
export async function planForAllRows(tx: Tx): Promise<void> {
  await tx.rows('SET LOCAL enable_seqscan = on');
  await tx.rows('SET LOCAL enable_nestloop = off');
}

async function check(tx: Tx): Promise<AuditReport['invariants']> {
  await planForAllRows(tx);
  const results: AuditReport['invariants'] = [];
  for (const { id, promise, sql } of invariants) {
    const violations = await tx.rows<Record<string, unknown>>(
      `SELECT * FROM (${sql}) v LIMIT ${violationsMax}`,
    );
    results.push({ id, promise, violations });
  }
  return results;
}

/** Checks every promise against the current database. */
@Injectable()
export class Audit implements OnModuleDestroy {
  private readonly logger = new Logger('audit');
  private repeating: PeriodicTask | undefined;
  private readonly audit = new Coalesced(() => this.runOnce());

  constructor(private readonly db: Database) {}

  /** An audit reads every row, so concurrent callers share one. */
  run(): Promise<AuditReport> {
    return this.audit.run();
  }

  private async runOnce(): Promise<AuditReport> {
    const startedAt = performance.now();
    const now = await clockOf(this.db);
    const results = await this.db.transaction('audit', check);
    for (const { id, violations } of results) broken.set({ invariant: id }, violations.length);
    const report = {
      ok: results.every(({ violations }) => violations.length === 0),
      checkedAt: now.toISOString(),
      tookMs: Math.round(performance.now() - startedAt),
      invariants: results,
    };
    // The caller gets the report even if it cannot be saved for the others.
    await keepAudit(this.db, report).catch((error: Error) =>
      this.logger.warn(`the audit could not be saved: ${error.message}`),
    );
    return report;
  }

  /**
   * Audits soon and then every minute; sets the metric and logs what is broken. A recent audit of another process is
   * reported instead of repeated, so that many workers cost the database no more than one.
   */
  repeat(tasks: PeriodicTasks): void {
    this.repeating = tasks.start({
      name: 'audit',
      everyMs: auditEveryMs,
      firstAfterMs: firstAuditAfterMs,
      run: () => this.auditWhenDue(),
    });
  }

  /** Resolves with how many milliseconds it is until the next is due. */
  async auditWhenDue(): Promise<number> {
    const last = await lastAudit(this.db);
    const leftMs = last ? pauseAfter(last.tookMs) - 1_000 * last.ageSeconds : 0;
    if (last && leftMs > 0) {
      for (const { id, violations } of last.invariants) broken.set({ invariant: id }, violations);
      return leftMs + last.tookMs + othersAfterMs * (0.5 + Math.random());
    }
    const report = await this.run();
    this.log(report);
    return pauseAfter(report.tookMs);
  }

  onModuleDestroy(): void {
    // Not awaited: an audit only reads, and may take long.
    void this.repeating?.stop();
  }

  private log(report: AuditReport): void {
    for (const { id, promise, violations } of report.invariants) {
      if (violations.length > 0)
        this.logger.error(`${id} is broken (${promise}): ${JSON.stringify(violations.slice(0, 3))}`);
    }
  }
}
