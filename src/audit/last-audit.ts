import type { Queryable } from '../database/database';

export interface AuditReport {
  ok: boolean;
  checkedAt: string;
  tookMs: number;
  invariants: { id: string; promise: string; violations: Record<string, unknown>[] }[];
}

/** The newest audit of any process, so that all can report it without making one. */
export async function keepAudit(db: Queryable, report: AuditReport): Promise<void> {
  await db.rows(
    `
    INSERT INTO last_audit (checked_at, took_ms, report) VALUES ($1::timestamptz, $2::int, $3::jsonb)
        ON CONFLICT (newest) DO UPDATE
       SET checked_at = excluded.checked_at, took_ms = excluded.took_ms, report = excluded.report
     WHERE last_audit.checked_at < excluded.checked_at
    `,
    [report.checkedAt, report.tookMs, JSON.stringify(report)],
  );
}

/** A summary; null before the first audit. */
export async function lastAudit(db: Queryable) {
  const [row] = await db.rows<{ report: AuditReport; ageSeconds: number }>(
    `
    SELECT report, greatest(0, extract(epoch FROM clock_timestamp() - checked_at))::float8 AS "ageSeconds"
      FROM last_audit
    `,
  );
  if (!row) return null;
  const { ok, checkedAt, tookMs } = row.report;
  const invariants = row.report.invariants.map(({ id, promise, violations }) => ({
    id,
    promise,
    violations: violations.length,
  }));
  return {
    ok,
    checkedAt,
    ageSeconds: row.ageSeconds,
    tookMs,
    held: invariants.filter(({ violations }) => violations === 0).length,
    total: invariants.length,
    invariants,
  };
}
