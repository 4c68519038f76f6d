import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createApi } from '../../src/api.module';
import { loadConfig } from '../../src/config/config';
import { clockOf } from '../../src/database/database';
import { NotOnSale } from '../../src/inventory/inventory.errors';
import { strategyNames } from '../../src/inventory/allocation/strategies/strategies';
import { refuseOffSale } from '../../src/inventory/reservations/sale-window';
import type { Product } from '../../src/inventory/products/products.repository';
import { Checkout } from '../support/checkouts';
import {
  createWorld,
  expectInvariants,
  outcomeOf,
  until,
  untilBlocked,
  type World,
} from '../support/fixtures';
import { countRows, line, rowsSince, wordsOf } from '../support/intakes';

let world: World;
beforeAll(async () => (world = await createWorld()));
afterEach(() => expectInvariants(world));
afterAll(() => world.close());

const off = 'not_on_sale';
const hourMs = 3_600_000;

/** An instant from now on, by the database's clock. */
const inMs = async (ms: number) => new Date((await clockOf(world.db)).getTime() + ms).toISOString();
const refusalOf = (work: Promise<unknown>) =>
  work.then(
    () => Promise.reject(new Error('it was not refused')),
    (error: NotOnSale) => error,
  );
/** As an operator's later edit, without the rest of the product. */
const openUntil = (sku: string, end: string) =>
  world.rows(
    `UPDATE products SET sales_start_at = NULL, sales_end_at = $2, version = version + 1 WHERE sku = $1`,
    [sku, end],
  );

/** This process's clock is wrong meanwhile. */
async function withClockOffBy<T>(ms: number, work: () => Promise<T>): Promise<T> {
  const Right = Date;
  class Wrong extends Right {
    constructor(...args: [] | [string | number | Date]) {
      super(...((args.length === 0 ? [Right.now() + ms] : args) as [number]));
    }
    static override now = () => Right.now() + ms;
  }
  globalThis.Date = Wrong as DateConstructor;
  try {
    return await work();
  } finally {
    globalThis.Date = Right;
  }
}

describe('the window of a sale', () => {
  const at = (ms: number) => new Date(1_800_000_000_000 + ms);
  const product = (sku: string, start: number | null, end: number | null) =>
    [
      sku,
      {
        sku,
        salesStartAt: start === null ? null : at(start),
        salesEndAt: end === null ? null : at(end),
      } as Product,
    ] as const;
  const products = new Map([
    product('always', null, null),
    product('second', 1_000, 2_000),
    product('later', 5_000, null),
    product('over', null, 0),
  ]);
  const startsIn = (skus: string[], ms: number) =>
    refuseOffSale(skus, products, at(ms))?.facts.startsInSeconds;

  it('includes its start and not its end, to the millisecond', () => {
    expect([999, 1_000, 1_999, 2_000].map((ms) => startsIn(['second'], ms))).toEqual([
      1,
      undefined,
      undefined,
      null,
    ]);
  });

  it('rounds the seconds to its start up', () => {
    expect([-1, 0, 1].map((ms) => startsIn(['second'], ms))).toEqual([2, 1, 1]);
  });

  it('of several products is that of the last to start, or of one that is over', () => {
    expect(startsIn(['always', 'second', 'later'], 0)).toBe(5);
    expect(startsIn(['later', 'second'], 1_500)).toBe(4);
    expect(startsIn(['later', 'over', 'second'], 0)).toBeNull();
    expect(startsIn(['second', 'later'], 3_000)).toBeNull();
    expect(startsIn(['always'], 0)).toBeUndefined();
  });
});

describe('a product before its sale', () => {
  it('is refused with the seconds to its start, and the same request sells it later', async () => {
    const sku = await world.product({ salesStartAt: await inMs(hourMs) });
    const before = await countRows(world);
    const checkout = world.checkout([line(sku)]);

    const refused = await refusalOf(world.intake.accept(checkout));

    expect(refused).toMatchObject({ code: off, status: 409, retryable: true, retryAfterSeconds: 3_600 });
    expect(refused.facts).toMatchObject({ sku, startsInSeconds: 3_600, salesEndAt: null });
    expect(await rowsSince(world, before)).toEqual({});
    await openUntil(sku, await inMs(hourMs));
    expect(await outcomeOf(world.intake.accept(checkout))).toBe('ok');
  });

  it('is refused without waiting for its stock row', async () => {
    const sku = await world.product({ salesStartAt: await inMs(hourMs) });
    const session = await world.session();
    await session.query('BEGIN');
    await session.query('SELECT FROM stock_levels WHERE sku = $1 FOR UPDATE', [sku]);
    expect(await outcomeOf(world.reserve([line(sku)]))).toBe(off);
    await session.query('COMMIT');
  });

  it('is refused beside others in one batch, which are sold', async () => {
    const [early, other] = [await world.product({ salesStartAt: await inMs(hourMs) }), await world.product()];
    const requests = [[line(other)], [line(other), line(early)], [line(early)], [line(other)]];
    const decisions = await world.db.transaction('command', (tx) =>
      world.stock.decide(
        tx,
        world.intake.kind,
        requests.map((lines) => world.checkout(lines)),
      ),
    );
    expect(wordsOf(decisions)).toEqual(['accepted', off, off, 'accepted']);
    expect([await world.level(early), await world.level(other)]).toMatchObject([
      { reserved: 0 },
      { reserved: 2 },
    ]);
  });

  it.each([-5 * 60_000, 5 * 60_000])(
    'is sold by no strategy before the opening second when the process’s clock is off by %i ms',
    async (offBy) => {
      const salesStartAt = await inMs(400);
      const skus = await Promise.all(
        strategyNames.map((strategy) => world.product({ onHand: 50, strategy, salesStartAt })),
      );
      let refusals = 0;
      const buyOne = async (sku: string) => {
        await until(async () => {
          const outcome = await outcomeOf(world.reserve([line(sku)]));
          if (outcome === off) refusals++;
          else expect(outcome).toBe('ok');
          return outcome === 'ok';
        });
      };

      await withClockOffBy(offBy, () => Promise.all([...skus, ...skus].map(buyOne)));

      expect(refusals).toBeGreaterThan(0);
      const { early, taken } = await world.row<{ early: number; taken: number }>(
        `SELECT count(*) FILTER (WHERE r.created_at < p.sales_start_at)::int AS early, count(*)::int AS taken
           FROM reservations r JOIN reservation_lines l ON l.reservation_id = r.id JOIN products p USING (sku)
          WHERE l.sku = ANY ($1)`,
        [skus],
      );
      expect([early, taken]).toEqual([0, 2 * skus.length]);
    },
  );
});

describe('a product after its sale', () => {
  it('is refused for good', async () => {
    const sku = await world.product({ salesEndAt: await inMs(-1_000) });
    const refused = await refusalOf(world.reserve([line(sku)]));
    expect(refused).toMatchObject({ code: off, retryable: false, retryAfterSeconds: undefined });
    expect(refused.facts).toMatchObject({ sku, startsInSeconds: null });
  });

  it.each(strategyNames)(
    'is not sold to buyers who wait for its stock past the end (%s)',
    async (strategy) => {
      const sku = await world.product({ strategy });
      const session = await world.session();
      await session.query('BEGIN');
      await session.query('SELECT FROM stock_levels WHERE sku = $1 FOR UPDATE', [sku]);
      await openUntil(sku, await inMs(250));
      const { end } = await world.row<{ end: Date }>(
        `SELECT sales_end_at AS "end" FROM products WHERE sku = $1`,
        [sku],
      );
      const buyers = [1, 2, 3].map((nth) =>
        outcomeOf(world.reserve([line(sku)], { customerId: `cus_${nth}` })),
      );
      await untilBlocked(world);
      await until(async () => (await clockOf(world.db)) > end);
      await session.query('COMMIT');

      expect(await Promise.all(buyers)).toEqual([off, off, off]);
      expect(await world.level(sku)).toEqual({ onHand: 10, reserved: 0 });
    },
  );

  it('is refused alone in a batch that waited past the end', async () => {
    const [over, other] = [await world.product(), await world.product()];
    const session = await world.session();
    await session.query('BEGIN');
    await session.query('SELECT FROM stock_levels WHERE sku = $1 FOR UPDATE', [other]);
    await openUntil(over, await inMs(250));
    const deciding = world.db.transaction('command', (tx) =>
      world.stock.decide(
        tx,
        world.intake.kind,
        [[line(other)], [line(other), line(over)], [line(over)]].map((lines) => world.checkout(lines)),
      ),
    );
    await untilBlocked(world);
    const end = await inMs(300);
    await until(async () => (await clockOf(world.db)) > new Date(end));
    await session.query('COMMIT');

    expect(wordsOf(await deciding)).toEqual(['accepted', off, off]);
    expect([await world.level(over), await world.level(other)]).toMatchObject([
      { reserved: 0 },
      { reserved: 1 },
    ]);
  });
});

describe('what was reserved during a sale', () => {
  it('is ordered, confirmed and lowered after its end, but not raised', async () => {
    const [sku, other] = [await world.product(), await world.product()];
    const [one, two] = [await world.reserve([line(sku, 2)]), await world.reserve([line(sku), line(other)])];
    await openUntil(sku, await inMs(-1));

    expect(await outcomeOf(world.change(one, [line(sku, 3)]))).toBe(off);
    expect(await outcomeOf(world.change(one, [line(sku, 1)]))).toBe('ok');
    expect(await outcomeOf(world.change(two, [line(sku), line(other, 3)]))).toBe('ok');
    const third = await world.reserve([line(other)]);
    expect(await outcomeOf(world.change(third, [line(other), line(sku)]))).toBe(off);
    expect(await outcomeOf(world.intake.accept(world.checkout([], { reservationId: one })))).toBe('ok');
    expect(await world.level(sku)).toMatchObject({ reserved: 2 });
  });

  it('is taken again for a late charge', async () => {
    const checkout = await Checkout.start(world, { onHand: 1 });
    await checkout.driveWhile({ capture: 'answer lost' });
    await checkout.act('resolve');
    await openUntil(checkout.sku, await inMs(-1));
    await checkout.driveToItsEnd();
    expect(await checkout.end()).toMatchObject({ order: 'placed' });
  });
});

describe('the API', () => {
  let api: NestFastifyApplication;
  beforeAll(async () => {
    api = await createApi(loadConfig({ DATABASE_URL: world.config.databaseUrl, QUEUES: 'off' }));
    await api.init();
    await api.getHttpAdapter().getInstance().ready();
  });
  afterAll(() => api.close());

  async function call(method: 'GET' | 'PUT' | 'POST', url: string, payload?: object, headers = {}) {
    const authorization = 'Bearer hf_dev_admin';
    const answer = await api.inject({ method, url, headers: { authorization, ...headers }, payload });
    return { status: answer.statusCode, headers: answer.headers, body: answer.json<Record<string, any>>() };
  }

  const url = '/v1/admin/products/LAMP';
  const product = { name: 'Lamp', unitPrice: { amount: 500, currency: 'EUR' } };
  const lines = [{ sku: 'LAMP', quantity: 1 }];
  const order = { customerId: 'c', paymentMethod: 'pm_card_visa', lines };

  it('keeps both instants, and answers Retry-After only before the start', async () => {
    const soon = { salesStartAt: '2098-11-20T10:00:00.000Z', salesEndAt: '2098-11-20T12:00:00.000Z' };
    const made = await call('PUT', url, { ...product, ...soon, onHand: 5 });
    expect(made.body).toMatchObject(soon);
    const early = await call('POST', '/v1/orders', order, { 'idempotency-key': 'a' });
    expect(early).toMatchObject({ status: 409, body: { code: off, sku: 'LAMP', ...soon, retryable: true } });
    expect(early.headers['retry-after']).toBe(String(early.body.startsInSeconds));

    const past = { salesStartAt: '2020-11-20T11:00:00+01:00', salesEndAt: '2020-11-20T12:00:00Z' };
    const changed = await call('PUT', url, { ...product, ...past }, { 'if-match': made.headers.etag });
    expect(changed.body).toMatchObject({ salesStartAt: '2020-11-20T10:00:00.000Z' });
    const late = await call(
      'POST',
      '/v1/reservations',
      { customerId: 'c', lines },
      { 'idempotency-key': 'a' },
    );
    expect(late).toMatchObject({ status: 409, body: { code: off, startsInSeconds: null, retryable: false } });
    expect(late.headers).not.toHaveProperty('retry-after');

    const open = await call('PUT', url, product, { 'if-match': changed.headers.etag });
    expect(open.body).toMatchObject({ salesStartAt: null, salesEndAt: null });
    expect((await call('POST', '/v1/orders', order, { 'idempotency-key': 'a' })).status).toBe(202);
  });

  it.each([
    [
      'an end before its start',
      { salesStartAt: '2026-11-20T10:00:00Z', salesEndAt: '2026-11-20T09:00:00Z' },
      '/salesEndAt',
    ],
    [
      'an end at its start',
      { salesStartAt: '2026-11-20T10:00:00Z', salesEndAt: '2026-11-20T11:00:00+01:00' },
      '/salesEndAt',
    ],
    ['a day', { salesStartAt: '2026-11-20' }, '/salesStartAt'],
    ['a time without a zone', { salesEndAt: '2026-11-20T10:00:00' }, '/salesEndAt'],
    ['30 February', { salesEndAt: '2026-02-30T10:00:00Z' }, '/salesEndAt'],
    ['a number', { salesStartAt: 1_800_000_000 }, '/salesStartAt'],
    ['null', { salesStartAt: null }, '/salesStartAt'],
  ])('refuses %s', async (_what, wrong, pointer) => {
    const { status, body } = await call('PUT', '/v1/admin/products/WRONG', { ...product, ...wrong });
    expect([status, body.errors?.map((error: { pointer: string }) => error.pointer)]).toEqual([
      422,
      [pointer],
    ]);
  });
});
