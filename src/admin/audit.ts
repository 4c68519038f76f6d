import { Injectable } from '@nestjs/common';
import { Gauge } from 'prom-client';
import { Database } from '../database/database';
import { invariants } from './invariants';

export interface AuditReport {
  ok: boolean;
  checkedAt: string;
  invariants: { id: string; promise: string; violations: Record<string, unknown>[] }[];
}

/** Rows shown per broken promise: enough to start looking. */
const violationsMax = 50;

const broken = new Gauge({
  name: 'holdfast_invariant_violations',
  help: 'Rows that break an invariant at its last audit (at most 50 are counted).',
  labelNames: ['invariant'],
});

/** Checks every promise against the database as it is now. */
@Injectable()
export class Audit {
  constructor(private readonly db: Database) {}

  async run(): Promise<AuditReport> {
    const [{ now } = { now: new Date() }] = await this.db.rows<{ now: Date }>('SELECT clock_timestamp() AS now');
    const results: AuditReport['invariants'] = [];
    for (const { id, promise, sql } of invariants) {
      const violations = await this.db.rows<Record<string, unknown>>(`SELECT * FROM (${sql}) v LIMIT ${violationsMax}`);
      broken.set({ invariant: id }, violations.length);
      results.push({ id, promise, violations });
    }
    return { ok: results.every(({ violations }) => violations.length === 0), checkedAt: now.toISOString(), invariants: results };
  }
}
