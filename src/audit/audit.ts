import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { Gauge } from 'prom-client';
import { Database, clockOf } from '../database/database';
import type { PeriodicTask, PeriodicTasks } from '../periodic/periodic-tasks';
import { Coalesced } from '../coalesced';
import { invariants } from './invariants';
import { type AuditReport, keepAudit, lastAudit } from './last-audit';

/** Rows shown per broken promise: enough to start looking. */
const violationsMax = 50;

const auditEveryMs = 60_000;
/** Soon enough for the dashboard of a service that was just started, and not in the way of its start. */
const firstAuditAfterMs = 10_000;
/** However large the tables grow, auditing takes at most this share of the time. */
const auditShareMax = 0.05;

/** How long after an audit that took so long the next one is due. */
export const pauseAfter = (tookMs: number) => Math.max(auditEveryMs, tookMs / auditShareMax);

const broken = new Gauge({
  name: 'holdfast_invariant_violations',
  help: 'Rows that break an invariant at its last audit (at most 50 are counted).',
  labelNames: ['invariant'],
});

/** Checks every promise against the database as it is now. */
@Injectable()
export class Audit implements OnModuleDestroy {
  private readonly logger = new Logger('audit');
  private repeating: PeriodicTask | undefined;
  private readonly audit = new Coalesced(() => this.runOnce());

  constructor(private readonly db: Database) {}

  /** Reads every row there is, so however many ask at once, one audit runs at a time. */
  run(): Promise<AuditReport> {
    return this.audit.run();
  }

  private async runOnce(): Promise<AuditReport> {
    const startedAt = performance.now();
    const now = await clockOf(this.db);
    const results: AuditReport['invariants'] = [];
    for (const { id, promise, sql } of invariants) {
      const violations = await this.db.rows<Record<string, unknown>>(
        `SELECT * FROM (${sql}) v LIMIT ${violationsMax}`,
      );
      broken.set({ invariant: id }, violations.length);
      results.push({ id, promise, violations });
    }
    const report = {
      ok: results.every(({ violations }) => violations.length === 0),
      checkedAt: now.toISOString(),
      tookMs: Math.round(performance.now() - startedAt),
      invariants: results,
    };
    // Told to whoever asked, even where it cannot be kept for the others.
    await keepAudit(this.db, report).catch((error: Error) =>
      this.logger.warn(`the audit could not be kept: ${error.message}`),
    );
    return report;
  }

  /**
   * Audits soon and then every minute, into the metric and, when something is broken, into the log. What another process
   * has found within that time is told and not sought again, so that many workers cost the database what one does.
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
      return leftMs;
    }
    const report = await this.run();
    this.tell(report);
    return pauseAfter(report.tookMs);
  }

  onModuleDestroy(): void {
    // Not waited for: an audit only reads, and may take long.
    void this.repeating?.stop();
  }

  private tell(report: AuditReport): void {
    for (const { id, promise, violations } of report.invariants) {
      if (violations.length > 0)
        this.logger.error(`${id} is broken (${promise}): ${JSON.stringify(violations.slice(0, 3))}`);
    }
  }
}
