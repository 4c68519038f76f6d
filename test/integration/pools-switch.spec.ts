import { poolsOf } from '../../src/inventory/products/pools';
import { rebalance, rebalanceAll } from '../../src/inventory/stock/transfers';
import {
  outcomeOf,
  codesOf,
  createWorld,
  expectInvariants,
  inParallel,
  shop,
  until,
  untilBlocked,
  type World,
} from '../support/fixtures';
import { holding } from '../support/rivals';
import { onSale, stockIn, sumOf, switchTo } from '../support/stock-changes';

let world: World;
beforeAll(async () => (world = await createWorld()));
afterEach(() => expectInvariants(world));
afterAll(() => world.close());

const shards = poolsOf('pools');
const rowsOf = 'SELECT FROM stock_levels WHERE sku = $1 FOR UPDATE';

describe('a switch of strategy', () => {
  it('moves available stock to the new pools, and leaves reserved stock', async () => {
    const sku = await world.product({ onHand: 20 });
    const held = await world.reserve([{ sku, quantity: 4 }]);

    await switchTo(world, sku, 'pools');
    expect(await onSale(world, sku)).toEqual(Object.fromEntries(shards.map((pool) => [pool, 2])));

    await switchTo(world, sku, 'pools', ['eu', 'us']);
    expect(await onSale(world, sku)).toEqual({ eu: 8, us: 8 });

    await switchTo(world, sku, 'grouped');
    expect(await onSale(world, sku)).toEqual({ main: 16 });
    expect((await world.reservation(held)).lines[0]!.parts).toMatchObject([{ pool: 'main', quantity: 4 }]);
  });

  it('moves nothing when only other fields were changed', async () => {
    const sku = await stockIn(world, { a: 9, b: 1 });
    await switchTo(world, sku, 'pools', ['a', 'b']);
    expect(await onSale(world, sku)).toEqual({ a: 9, b: 1 });
  });

  it.each(['conditional-update', 'row-lock', 'grouped', 'lease', 'serializable', 'unit-tokens'])(
    'leaves no released stock in the old pools (to %s)',
    async (strategy) => {
      const sku = await stockIn(world, { a: 3, b: 3 });
      const held = await world.reserve([{ sku, quantity: 6 }]);
      await switchTo(world, sku, strategy);
      await world.reservations.release(held, shop);
      expect(await onSale(world, sku)).toEqual({ a: 3, b: 3 });

      // The rebalancer did not run; the buyer's request moves the stock.
      const codes = codesOf(
        await inParallel(
          4,
          [3, 3, 3].map((quantity) => () => world.reserve([{ sku, quantity }])),
        ),
      );
      expect(codes.sort()).toEqual(['insufficient_stock', 'ok', 'ok']);
      expect(await onSale(world, sku)).toEqual({});
    },
  );

  it('waits for earlier buyers, and later buyers see it', async () => {
    const sku = await world.product({ onHand: 5, strategy: 'row-lock' });
    const letGo = await holding(world, rowsOf, [sku]);
    // Both have read that the stock is in `main`; the switch is first in line for its row.
    const switched = switchTo(world, sku, 'pools', ['a', 'b']);
    await untilBlocked(world);
    const buyers = [3, 2].map((quantity) => outcomeOf(world.reserve([{ sku, quantity }])));
    await untilBlocked(world, 3);
    await letGo();

    await switched;
    expect(await Promise.all(buyers)).toEqual(['ok', 'ok']);
    expect(await onSale(world, sku)).toEqual({});
  });

  it('is refused with pools for a strategy that has none', async () => {
    const sku = await world.product();
    const refused = await switchTo(world, sku, 'grouped', ['a', 'b']).catch((error: unknown) => error);
    expect(refused).toMatchObject({ errors: [{ pointer: '/pools', code: 'pools_unused' }] });
  });
});

describe('the rebalancer', () => {
  beforeEach(() => until(async () => (await rebalanceAll(world.db)) === 0));

  it('evens out the pools of a product when one is nearly empty', async () => {
    const sku = await stockIn(world, { a: 30, b: 1, c: 29 });
    expect(await rebalanceAll(world.db)).toBe(1);
    expect(await onSale(world, sku)).toEqual({ a: 20, b: 20, c: 20 });
    expect(await rebalanceAll(world.db)).toBe(0);
  });

  it.each([
    ['uneven but not nearly empty', { a: 10, b: 3, c: 8 }],
    ['almost empty', { a: 2, b: 0, c: 0 }],
  ])('leaves pools unchanged that are %s', async (_what, pools) => {
    const sku = await stockIn(world, pools);
    expect(await rebalanceAll(world.db)).toBe(0);
    expect(sumOf(Object.values(await onSale(world, sku)))).toBe(sumOf(Object.values(pools)));
  });

  it('moves stock back that was released in another pool', async () => {
    const sku = await stockIn(world, { a: 3, b: 3 });
    const untouched = await stockIn(world, { a: 3, b: 3 });
    const held = await world.reserve([{ sku, quantity: 6 }]);
    await switchTo(world, sku, 'conditional-update');
    await world.reservations.release(held, shop);

    expect(await rebalanceAll(world.db)).toBe(1);
    expect(await onSale(world, sku)).toEqual({ main: 6 });
    expect(await onSale(world, untouched)).toEqual({ a: 3, b: 3 });
  });

  it('moves each product once when many workers run', async () => {
    const skus: string[] = [];
    for (let nth = 0; nth < 8; nth++) skus.push(await stockIn(world, { a: 40, b: 0 }));

    const moved = await Promise.all([1, 2, 3, 4].map(() => rebalanceAll(world.db)));

    expect(sumOf(moved)).toBe(8);
    for (const sku of skus) expect(await onSale(world, sku)).toEqual({ a: 20, b: 20 });
    const { movements } = await world.row<{ movements: number }>(
      `SELECT count(*)::int AS movements FROM stock_movements WHERE sku = ANY ($1) AND reason = 'rebalanced'`,
      [skus],
    );
    expect(movements).toBe(16);
  });

  it('skips a locked product without waiting', async () => {
    const sku = await stockIn(world, { a: 40, b: 0 });
    const letGo = await holding(world, 'SELECT FROM products WHERE sku = $1 FOR UPDATE', [sku]);

    expect(await rebalance(world.db, sku)).toBe(false);
    await letGo();
    expect(await rebalance(world.db, sku)).toBe(true);
  });

  it('moves the others when one product fails', async () => {
    const [bad, good] = (
      await Promise.all([stockIn(world, { a: 40, b: 0 }), stockIn(world, { a: 40, b: 0 })])
    ).sort();
    const letGo = await holding(world, rowsOf, [bad]);

    await expect(rebalanceAll(world.db)).rejects.toThrow('busy');
    expect(await onSale(world, good)).toEqual({ a: 20, b: 20 });
    await letGo();
    await until(async () => (await rebalanceAll(world.db)) === 0);
  });

  it('runs next to buyers and takes no unit from them', async () => {
    const sku = await stockIn(world, { a: 200, b: 0, c: 0, d: 0 });
    let selling = true;
    const workers = [1, 2].map(async () => {
      let moved = 0;
      while (selling) moved += await rebalanceAll(world.db);
      return moved;
    });

    const codes = codesOf(
      await inParallel(
        12,
        Array.from(
          { length: 230 },
          (_, nth) => () => world.reserve([{ sku, quantity: 1 }], { customerId: `cus_${nth}` }),
        ),
      ),
    );
    selling = false;

    expect(sumOf(await Promise.all(workers))).toBeGreaterThan(0);
    expect(codes.filter((code) => code === 'ok')).toHaveLength(200);
    expect(codes.filter((code) => code === 'insufficient_stock')).toHaveLength(30);
  });
});
