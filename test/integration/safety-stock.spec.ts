import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createApi } from '../../src/api.module';
import { loadConfig } from '../../src/config/config';
import { belowReserved } from '../../src/inventory/inventory.errors';
import { availableIn, safetyShares } from '../../src/inventory/products/pools';
import { reserveAgain } from '../../src/inventory/reservations/order-reservations.repository';
import { rebalanceAll } from '../../src/inventory/stock/transfers';
import { Checkout } from '../support/checkouts';
import { createWorld, expectInvariants, outcomeOf, shop, type World } from '../support/fixtures';
import { seeded } from '../support/seeded';
import {
  adjust,
  keepBack,
  onSale,
  stockIn,
  sumOf,
  switchTo,
  transfer,
  unitsOf,
} from '../support/stock-changes';

/** That no strategy offers it is a case of their conformance suite (`strategies.spec.ts`). */

const short = 'insufficient_stock';

let world: World;
beforeAll(async () => (world = await createWorld()));
afterEach(() => expectInvariants(world));
afterAll(() => world.close());

const availableOf = async (sku: string) => (await world.products.stock(sku)).available;
const reserveOne = (sku: string, customerId: string) => world.reserve([{ sku, quantity: 1 }], { customerId });
const inPools = (pools: Record<string, number>, safetyStock: number) =>
  stockIn(world, pools, { safetyStock });

describe('the shares of pools', () => {
  it(
    'offer together what the product has available, and never more while it is short of safety stock',
    seeded(async (random) => {
      for (let round = 0; round < 1_000; round++) {
        const pools = ['a', 'b', 'c', 'd'].slice(0, random.integer(1, 4));
        const levels = [...new Set([...pools, 'main', 'old'])].map((pool) => {
          const onHand = random.integer(0, 9);
          return { pool, onHand, reserved: random.integer(0, onHand), safetyStock: random.integer(0, 9) };
        });
        const safetyStock = random.integer(0, 30);
        const free = sumOf(levels.map(({ onHand, reserved }) => onHand - reserved));

        const shares = safetyShares(levels, pools, safetyStock);

        const dealt = levels.map((level, nth) => ({ ...level, safetyStock: shares[nth]! }));
        expect(sumOf(dealt.map(availableIn))).toBe(Math.max(0, free - safetyStock));
        // Reserved units come back, one by one, to any pool.
        for (let back = 1; dealt.some(({ reserved }) => reserved > 0); back++) {
          random.pick(dealt.filter(({ reserved }) => reserved > 0)).reserved -= 1;
          expect(sumOf(dealt.map(availableIn))).toBeLessThanOrEqual(Math.max(0, free + back - safetyStock));
        }
      }
    }),
  );

  it('are as even as stock allows', () => {
    const levels = [10, 1, 10].map((onHand, nth) => ({
      pool: 'abc'[nth]!,
      onHand,
      reserved: 0,
      safetyStock: 0,
    }));
    expect(safetyShares(levels, ['a', 'b', 'c'], 6)).toEqual([3, 1, 2]);
  });
});

describe('a product with several pools', () => {
  it('offers what is beyond its safety stock, wherever that is', async () => {
    const sku = await stockIn(world, { a: 7, b: 1 });
    await keepBack(world, sku, 4);
    expect(await onSale(world, sku)).toEqual({ a: 4 });
    for (let nth = 0; nth < 4; nth++) await reserveOne(sku, `cus_${nth}`);
    expect(await outcomeOf(reserveOne(sku, 'cus_9'))).toBe(short);
  });

  it('sells units that came back to different pools, once the safety stock is complete', async () => {
    const sku = await world.product({ onHand: 8, strategy: 'pools', pools: ['a', 'b', 'c', 'd'] });
    const held = await Promise.all(
      ['a', 'a', 'b', 'b', 'c', 'c', 'd', 'd'].map((pool, nth) =>
        world.reserve([{ sku, quantity: 1 }], { customerId: `cus_${nth}`, pool }),
      ),
    );
    await keepBack(world, sku, 2);

    // Two complete the safety stock; no single pool gets more than it lacks.
    for (const nth of [0, 2, 4, 6]) await world.reservations.release(held[nth]!, shop);

    expect(await availableOf(sku)).toBe(2);
    expect(await onSale(world, sku)).toEqual({});
    await reserveOne(sku, 'cus_8');
    await reserveOne(sku, 'cus_9');
    expect(await outcomeOf(reserveOne(sku, 'cus_10'))).toBe(short);
  });

  it('is put in order by the rebalancer after such returns', async () => {
    const sku = await world.product({ onHand: 4, strategy: 'pools', pools: ['a', 'b'] });
    const untouched = await inPools({ a: 3, b: 3 }, 2);
    const held = await world.reserve([{ sku, quantity: 4 }]);
    await keepBack(world, sku, 3);
    await world.reservations.release(held, shop);
    expect(await onSale(world, sku)).toEqual({});

    expect(await rebalanceAll(world.db)).toBe(1);

    expect(sumOf(Object.values(await onSale(world, sku)))).toBe(1);
    expect(await onSale(world, untouched)).toEqual({ a: 2, b: 2 });
  });

  it('keeps its safety stock when it is evened out, and when its strategy is switched back and forth', async () => {
    const sku = await stockIn(world, { a: 9, b: 0, c: 0 });
    await keepBack(world, sku, 3);
    await rebalanceAll(world.db);
    expect(await onSale(world, sku)).toEqual({ a: 2, b: 2, c: 2 });

    for (const strategy of ['unit-tokens', 'adaptive', 'pools']) {
      const { version, name, unitAmount, currency } = await world.products.get(sku);
      const dto = { name, unitPrice: { amount: unitAmount, currency }, strategy, safetyStock: 3 };
      await world.products.put(sku, dto, { ifMatch: `"${version}"` }, { name: 'anna', role: 'admin' });
      expect([strategy, sumOf(Object.values(await onSale(world, sku)))]).toEqual([strategy, 6]);
    }
    await switchTo(world, sku, 'row-lock');
    expect([await availableOf(sku), await onSale(world, sku)]).toEqual([9, { main: 9 }]);
  });

  it('transfers only what its pool offers', async () => {
    const sku = await inPools({ a: 4, b: 4 }, 4);
    const refused = await transfer(world, sku, { from: 'a', to: 'b', quantity: 3 }).catch((error) => error);
    expect(refused).toMatchObject({ code: belowReserved.type.code, facts: { pool: 'a', available: 2 } });
    expect(refused.message).toContain('2 are safety stock');
    await transfer(world, sku, { from: 'a', to: 'b', quantity: 2 });
    expect(await onSale(world, sku)).toEqual({ b: 4 });
  });
});

describe('an adjustment', () => {
  it('completes the safety stock first', async () => {
    const sku = await world.product({ onHand: 0, safetyStock: 5, strategy: 'pools', pools: ['a', 'b'] });
    await adjust(world, sku, 4);
    expect(await outcomeOf(reserveOne(sku, 'cus_1'))).toBe(short);
    await adjust(world, sku, 2);
    await reserveOne(sku, 'cus_1');
    expect(await outcomeOf(reserveOne(sku, 'cus_2'))).toBe(short);
  });

  it('may write off safety stock, but not what is promised', async () => {
    const sku = await world.product({ onHand: 6, safetyStock: 2 });
    await world.reserve([{ sku, quantity: 3 }]);
    const refused = await adjust(world, sku, -4).catch((error) => error);
    expect(refused).toMatchObject({ code: belowReserved.type.code, facts: { available: 1 } });
    expect(refused.message).toContain('Take off at most 3');
    await adjust(world, sku, -3);
    expect(await world.products.stock(sku)).toMatchObject({ onHand: 3, reserved: 3, available: 0 });
  });
});

describe('a change of a reservation', () => {
  it.each(['row-lock', 'pools', 'unit-tokens'])('takes no safety stock (%s)', async (strategy) => {
    const sku = await world.product({ onHand: 10, safetyStock: 4, strategy });
    const id = await world.reserve([{ sku, quantity: 2 }]);

    const refused = await world.change(id, [{ sku, quantity: 7 }]).catch((error) => error);

    expect(refused).toMatchObject({ code: short, shortfalls: [{ sku, requested: 7, available: 6 }] });
    await world.change(id, [{ sku, quantity: 6 }]);
    expect(await availableOf(sku)).toBe(0);
  });

  it('finds units that came back to different pools', async () => {
    const sku = await world.product({ onHand: 6, strategy: 'pools', pools: ['a', 'b'] });
    const own = await world.reserve([{ sku, quantity: 1 }]);
    const [a, b] = await Promise.all(
      ['a', 'b'].map((pool) => world.reserve([{ sku, quantity: 2 }], { customerId: 'cus_2', pool })),
    );
    await keepBack(world, sku, 4);
    await world.reservations.release(a!, shop);
    await world.reservations.release(b!, shop);
    await world.change(own, [{ sku, quantity: 2 }]);
    expect(await outcomeOf(world.change(own, [{ sku, quantity: 3 }]))).toBe(short);
  });
});

describe('a late charge', () => {
  it('does not place its order on safety stock', async () => {
    const checkout = await Checkout.start(world, { onHand: 1 });
    await checkout.driveWhile({ capture: 'answer lost' });
    await checkout.act('resolve');
    await keepBack(world, checkout.sku, 1);
    await checkout.driveToItsEnd();
    expect(await checkout.end()).toMatchObject({ order: 'rejected (abandoned)', kept: 0 });
  });

  it('finds units that came back to different pools', async () => {
    const sku = await world.product({ onHand: 4, strategy: 'pools', pools: ['a', 'b'] });
    const ended = await world.order([{ sku, quantity: 1 }]);
    const { reservationId } = await world.row<{ reservationId: string }>(
      `SELECT reservation_id AS "reservationId" FROM orders WHERE id = $1`,
      [ended],
    );
    const rest = await world.reserve([{ sku, quantity: 3 }], { customerId: 'cus_2' });
    await keepBack(world, sku, 3);
    await world.reservations.release(rest, shop);
    await world.makeDue(reservationId);
    await world.reservations.expireDue();
    expect(await onSale(world, sku)).toEqual({});

    const taken = await world.db
      .transaction('command', async (tx) => {
        const again = await reserveAgain(tx, { orderId: ended, reservationId }, 600);
        throw Object.assign(new Error('rolled back on purpose'), { again });
      })
      .catch((error) => error.again);
    expect(taken).toBeDefined();
  });
});

describe('units with numbers', () => {
  it('are kept back from the highest', async () => {
    const sku = await world.product({ onHand: 5, safetyStock: 2, strategy: 'unit-tokens' });
    await world.reserve([{ sku, quantity: 3 }]);
    expect(await unitsOf(world, sku)).toEqual({ free: [4, 5], taken: [1, 2, 3] });
    expect(await outcomeOf(reserveOne(sku, 'cus_2'))).toBe(short);
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

  async function call(method: 'GET' | 'PUT', url: string, payload?: object, headers = {}) {
    const authorization = 'Bearer hf_dev_admin';
    const answer = await api.inject({ method, url, headers: { authorization, ...headers }, payload });
    return { status: answer.statusCode, headers: answer.headers, body: answer.json<Record<string, any>>() };
  }

  const url = '/v1/admin/products/LAMP';
  const product = { name: 'Lamp', unitPrice: { amount: 500, currency: 'EUR' } };

  it('shows and changes it, with a new ETag and an entry in the audit log', async () => {
    const made = await call('PUT', url, { ...product, onHand: 6, safetyStock: 2 });
    expect(made.body).toMatchObject({ safetyStock: 2, stock: { onHand: 6, available: 4 } });
    const before = await call('GET', '/v1/stock/LAMP');
    expect(before.body).toEqual({ sku: 'LAMP', onHand: 6, reserved: 0, safetyStock: 2, available: 4 });
    expect((await call('GET', '/v1/stock?sku=LAMP')).body.data).toEqual([before.body]);

    const changed = await call('PUT', url, { ...product, safetyStock: 9 }, { 'if-match': made.headers.etag });

    expect(changed.body).toMatchObject({ safetyStock: 9, stock: { onHand: 6, available: 0 } });
    const after = await call('GET', '/v1/stock/LAMP');
    expect(after.body).toMatchObject({ safetyStock: 9, available: 0 });
    expect(after.headers.etag).not.toBe(before.headers.etag);
    const log = await call('GET', '/v1/admin/actions?objectId=LAMP&limit=1');
    expect(log.body.data[0]).toMatchObject({ before: { safetyStock: 2 }, after: { safetyStock: 9 } });
  });

  it.each([-1, 1.5, '2', null, 1_000_000_001])('refuses %p', async (safetyStock) => {
    const { status, body } = await call('PUT', '/v1/admin/products/OTHER', { ...product, safetyStock });
    expect([status, body.errors?.[0]?.pointer]).toEqual([422, '/safetyStock']);
  });
});
