import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { Gauge } from 'prom-client';
import { lastAudit } from '../../audit/last-audit';
import { CONFIG, type Config } from '../../config/config';
import { Database } from '../../database/database';
import type { PeriodicTask, PeriodicTasks } from '../../periodic/periodic-tasks';
import { Queues } from '../../queue/queues';
import { reviewCounts } from '../review/review';
import { latenessNow } from './current-state';
import { troubleCodes } from './overview.responses';
import { troublesNow } from './troubles';

/** As often as Prometheus usually asks. Each read is a few index lookups. */
const everyMs = 15_000;

const troubles = new Gauge({
  name: 'holdfast_trouble',
  help: 'Whether (1) something keeps the whole service from working, by its code in GET /v1/admin/overview.',
  labelNames: ['code'],
});
const overdue = new Gauge({
  name: 'holdfast_overdue_seconds',
  help: 'How long the oldest due work of a kind has been waiting.',
  labelNames: ['work'],
});
const reviewCases = new Gauge({
  name: 'holdfast_review_cases',
  help: 'Cases in the review list, by kind.',
  labelNames: ['kind'],
});
const reviewAmount = new Gauge({
  name: 'holdfast_review_amount',
  help: 'Money at risk in the review list, in minor units.',
  labelNames: ['currency'],
});
const auditAge = new Gauge({
  name: 'holdfast_audit_age_seconds',
  help: 'Time since the last audit of any process.',
  labelNames: ['ok'],
});
const standbys = new Gauge({
  name: 'holdfast_database_standbys',
  help: 'Servers that receive the database’s log at this moment.',
  labelNames: ['awaited'],
});

const gauges = [troubles, overdue, reviewCases, reviewAmount, auditAge, standbys];

/**
 * The state of the whole service as metrics, the same at every API. Alert rules are in deploy/prometheus. A read that fails
 * removes them all: an old value would say that all is well.
 */
@Injectable()
export class Situation implements OnModuleDestroy {
  private reading: PeriodicTask | undefined;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly db: Database,
    private readonly queues: Queues,
  ) {}

  start(tasks: PeriodicTasks): void {
    this.reading = tasks.start({ name: 'situation', everyMs, run: () => this.read() });
  }

  async read(): Promise<void> {
    try {
      const found = await this.find();
      for (const gauge of gauges) gauge.reset();
      this.show(found);
    } catch (error) {
      for (const gauge of gauges) gauge.reset();
      throw error;
    }
  }

  /** One after the other: it takes one connection. */
  private async find() {
    const { db, queues, config } = this;
    const queueTrouble = config.queuesEnabled ? ((await queues.trouble()) ?? null) : null;
    return {
      codes: new Set((await troublesNow(db, queueTrouble)).map(({ code }) => code)),
      late: { ...(await latenessNow(db)), ...(await paymentsLate(db)) },
      review: await reviewCounts(db),
      audit: await lastAudit(db),
      replication: await replication(db),
    };
  }

  private show({ codes, late, review, audit, replication }: Awaited<ReturnType<Situation['find']>>): void {
    for (const code of troubleCodes) troubles.set({ code }, codes.has(code) ? 1 : 0);
    overdue.set({ work: 'expiry' }, late.expiry);
    overdue.set({ work: 'messages' }, late.outbox);
    overdue.set({ work: 'sagas' }, late.sagaPastDue);
    overdue.set({ work: 'webhooks' }, late.webhook);
    overdue.set({ work: 'payment tasks' }, late.tasks);
    overdue.set({ work: 'payment checks' }, late.checks);
    reviewCases.set({ kind: 'stuck' }, review.stuckSagas);
    reviewCases.set({ kind: 'unknown' }, review.unknownPayments);
    reviewCases.set({ kind: 'dead_letter' }, review.deadLetters);
    reviewCases.set({ kind: 'payment' }, review.paymentCases);
    reviewCases.set({ kind: 'webhook_endpoint' }, review.failingEndpoints);
    for (const { currency, amount } of review.moneyAtRisk) reviewAmount.set({ currency }, amount);
    if (audit) auditAge.set({ ok: String(audit.ok) }, audit.ageSeconds);
    standbys.set({ awaited: String(replication.awaited) }, replication.standbys);
  }

  onModuleDestroy(): void {
    void this.reading?.stop();
  }
}

/** A task's next run is after its lease; a check's lease is beside its time. */
async function paymentsLate(db: Database): Promise<{ tasks: number; checks: number }> {
  const [row] = await db.rows<{ tasks: number; checks: number }>(`
    WITH oldest AS MATERIALIZED (
      SELECT (SELECT min(next_run_at) FROM payment_tasks WHERE next_run_at IS NOT NULL) AS task,
             (SELECT due_at FROM payment_checks
               WHERE due_at <= statement_timestamp()
                 AND (lease_expires_at IS NULL OR lease_expires_at <= statement_timestamp())
               ORDER BY due_at
               LIMIT 1) AS checked)
    SELECT greatest(0, coalesce(extract(epoch FROM statement_timestamp() - task), 0))::float8 AS tasks,
           greatest(0, coalesce(extract(epoch FROM statement_timestamp() - checked), 0))::float8 AS checks
      FROM oldest`);
  return row!;
}

/** `awaited`: a commit waits for one. Every role may count them, though not read their state. */
async function replication(db: Database): Promise<{ standbys: number; awaited: boolean }> {
  const [row] = await db.rows<{ standbys: number; awaited: boolean }>(`
    SELECT (SELECT count(*)::int FROM pg_stat_replication) AS standbys,
           current_setting('synchronous_standby_names') <> '' AS awaited`);
  return row!;
}
