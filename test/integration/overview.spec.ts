import { randomUUID } from 'node:crypto';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Activity } from '../../src/reporting/activity/activity';
import { PlacedSinceMidnight } from '../../src/reporting/overview/order-rates';
import { Database } from '../../src/database/database';
import { newId } from '../../src/ids';
import { openApis } from '../support/api';
import { until } from '../support/until';

const admin = { authorization: 'Bearer hf_dev_admin' };
const day = 86_400;

let one: NestFastifyApplication;
let other: NestFastifyApplication;
let db: Database;
let close: () => Promise<void>;
beforeAll(async () => {
  const opened = await openApis(2);
  [one, other] = opened.apis as [NestFastifyApplication, NestFastifyApplication];
  db = one.get(Database);
  close = () => opened.close();
});
afterAll(() => close());

async function call(method: 'GET' | 'PUT' | 'POST', url: string, payload?: object, at = one) {
  const headers = { ...admin, 'idempotency-key': randomUUID() };
  const answer = await at.inject({
    method,
    url,
    headers: payload ? { ...headers, 'content-type': 'application/json' } : headers,
    payload,
  });
  return { status: answer.statusCode, body: answer.json() };
}

async function product(onHand: number, strategy?: string): Promise<string> {
  const sku = `SKU-${randomUUID().slice(0, 8)}`;
  const body = { name: sku, unitPrice: { amount: 1999, currency: 'EUR' }, onHand, strategy };
  expect((await call('PUT', `/v1/admin/products/${sku}`, body)).status).toBe(201);
  return sku;
}

const order = (sku: string, quantity: number) =>
  call('POST', '/v1/orders', {
    customerId: 'c',
    paymentMethod: 'pm_card_visa',
    lines: [{ sku, quantity }],
  });
const reserve = (sku: string, quantity: number, ttlSeconds = 600) =>
  call('POST', '/v1/reservations', { customerId: 'c', ttlSeconds, lines: [{ sku, quantity }] });

const overview = async (at = one) => (await call('GET', '/v1/admin/overview', undefined, at)).body;
const sum = (values: number[]) => values.reduce((all, value) => all + value, 0);

describe('the overview', () => {
  it('counts orders, reservations and units by their rows, and refusals by the processes’ reports', async () => {
    const sku = await product(20);
    expect((await order(sku, 3)).status).toBe(202);
    expect((await reserve(sku, 4)).status).toBe(201);
    expect((await reserve(sku, 5, 30)).status).toBe(201);
    expect((await reserve(sku, 9)).status).toBe(409);
    await one.get(Activity).report();

    const seen = await until('the second of the last order is over', async () => {
      const now = await overview();
      return sum(now.rates.series.reservationsTaken) === 3 && sum(now.rates.series.soldOut) === 1 && now;
    });

    expect(sum(seen.rates.series.ordersAccepted)).toBe(1);
    expect(seen.rates.series.ordersAccepted).toHaveLength(300);
    expect(seen.units).toMatchObject({
      skus: 1,
      onHand: 20,
      confirmed: 0,
      pinned: 0,
      active: 12,
      available: 8,
      returningSoon: 5,
    });
    expect(seen.rates.soldOut).toMatchObject({ sku, goneAt: expect.any(String) });
    expect(seen.rates.intake.p99Ms).toBeGreaterThan(0);
    expect(seen.steps).toMatchObject({ inFlight: 1, stuck: 0, unknown: 0, compensating: 0, capped: false });
    expect(
      seen.steps.straight.map((step: { step: string; count: number }) => [step.step, step.count]),
    ).toEqual([
      ['reserve-stock', 0],
      ['authorize-payment', 1],
      ['capture-payment', 0],
      ['charge-payment', 0],
      ['place-order', 0],
    ]);
    expect(seen.products).toEqual([
      expect.objectContaining({
        sku,
        strategy: 'adaptive',
        takenPerSecond: 3 / 60,
        refusedPerSecond: 1 / 60,
        lockWaitP99Ms: expect.any(Number),
        stock: { onHand: 20, confirmed: 0, pinned: 0, active: 12, available: 8 },
      }),
    ]);
  });

  it('is the same at an idle process', async () => {
    const [here, there] = [await overview(one), await overview(other)];

    expect(there.units).toEqual(here.units);
    expect(sum(there.rates.series.soldOut)).toBe(1);
    expect(there.products.map(({ sku }: { sku: string }) => sku)).toEqual(
      here.products.map(({ sku }: { sku: string }) => sku),
    );
  });

  it('is computed once for all requests in the same second', async () => {
    const all = await Promise.all(Array.from({ length: 20 }, () => overview()));

    expect(new Set(all.map(({ at }) => at)).size).toBe(1);
  });

  it('shows the last audit, from any process', async () => {
    await db.rows(`DELETE FROM last_audit`);
    await until('no audit is known', async () => (await overview()).promises === null);
    const { body: audit } = await call('GET', '/v1/admin/invariants', undefined, other);

    const { promises } = await until('it is known', async () => {
      const now = await overview();
      return now.promises && now;
    });

    expect(promises).toMatchObject({ ok: true, checkedAt: audit.checkedAt, held: audit.invariants.length });
    expect(promises.total).toBe(audit.invariants.length);
  });

  it('shows the longest delay of each kind', async () => {
    const sku = await product(1);
    const { body } = await reserve(sku, 1);
    await db.rows(
      `UPDATE reservations SET expires_at = created_at - interval '7 seconds' WHERE id = (
      SELECT reservation_id FROM reservation_lines WHERE sku = $1)`,
      [sku],
    );

    const { delays } = await until('it is late', async () => {
      const now = await overview();
      return now.delays.expiry.seconds >= 7 && now;
    });

    expect(body.status).toBe('active');
    expect(delays.expiry.limitSeconds).toBe(5);
    expect(delays.webhook.seconds).toBe(0);
    expect(delays.outbox.seconds).toBeGreaterThan(0);
  });
});

describe('the orders placed today', () => {
  /** A placed order with the columns that are counted, at that second of the epoch. */
  async function placed(second: number, amount: number, currency: string): Promise<void> {
    const [id, at] = [newId(second * 1_000), new Date(second * 1_000)];
    await db.rows(
      `INSERT INTO orders (id, principal, customer_id, reservation_id, payment_method, status, total_amount, currency, metadata,
                           created_at, placed_at, ended_at)
       VALUES ($1, 'shop', 'c', $2, 'pm', 'placed', $3, $4, '{}', $5, $5, $5)`,
      [id, newId(), amount, currency, at],
    );
    await db.rows(
      `INSERT INTO outbox (id, aggregate_type, aggregate_id, sequence, type, payload, created_at)
       VALUES ($1, 'order', $2, 2, 'order.placed', '{}', $3)`,
      [newId(second * 1_000 + 1), id, at],
    );
  }

  it('are those since midnight in each currency, read in any steps, repeatedly too', async () => {
    const midnight = 20_000 * day;
    const reader = new PlacedSinceMidnight(db);
    const at = (second: number) => reader.refresh(new Date((midnight + second) * 1_000));
    await placed(midnight - 1, 1, 'EUR');
    await placed(midnight, 10, 'EUR');
    await placed(midnight + 1, 100, 'JPY');

    expect(await at(2)).toEqual({
      since: new Date(midnight * 1_000),
      orders: 2,
      money: [
        { amount: 10, currency: 'EUR' },
        { amount: 100, currency: 'JPY' },
      ],
    });
    await placed(midnight + 5, 1_000, 'EUR');
    expect(await at(6)).toMatchObject({ orders: 3 });
    expect(await at(300)).toMatchObject({ orders: 3 });
    await placed(midnight + 301, 10_000, 'EUR');
    // A whole day later, which is read step by step without waiting.
    expect(await at(day - 10)).toBeNull();
    const caughtUp = await until('the day has been read', () => at(day - 10));
    expect(caughtUp).toMatchObject({ orders: 4, money: [{ amount: 11_010, currency: 'EUR' }, {}] });
    expect(await at(day + 3)).toMatchObject({ since: new Date((midnight + day) * 1_000), orders: 0 });
  });
});

describe('the other reports of the overview', () => {
  it('show that queues are off, and the workers', async () => {
    await db.rows(
      `INSERT INTO workers (id, started_at, beat_at, facts) VALUES
         ('here', clock_timestamp(), clock_timestamp(), $1), ('silent', clock_timestamp(), clock_timestamp() - interval '31 s', $1),
         ('long gone', clock_timestamp(), clock_timestamp() - interval '601 s', $1)`,
      [JSON.stringify({ queues: [{ name: 'events', concurrency: 10, active: 2 }], version: '1' })],
    );

    const { body } = await call('GET', '/v1/admin/queues');

    expect(body).toMatchObject({ trouble: expect.stringContaining('switched off'), board: null });
    const events = body.queues.find(({ name }: { name: string }) => name === 'events');
    expect(events).toMatchObject({ waiting: null, workersAlive: 1 });
    expect(body.workers.map(({ id, alive }: { id: string; alive: boolean }) => [id, alive]).sort()).toEqual([
      ['here', true],
      ['silent', false],
    ]);
  });

  it('count the waiting messages of the outbox', async () => {
    const [{ waiting } = { waiting: 0 }] = await db.rows<{ waiting: number }>(
      `SELECT count(*)::int AS waiting FROM outbox WHERE applied_at IS NULL`,
    );
    const { body } = await call('GET', '/v1/admin/outbox');

    expect(body).toMatchObject({ waiting, due: waiting, relayed: 0, deadLetters: 0, capped: false });
    expect(body.oldestSeconds).toBeGreaterThan(0);
  });

  it('show ten minutes of one SKU, by strategy', async () => {
    // A fixed strategy: an adaptive product might have two modes in the same second.
    const sku = await product(1_000, 'row-lock');
    await Promise.all(Array.from({ length: 60 }, () => reserve(sku, 1)));
    await one.get(Activity).report();
    await one.get(Activity).measure();

    const { body } = await until('the second is over', async () => {
      const answer = await call('GET', `/v1/admin/contention/${sku}`);
      return (
        sum(answer.body.slices.map(({ takenPerSecond }: { takenPerSecond: number }) => takenPerSecond)) > 0 &&
        answer
      );
    });

    const busy = body.slices.filter(({ strategy }: { strategy: string | null }) => strategy !== null);
    expect(body.slices).toHaveLength(240);
    expect(busy.length).toBeGreaterThan(0);
    expect(busy[0]).toMatchObject({ p50Ms: expect.any(Number), p99Ms: expect.any(Number) });
    expect(body.strategies[0]).toMatchObject({ peakPerSecond: expect.any(Number) });
    expect((await call('GET', '/v1/admin/contention/NO-SUCH')).body).toMatchObject({
      code: 'product_not_found',
    });
  });
});
