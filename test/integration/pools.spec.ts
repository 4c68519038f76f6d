import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { HoldfastError } from '../../src/errors';
import { createApi } from '../../src/api.module';
import { loadConfig } from '../../src/config/config';
import { InsufficientStock, belowReserved } from '../../src/inventory/inventory.errors';
import { homeward, poolsOf, wayThroughPools } from '../../src/inventory/products/pools';
import {
  outcomeOf,
  codesOf,
  createWorld,
  expectInvariants,
  inParallel,
  shop,
  untilBlocked,
  type World,
} from '../support/fixtures';
import { pin, undoReservation } from '../support/order-reservation';
import { hesitating } from '../support/rivals';
import { seeded } from '../support/seeded';
import { adjust, onSale, stockIn, sumOf, switchTo } from '../support/stock-changes';

let world: World;
beforeAll(async () => (world = await createWorld()));
afterEach(() => expectInvariants(world));
afterAll(() => world.close());

const shards = poolsOf('pools');

describe('a product whose stock is split', () => {
  it('sells all of its 100 units to 400 buyers and leaves none in its eight pools', async () => {
    const sku = await world.product({ onHand: 100, strategy: 'pools' });
    expect(Object.keys(await onSale(world, sku))).toEqual(shards);

    const buyers = Array.from(
      { length: 400 },
      (_, nth) => () => world.reserve([{ sku, quantity: 1 }], { customerId: `cus_${nth}` }),
    );
    const codes = codesOf(await inParallel(24, buyers));

    expect(codes.filter((code) => code === 'ok')).toHaveLength(100);
    expect(codes.filter((code) => code === 'insufficient_stock')).toHaveLength(300);
    expect(await onSale(world, sku)).toEqual({});
  });

  it(
    'refuses no buyer while its pools together have enough',
    seeded(async (random) => {
      const sku = await world.product({ onHand: 60, strategy: 'pools' });
      const quantities = Array.from({ length: 60 }, () => random.integer(1, 9));

      const outcomes = await inParallel(
        12,
        quantities.map(
          (quantity) => () =>
            world.reserve([{ sku, quantity }], { customerId: `cus_${random.integer(1, 99)}` }),
        ),
      );

      const left = sumOf(Object.values(await onSale(world, sku)));
      outcomes.forEach((outcome, nth) => {
        if (outcome.status === 'fulfilled') return;
        expect(outcome.reason).toBeInstanceOf(InsufficientStock);
        expect((outcome.reason as InsufficientStock).shortfalls[0]!.available).toBeLessThan(quantities[nth]!);
        expect(left).toBeLessThan(quantities[nth]!);
      });
    }),
  );

  it('sells from the requested pool first, then from the next ones', async () => {
    const sku = await stockIn(world, { asia: 2, eu: 1, us: 2 });
    const poolOfNext = async (pool: string) => {
      const { lines } = await world.reservation(await world.reserve([{ sku, quantity: 1 }], { pool }));
      return lines[0]!.parts.map((part) => part.pool);
    };

    expect(await poolOfNext('eu')).toEqual(['eu']);
    expect(await poolOfNext('eu')).toEqual(['us']);
    expect(await poolOfNext('nowhere-to-be-found')).toHaveLength(1);
    expect(sumOf(Object.values(await onSale(world, sku)))).toBe(2);
  });

  it('assigns a pool to each customer, evenly spread', () => {
    const ownPools = Array.from(
      { length: 800 },
      (_, nth) => wayThroughPools({ pools: shards, isLimited: false }, { customerId: `cus_${nth}` }).pool,
    );
    for (const pool of shards) expect(ownPools.filter((own) => own === pool).length).toBeGreaterThan(50);
    expect(wayThroughPools({ pools: shards, isLimited: false }, { customerId: 'cus_7' }).others).toHaveLength(
      7,
    );
  });

  it('splits a line over pools instead of refusing it, and shows it as one', async () => {
    const sku = await stockIn(world, { a: 3, b: 3, c: 3 });
    const id = await world.reserve([{ sku, quantity: 8 }], { pool: 'b' });

    const [line, ...others] = (await world.reservation(id)).lines;
    expect(others).toEqual([]);
    expect(line).toMatchObject({ sku, quantity: 8, unitAmount: 1_000, units: null });
    expect(line!.parts.map(({ pool, quantity }) => [pool, quantity])).toEqual([
      ['a', 2],
      ['b', 3],
      ['c', 3],
    ]);
    expect(line!.fencingToken).toBe(Math.max(...line!.parts.map(({ fencingToken }) => fencingToken)));
    expect(await onSale(world, sku)).toEqual({ a: 1 });

    await world.reservations.release(id, shop);
    expect(await onSale(world, sku)).toEqual({ a: 3, b: 3, c: 3 });
  });

  it('has one line in a split order, and gets all parts back', async () => {
    const sku = await stockIn(world, { a: 2, b: 2 });
    const orderId = await world.order([{ sku, quantity: 4 }]);
    const order = await world.orders.get(orderId, shop);
    expect(order.lines).toMatchObject([{ sku, quantity: 4, unitAmount: 1_000 }]);
    expect(order.totalAmount).toBe(4_000);

    await world.db.transaction('command', (tx) => pin(tx, order.reservationId, orderId));
    await world.db.transaction('command', (tx) => undoReservation(tx, order.reservationId, orderId, 'over'));
    expect(await onSale(world, sku)).toEqual({ a: 2, b: 2 });
    await world.rows(
      `UPDATE sagas SET next_run_at = clock_timestamp() + interval '1 hour' WHERE order_id = $1`,
      [orderId],
    );
  });

  it('enforces the limit per customer over all pools', async () => {
    const sku = await stockIn(world, { a: 9, b: 9, c: 1 }, { reservationsPerCustomerMax: 2 });
    const greedy = Array.from(
      { length: 12 },
      (_, nth) => () =>
        world.reserve([{ sku, quantity: 1 + (nth % 4) }], { customerId: 'greedy', pool: 'abc'[nth % 3] }),
    );

    const codes = codesOf(await inParallel(12, greedy));

    expect(codes.filter((code) => code === 'ok')).toHaveLength(2);
    expect(codes.filter((code) => code === 'reservation_limit_reached')).toHaveLength(10);
  });

  // A row that an UPDATE waited for stays locked even if it then does not match. Without a savepoint these two would
  // deadlock when they go on to read all pools.
  it('releases the lock of an empty pool before it tries the others', async () => {
    const sku = await stockIn(world, { a: 2, b: 2 });
    const before = await world.deadlocks();
    const rivals = await Promise.all(['a', 'b'].map((pool) => hesitating(world, { sku, quantity: 1 }, pool)));
    const buyers = ['a', 'b'].map((pool) => outcomeOf(world.reserve([{ sku, quantity: 2 }], { pool })));
    await untilBlocked(world, 2);
    await Promise.all(rivals.map((decide) => decide('buys')));

    expect((await Promise.all(buyers)).sort()).toEqual(['insufficient_stock', 'ok']);
    expect(await onSale(world, sku)).toEqual({});
    expect((await world.deadlocks()) - before).toBe(0);
  });

  it('counts a buyer who lost a race at a pool as a conflict', async () => {
    const sku = await stockIn(world, { a: 1, b: 1 });
    const rival = await hesitating(world, { sku, quantity: 1 }, 'a');
    const buyer = world.reserve([{ sku, quantity: 1 }], { pool: 'a' });
    await untilBlocked(world);
    await rival('buys');

    const { lines } = await world.reservation(await buyer);
    expect(lines[0]!.parts).toMatchObject([{ pool: 'b', quantity: 1 }]);
    expect(world.contention.figures(sku)).toMatchObject([{ strategy: 'pools', conflictRate: 0.5 }]);
  });
});

describe('a delivery or write-off', () => {
  it('is spread evenly over the pools', async () => {
    const sku = await world.product({ onHand: 0, strategy: 'pools', pools: ['a', 'b', 'c'] });
    await adjust(world, sku, 8);
    expect(await onSale(world, sku)).toEqual({ a: 3, b: 3, c: 2 });
  });

  it('is taken from any pool with stock, first from those that are not the product’s', async () => {
    const sku = await world.product({ onHand: 4 });
    const held = await world.reserve([{ sku, quantity: 2 }]);
    await switchTo(world, sku, 'pools', ['a', 'b']);
    await world.reservations.release(held, shop);
    expect(await onSale(world, sku)).toEqual({ a: 1, b: 1, main: 2 });

    await adjust(world, sku, -3);
    expect(await onSale(world, sku)).toEqual({ b: 1 });
    expect(await world.level(sku)).toEqual({ onHand: 1, reserved: 0 });
  });

  it('is refused with the available quantity when all pools together have too few', async () => {
    const sku = await stockIn(world, { a: 3, b: 3 });
    await world.reserve([{ sku, quantity: 4 }]);

    const refused = await adjust(world, sku, -3).catch((error: unknown) => error);

    expect(refused).toMatchObject({ code: belowReserved.type.code });
    expect((refused as HoldfastError).facts).toEqual({ onHand: 6, reserved: 4, available: 2 });
    await adjust(world, sku, -2);
    expect(await onSale(world, sku)).toEqual({});
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

  async function call(method: 'GET' | 'POST' | 'PUT', url: string, payload?: object, key?: string) {
    const headers = { authorization: 'Bearer hf_dev_admin', ...(key ? { 'idempotency-key': key } : {}) };
    const answer = await api.inject({ method, url, headers, payload });
    return { status: answer.statusCode, headers: answer.headers, body: answer.json<Record<string, any>>() };
  }

  const product = { name: 'Lamp', unitPrice: { amount: 500, currency: 'EUR' }, strategy: 'pools' };
  const pool = (name: string, onHand: number, reserved = 0) => ({
    pool: name,
    onHand,
    reserved,
    available: onHand - reserved,
  });

  it('shows a product with its pools, moves stock between them, and sells from the requested one', async () => {
    const url = '/v1/admin/products/LAMP';
    const made = await call('PUT', url, { ...product, pools: ['eu', 'us'], onHand: 6 });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({
      pools: ['eu', 'us'],
      stock: { onHand: 6, reserved: 0, available: 6, byPool: [pool('eu', 3), pool('us', 3)] },
    });

    const move = { from: 'eu', to: 'us', quantity: 2, reason: 'wanted there' };
    const moved = await call('POST', `${url}/transfers`, move, 'key');
    expect(moved.status).toBe(200);
    expect(moved.body).toMatchObject({ stock: { byPool: [pool('eu', 1), pool('us', 5)] } });
    expect(moved.headers).not.toHaveProperty('idempotent-replayed');
    const again = await call('POST', `${url}/transfers`, move, 'key');
    expect(again).toMatchObject({
      status: 200,
      body: moved.body,
      headers: { 'idempotent-replayed': 'true' },
    });

    const lines = [{ sku: 'LAMP', quantity: 2 }];
    const sold = await call('POST', '/v1/reservations', { customerId: 'c', lines, pool: 'us' }, 'one');
    expect(sold.status).toBe(201);
    expect(sold.body.lines).toEqual([
      {
        ...{ ...lines[0], unitPrice: product.unitPrice, fencingToken: expect.any(Number) },
        ...{ shipped: 0, givenBack: 0, returned: 0 },
      },
    ]);
    const order = { customerId: 'c', paymentMethod: 'pm_card_visa', lines, pool: 'us' };
    expect(await call('POST', '/v1/orders', order, 'two')).toMatchObject({ status: 202 });
    const { headers, body } = await call('GET', url);
    expect(body.stock).toMatchObject({
      ...{ onHand: 6, reserved: 4, available: 2 },
      byPool: [pool('eu', 1), pool('us', 5, 4)],
    });
    expect(headers.etag).not.toBe(moved.headers.etag);
  });

  it('shows unit numbers if the units have them', async () => {
    await call('PUT', '/v1/admin/products/SEAT', { ...product, strategy: 'unit-tokens', onHand: 5 });
    const lines = [{ sku: 'SEAT', quantity: 2 }];
    const { body } = await call('POST', '/v1/reservations', { customerId: 'c', lines }, 'seats');
    expect(body.lines[0]).toMatchObject({ ...lines[0], units: [1, 2] });
  });

  it.each([
    ['one pool', { pools: ['eu'] }, '/pools'],
    ['a pool twice', { pools: ['eu', 'eu'] }, '/pools'],
    ['too many pools', { pools: Array.from({ length: 17 }, (_, nth) => `p${nth}`) }, '/pools'],
    ['the pool of numbered units', { pools: ['eu', 'units'] }, '/pools'],
    ['a pool with invalid characters', { pools: ['eu', 'Ü'] }, '/pools'],
    ['pools that are not a list', { pools: 'eu' }, '/pools'],
    ['pools for another strategy', { pools: ['eu', 'us'], strategy: 'grouped' }, '/pools'],
  ])('refuses %s', async (_what, wrong, pointer) => {
    const { status, body } = await call('PUT', '/v1/admin/products/WRONG', { ...product, ...wrong });
    expect(status).toBe(422);
    expect(body.errors).toMatchObject([{ pointer }]);
    expect((await call('GET', '/v1/admin/products/WRONG')).status).toBe(404);
  });

  it.each([
    ['nowhere', { from: undefined }, '/from'],
    ['nothing', { quantity: 0 }, '/quantity'],
    ['half a unit', { quantity: 0.5 }, '/quantity'],
    ['without a reason', { reason: ' ' }, '/reason'],
  ])('refuses to move %s', async (_what, wrong, pointer) => {
    const sku = await stockIn(world, { a: 2, b: 2 });
    const move = { from: 'a', to: 'b', quantity: 1, reason: 'for the test', ...wrong };
    const { status, body } = await call('POST', `/v1/admin/products/${sku}/transfers`, move);
    expect(status).toBe(422);
    expect(body.errors[0]).toMatchObject({ pointer });
    expect(await onSale(world, sku)).toEqual({ a: 2, b: 2 });
  });
});

describe('moving stock back to its pools', () => {
  it(
    'moves at most what is available, keeps the sum, and evens out the shares',
    seeded(async (random) => {
      for (let round = 0; round < 500; round++) {
        const pools = shards.slice(0, random.integer(1, 8));
        const names = [...new Set([...pools, ...random.shuffled(['main', 'units', 'old'])])];
        const levels = names.map((pool) => {
          const onHand = random.integer(0, 20);
          return { pool, onHand, reserved: random.integer(0, onHand) };
        });

        const changes = homeward(levels, pools);

        expect(sumOf(changes.map(({ delta }) => delta))).toBe(0);
        const after = levels.map(({ pool, onHand, reserved }) => {
          const delta = changes.find((change) => change.pool === pool)?.delta ?? 0;
          return { pool, available: onHand - reserved + delta };
        });
        for (const { pool, available } of after)
          if (!pools.includes(pool)) expect([pool, available]).toEqual([pool, 0]);
        const shares = after.filter(({ pool }) => pools.includes(pool)).map(({ available }) => available);
        expect(Math.min(...shares)).toBeGreaterThanOrEqual(0);
        expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1);
      }
    }),
  );
});
