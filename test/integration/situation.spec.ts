import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Database } from '../../src/database/database';
import { newId } from '../../src/ids';
import { Situation } from '../../src/reporting/overview/situation';
import { openApis } from '../support/api';

let api: NestFastifyApplication;
let db: Database;
let close: () => Promise<void>;

beforeAll(async () => {
  const apis = await openApis(1);
  [api] = apis.apis as [NestFastifyApplication];
  db = api.get(Database);
  close = () => apis.close();
});
afterAll(() => close());

/** The samples of these metrics, as Prometheus gets them. */
async function samples(name: string): Promise<Record<string, number>> {
  const { body } = await api.inject({ url: '/metrics' });
  const lines = [...body.matchAll(new RegExp(`^(${name}(?:\\{.*\\})?) (\\S+)$`, 'gm'))];
  return Object.fromEntries(lines.map(([, sample, value]) => [sample!, Number(value)]));
}

const seen = async (name: string) => {
  await api.get(Situation).read();
  return samples(name);
};

const beat = (ago: string) =>
  db.rows(
    `INSERT INTO workers (id, started_at, beat_at, facts) VALUES ('w', now(), now() - $1::interval, '{}')
         ON CONFLICT (id) DO UPDATE SET beat_at = excluded.beat_at`,
    [ago],
  );

describe('the situation in GET /metrics', () => {
  it('has the troubles of the overview, each 0 or 1', async () => {
    await beat('1 minute');
    expect(await seen('holdfast_trouble')).toEqual({
      'holdfast_trouble{code="no_worker"}': 1,
      'holdfast_trouble{code="provider_silent"}': 0,
      'holdfast_trouble{code="task_failing"}': 0,
      'holdfast_trouble{code="queue_unreachable"}': 0,
    });

    await beat('1 second');
    expect((await seen('holdfast_trouble'))['holdfast_trouble{code="no_worker"}']).toBe(0);
  });

  it('has how long due work waits, and 0 where none is due', async () => {
    await db.rows(
      `INSERT INTO payment_checks (order_id, due_at) VALUES ($1::uuid, now() - interval '5 minutes')`,
      [newId()],
    );
    await db.rows(
      `INSERT INTO payment_checks (order_id, due_at, lease_expires_at)
       VALUES ($1::uuid, now() - interval '1 hour', now() + interval '1 hour')`,
      [newId()],
    );
    const waits = await seen('holdfast_overdue_seconds');
    const { 'holdfast_overdue_seconds{work="payment checks"}': checks, ...others } = waits;

    expect(Math.floor(checks! / 60)).toBe(5);
    expect(Object.values(others)).toEqual([0, 0, 0, 0, 0]);
  });

  it('has the review list with its money, and the last audit', async () => {
    expect(await seen('holdfast_review_amount')).toEqual({});
    expect(await seen('holdfast_audit_age_seconds')).toEqual({});
    await db.rows(
      `INSERT INTO payment_facts (id, type, reference, amount, currency, at, amount_at_risk, is_case)
       VALUES ($1::uuid, 'disputed', 'dp_1', 1999, 'EUR', now(), 1999, true)`,
      [newId()],
    );
    await db.rows(
      `INSERT INTO last_audit (checked_at, took_ms, report)
       VALUES (now() - interval '10 minutes', 5, '{"ok":false,"tookMs":5,"checkedAt":"","invariants":[]}')`,
    );

    expect(await seen('holdfast_review_amount')).toEqual({ 'holdfast_review_amount{currency="EUR"}': 1999 });
    expect((await samples('holdfast_review_cases'))['holdfast_review_cases{kind="payment"}']).toBe(1);
    const [[label, age] = ['', 0]] = Object.entries(await samples('holdfast_audit_age_seconds'));
    expect([label, Math.floor(age / 60)]).toEqual(['holdfast_audit_age_seconds{ok="false"}', 10]);
  });

  it('has the standbys, and whether a commit waits for one', async () => {
    expect(await seen('holdfast_database_standbys')).toEqual({
      'holdfast_database_standbys{awaited="false"}': 0,
    });
  });

  it('is gone when it cannot be read, instead of staying as it was', async () => {
    expect(Object.keys(await seen('holdfast_trouble'))).toHaveLength(4);

    await db.rows(`ALTER TABLE last_audit RENAME TO audit_before`);
    await expect(api.get(Situation).read()).rejects.toThrow('last_audit');
    expect(await samples('holdfast_trouble')).toEqual({});

    await db.rows(`ALTER TABLE audit_before RENAME TO last_audit`);
    expect(Object.keys(await seen('holdfast_trouble'))).toHaveLength(4);
  });

  it('counts responses by the class of their status', async () => {
    const before =
      (await samples('holdfast_http_responses_total'))['holdfast_http_responses_total{status="4xx"}'] ?? 0;
    await api.inject({ url: '/v1/nothing' });
    expect(await samples('holdfast_http_responses_total')).toMatchObject({
      'holdfast_http_responses_total{status="4xx"}': before + 1,
    });
  });
});
