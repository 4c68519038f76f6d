import { troublesNow } from '../../src/reporting/overview/troubles';
import { Checkout } from '../support/checkouts';
import { CountedReads } from '../support/counted-reads';
import { createWorld, type World } from '../support/fixtures';

let world: World;
beforeEach(async () => {
  world = await createWorld({}, CountedReads);
  await worker('here');
});
afterEach(() => world.close());

const worker = (id: string, { silentFor = 0, stopping = false, failing = [] as object[] } = {}) =>
  world.rows(
    `INSERT INTO workers (id, started_at, beat_at, stopping, facts, failing_tasks)
     VALUES ($1, clock_timestamp(), clock_timestamp() - $2::int * interval '1 second', $3, '{"queues":[]}', $4)
         ON CONFLICT (id) DO UPDATE SET beat_at = excluded.beat_at, stopping = excluded.stopping`,
    [id, silentFor, stopping, JSON.stringify(failing)],
  );
const codes = async () => (await troublesNow(world.db, null)).map(({ code }) => code);
const lost = { authorize: 'question lost' } as const;

/** This many orders that wait for a result, each with this many attempts. */
async function unanswered(orders: number, times = 1): Promise<Checkout[]> {
  const found = await Promise.all(Array.from({ length: orders }, () => Checkout.start(world)));
  for (let nth = 0; nth < times; nth++) for (const one of found) await one.driveWhile(lost);
  return found;
}

/** Moves everything back by this many minutes. */
async function age(minutes: number): Promise<void> {
  const by = `- ${minutes} * interval '1 minute'`;
  await world.rows(`UPDATE saga_transitions SET at = at ${by}`);
  await world.rows(
    `UPDATE payment_operations SET created_at = created_at ${by}, sent_at = sent_at ${by}, settled_at = settled_at ${by}`,
  );
}

/** Operations of other orders, whose ids sort before or after all real ones. */
const others = (count: number, status: 'created' | 'unknown', first: '0' | 'f') =>
  world.rows(
    `INSERT INTO payment_operations (id, order_id, kind, status, amount, currency, created_at, sent_at)
     SELECT id, id, 'authorize', $2::text, 1, 'EUR', clock_timestamp() - interval '2 days', clock_timestamp() - interval '2 days'
       FROM (SELECT ($3::text || lpad(to_hex(nth), 31, '0'))::uuid AS id FROM generate_series(1, $1::int) AS nth) n`,
    [count, status, first],
  );

describe('the troubles of the service', () => {
  it('are empty while a worker is alive and nothing fails', async () => {
    expect(await troublesNow(world.db, null)).toEqual([]);
  });

  it('name the time since when no worker sends heartbeats; a stopping one does not count', async () => {
    await worker('here', { silentFor: 31 });
    const [trouble] = await troublesNow(world.db, null);
    expect(trouble).toMatchObject({ code: 'no_worker', since: expect.stringMatching(/Z$/) });
    const { seconds } = await world.row<{ seconds: number }>(
      `SELECT extract(epoch FROM clock_timestamp() - $1::timestamptz)::float8 AS seconds`,
      [trouble!.since],
    );
    expect(Math.round(seconds)).toBeGreaterThanOrEqual(31);
    await worker('going', { stopping: true });
    expect(await codes()).toEqual(['no_worker']);
    await world.rows('DELETE FROM workers');
    expect(await troublesNow(world.db, null)).toMatchObject([{ code: 'no_worker', since: null }]);
    await worker('new');
    expect(await codes()).toEqual([]);
  });

  it('name each failing task of the living workers once, with the oldest failure and its error', async () => {
    const task = (name: string, failingSince: string) => ({
      name,
      failures: 3,
      failingSince,
      error: 'no right',
    });
    await worker('a', { failing: [task('sweep', '2026-11-20T10:05:00.000Z')] });
    await worker('b', {
      failing: [task('sweep', '2026-11-20T10:00:00.000Z'), task('audit', '2026-11-20T11:00:00.000Z')],
    });
    await worker('dead', { silentFor: 60, failing: [task('relay', '2026-11-20T10:00:00.000Z')] });
    expect(await troublesNow(world.db, null)).toEqual([
      {
        code: 'task_failing',
        since: '2026-11-20T11:00:00.000Z',
        detail: 'audit: no right. Read the worker’s log.',
      },
      {
        code: 'task_failing',
        since: '2026-11-20T10:00:00.000Z',
        detail: 'sweep: no right. Read the worker’s log.',
      },
    ]);
  });

  it('name a silent provider from the third request in a row without a response until one gets a response', async () => {
    const heard = await Checkout.start(world);
    await heard.driveToItsEnd();
    const first = await (await Checkout.start(world)).driveWhile(lost);
    await (await Checkout.start(world)).driveWhile(lost);
    expect(await codes()).toEqual([]);
    await first.driveWhile(lost);
    const [trouble] = await troublesNow(world.db, null);
    expect(trouble).toMatchObject({ code: 'provider_silent', since: expect.stringMatching(/Z$/) });

    const other = await Checkout.start(world);
    await other.driveToItsEnd();
    expect(await codes()).toEqual([]);
    // The two others, retried after that response, count as one request each.
    await first.driveWhile(lost);
    expect(await codes()).toEqual([]);
  });

  it('name no silent provider for old requests or for responses with another amount', async () => {
    for (let times = 0; times < 3; times++) await (await Checkout.start(world)).driveWhile(lost);
    expect(await codes()).toEqual(['provider_silent']);
    await world.rows(`UPDATE payment_operations SET sent_at = sent_at - interval '11 minutes'`);
    expect(await codes()).toEqual([]);
    for (let times = 0; times < 3; times++) {
      const found = await Checkout.start(world);
      found.gateway.overcharge = 1;
      await found.driveWhile({});
    }
    expect(await codes()).toEqual([]);
  });

  it('name no silent provider for error responses', async () => {
    const some = await Promise.all([1, 2, 3].map(() => Checkout.start(world)));
    for (const one of [...some, ...some]) await one.driveWhile({ authorize: 'error' });
    expect(await codes()).toEqual([]);
    // Nor for missing responses before an error, because it responds again.
    const other = await Promise.all([1, 2, 3].map(() => Checkout.start(world)));
    for (const one of other) await one.driveWhile(lost);
    expect(await codes()).toEqual(['provider_silent']);
    await some[0]!.driveWhile({ authorize: 'error' });
    expect(await codes()).toEqual([]);
  });

  it('name no silent provider while a single order gets no response', async () => {
    const one = await Checkout.start(world);
    for (let times = 0; times < 4; times++) await one.driveWhile(lost);
    expect(await codes()).toEqual([]);
    await (await Checkout.start(world)).driveWhile(lost);
    expect(await codes()).toEqual(['provider_silent']);
  });

  it('name the beginning of a long silence', async () => {
    await (await Checkout.start(world)).driveToItsEnd();
    const some = await unanswered(2, 2);
    const { at } = await world.row<{ at: Date }>(
      `SELECT min(created_at) - interval '2 hours' AS at FROM payment_operations WHERE status = 'unknown'`,
    );
    await age(120);
    for (const one of [...some, ...some]) await one.driveWhile(lost);
    expect(await troublesNow(world.db, null)).toMatchObject([
      { code: 'provider_silent', since: at.toISOString() },
    ]);
    // A hanging order that waited while another got a response did not begin the silence.
    const heard = await Checkout.start(world);
    await heard.driveToItsEnd();
    for (const one of [...some, ...some]) await one.driveWhile(lost);
    const [trouble] = await troublesNow(world.db, null);
    const { settledAt } = await world.row<{ settledAt: Date }>(
      `SELECT max(settled_at) AS "settledAt" FROM payment_operations WHERE order_id = $1`,
      [heard.orderId],
    );
    expect(Date.parse(trouble!.since!)).toBeGreaterThanOrEqual(settledAt.getTime());
  });

  it('name no silent provider while older orders get responses and the newest are held back', async () => {
    await unanswered(3);
    expect(await codes()).toEqual(['provider_silent']);
    await (await Checkout.start(world)).driveToItsEnd();
    await others(300, 'created', 'f');
    expect(await codes()).toEqual([]);
  });

  it('name a silent provider despite many payments that were given up long ago', async () => {
    await others(1_000, 'unknown', '0');
    await unanswered(3);
    expect(await codes()).toEqual(['provider_silent']);
  });

  it('cost the same after a day of silence as after ten minutes', async () => {
    const counted = world.db as CountedReads;
    await unanswered(3);
    const before = await counted.by(codes);
    await world.rows(
      `INSERT INTO saga_transitions (order_id, version, to_status, step, attempt, cause, fencing_token, worker, at)
       SELECT order_id, 100 + nth, 'stuck', step, 10, cause, fencing_token, worker, at
         FROM saga_transitions CROSS JOIN generate_series(1, 500) AS nth WHERE version = 2`,
    );
    await world.rows(`UPDATE sagas SET version = 600`);
    expect(await counted.by(codes)).toBeLessThan(before + 100);
  });

  it('name a queue that cannot be reached, with the reason', async () => {
    expect(await troublesNow(world.db, 'connect ECONNREFUSED 127.0.0.1:6379.')).toEqual([
      {
        code: 'queue_unreachable',
        since: null,
        detail: 'connect ECONNREFUSED 127.0.0.1:6379. Orders go on; jobs wait until the sweeper finds them.',
      },
    ]);
  });
});
