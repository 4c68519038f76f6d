import type { HoldfastError } from '../../src/errors';
import { bringHome, rebalanceAll } from '../../src/inventory/stock/transfers';
import {
  outcomeOf,
  codesOf,
  createWorld,
  expectInvariants,
  inParallel,
  operator,
  shop,
  type World,
} from '../support/fixtures';
import { inEveryOrder } from '../support/interleave';
import { seeded } from '../support/seeded';
import { adjust, onSale, stockIn, sumOf, switchTo, transfer } from '../support/stock-changes';

let world: World;
beforeAll(async () => (world = await createWorld()));
afterEach(() => expectInvariants(world));
afterAll(() => world.close());

describe('a transfer by an operator', () => {
  it('moves available stock with two movements that cancel out, once per idempotency key', async () => {
    const sku = await stockIn(world, { a: 5, b: 5 });
    const move = () => transfer(world, sku, { from: 'a', to: 'b', quantity: 3, key: 'move-it' });

    expect(await move()).toMatchObject({ replayed: false });
    const { replayed, product } = await move();

    expect(replayed).toBe(true);
    expect(product.levels).toMatchObject([
      { pool: 'a', onHand: 2 },
      { pool: 'b', onHand: 8 },
      { pool: 'main' },
    ]);
    expect(
      await world.rows(
        `SELECT pool, delta, on_hand_after, reason, actor FROM stock_movements WHERE sku = $1 AND kind = 'transfer' ORDER BY pool`,
        [sku],
      ),
    ).toEqual([
      { pool: 'a', delta: -3, on_hand_after: 2, reason: 'for the test', actor: 'operator' },
      { pool: 'b', delta: 3, on_hand_after: 8, reason: 'for the test', actor: 'operator' },
    ]);
    expect(
      await world.row(
        `SELECT actor, reason, after FROM admin_actions WHERE object_id = $1 AND action = 'stock.transfer'`,
        [sku],
      ),
    ).toEqual({ actor: 'operator', reason: 'for the test', after: { from: 'a', to: 'b', quantity: 3 } });
  });

  it('does not move reserved stock, and reports how much can be moved', async () => {
    const sku = await stockIn(world, { a: 5, b: 5 });
    await world.reserve([{ sku, quantity: 4 }], { pool: 'a' });

    const refused = await transfer(world, sku, { from: 'a', to: 'b', quantity: 2 }).catch(
      (error: unknown) => error,
    );

    expect(refused).toMatchObject({ code: 'below_reserved' });
    expect((refused as HoldfastError).facts).toEqual({ pool: 'a', onHand: 5, reserved: 4, available: 1 });
    expect(await onSale(world, sku)).toEqual({ a: 1, b: 5 });
  });

  it.each([
    ['from an unknown pool', { from: 'x', to: 'b' }, ['/from']],
    ['to an unknown pool', { from: 'a', to: 'x' }, ['/to']],
    ['to itself', { from: 'a', to: 'a' }, ['/to']],
    ['to a pool that is not the product’s', { from: 'a', to: 'main' }, ['/to']],
    ['without pools', { from: 'x', to: 'y' }, ['/from', '/to']],
  ])('is refused %s', async (_what, way, pointers) => {
    const sku = await stockIn(world, { a: 5, b: 5 });
    const refused = await transfer(world, sku, { ...way, quantity: 1 }).catch((error: unknown) => error);
    expect((refused as { errors: { pointer: string; code: string }[] }).errors).toMatchObject(
      pointers.map((pointer) => ({ pointer, code: 'unknown_pool' })),
    );
  });

  it('is refused for an unknown product', async () => {
    expect(await outcomeOf(transfer(world, 'NOBODY', { from: 'a', to: 'b', quantity: 1 }))).toBe(
      'product_not_found',
    );
  });
});

describe('transfers', () => {
  it(
    'do not deadlock with each other, buyers, expiry, adjustments and switches, and lose no unit',
    seeded(async (random) => {
      const skus = await world.productsOf(3, { onHand: 30, strategy: 'pools', pools: ['a', 'b', 'c', 'd'] });
      const pool = () => random.pick(['a', 'b', 'c', 'd']);
      const before = await world.deadlocks();
      let received = 0;
      const acts: (() => Promise<unknown>)[] = [
        () =>
          world.reserve(
            random.shuffled(skus).map((sku) => ({ sku, quantity: random.integer(1, 4) })),
            { pool: pool() },
          ),
        () => world.reserve([{ sku: random.pick(skus), quantity: random.integer(1, 9) }], { pool: pool() }),
        () =>
          transfer(world, random.pick(skus), { from: pool(), to: pool(), quantity: random.integer(1, 5) }),
        () => rebalanceAll(world.db),
        () =>
          switchTo(world, random.pick(skus), random.pick(['pools', 'row-lock', 'unit-tokens', 'grouped'])),
        async () => {
          const delta = random.pick([-3, -1, 2]);
          await adjust(world, random.pick(skus), delta);
          received += delta;
        },
        async () => {
          const id = await world.reserve([{ sku: random.pick(skus), quantity: random.integer(1, 6) }]);
          if (random.next() < 0.5) return world.reservations.release(id, shop);
          await world.makeDue(id);
          return world.reservations.expireDue();
        },
      ];

      const codes = codesOf(
        await inParallel(
          12,
          Array.from({ length: 300 }, () => random.pick(acts)),
        ),
      );

      expect((await world.deadlocks()) - before).toBe(0);
      const refusals = ['insufficient_stock', 'below_reserved', 'validation_failed', 'precondition_failed'];
      expect(codes.filter((code) => code !== 'ok' && !refusals.includes(code))).toEqual([]);
      const levels = await Promise.all(skus.map((sku) => world.level(sku)));
      expect(sumOf(levels.map(({ onHand }) => onHand))).toBe(90 + received);
    }),
  );

  it('do not deadlock when they cross (A→B and B→A at once)', async () => {
    const sku = await stockIn(world, { a: 50, b: 50 });
    const there = () => transfer(world, sku, { from: 'a', to: 'b', quantity: 1 });
    const back = () => transfer(world, sku, { from: 'b', to: 'a', quantity: 1 });

    const codes = codesOf(
      await inParallel(
        12,
        Array.from({ length: 60 }, (_, nth) => (nth % 2 ? there : back)),
      ),
    );

    expect(new Set(codes)).toEqual(new Set(['ok']));
    expect(await onSale(world, sku)).toEqual({ a: 50, b: 50 });
  });

  it('hide no unit from a buyer who reads all pools at the same time', async () => {
    const sku = await stockIn(world, { a: 5, b: 5 });
    let buying = true;
    let moves = 0;
    const mover = (async () => {
      // While all of it is reserved there is nothing to move.
      for (let nth = 0; buying; nth++) {
        const [from, to] = nth % 2 ? (['a', 'b'] as const) : (['b', 'a'] as const);
        if ((await outcomeOf(transfer(world, sku, { from, to, quantity: 5 }))) === 'ok') moves++;
      }
    })();

    for (let nth = 0; nth < 30; nth++) {
      const id = await world.reserve([{ sku, quantity: 10 }]);
      await world.reservations.release(id, shop);
    }
    buying = false;
    await mover;
    expect(moves).toBeGreaterThan(0);
  });

  it('leave nothing behind when the connection is killed before the commit', async () => {
    const sku = await stockIn(world, { a: 4, b: 0 });
    await world.reserve([{ sku, quantity: 1 }]);
    const killer = await world.session();
    let runs = 0;

    const work = world.db.transaction('command', async (tx) => {
      if (++runs > 1) throw new Error('the second run is not wanted');
      const product = { sku, pools: ['a', 'b'], safetyStock: 0 };
      await bringHome(tx, product, { reason: 'to be lost', actor: 'operator' });
      const [{ pid } = { pid: 0 }] = await tx.rows<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      await killer.query('SELECT pg_terminate_backend($1)', [pid]);
      await tx.rows('SELECT 1');
    });

    await expect(work).rejects.toThrow('the second run is not wanted');
    await killer.end();
    expect(await onSale(world, sku)).toEqual({ a: 3 });
  });
});

describe('transfers in every order of statements', () => {
  const stopsAt = /FROM products p WHERE p.sku = ANY|FOR UPDATE OF s|UPDATE stock_levels/;

  it('a buyer who needs all pools gets them during transfers', async () => {
    const ends = await inEveryOrder(world, async () => {
      const sku = await stockIn(world, { a: 2, b: 1 });
      return {
        stopsAt,
        sessions: {
          buyer: (own) => own.reserve([{ sku, quantity: 3 }], { pool: 'a' }),
          mover: (own) =>
            own.products.transfer(
              sku,
              { from: 'a', to: 'b', quantity: 1, reason: 'to b' },
              undefined,
              operator,
            ),
        },
        end: async ({ buyer, mover }) => `${buyer} and ${mover}`,
      };
    });
    expect(Object.keys(ends).sort()).toEqual(['ok and below_reserved', 'ok and ok']);
  });

  it('two buyers who both need more than their pool has do not deadlock, and one of them gets it', async () => {
    const ends = await inEveryOrder(world, async () => {
      const sku = await stockIn(world, { a: 2, b: 2 });
      return {
        stopsAt,
        sessions: {
          one: (own) => own.reserve([{ sku, quantity: 2 }], { pool: 'a' }),
          other: (own) => own.reserve([{ sku, quantity: 3 }], { pool: 'b' }),
        },
        end: async ({ one, other }) => [one, other].sort().join(' and '),
      };
    });
    expect(Object.keys(ends)).toEqual(['insufficient_stock and ok']);
  });

  it.each([
    ['row-lock', 'pools'],
    ['pools', 'conditional-update'],
  ])('a buyer finds the stock while it moves from %s to %s', async (from, to) => {
    const ends = await inEveryOrder(world, async () => {
      const sku = await world.product({ onHand: 3, strategy: from });
      const { name, unitAmount, currency } = await world.products.get(sku);
      const dto = { name, unitPrice: { amount: unitAmount, currency }, strategy: to };
      return {
        stopsAt,
        sessions: {
          buyer: (own) => own.reserve([{ sku, quantity: 2 }]),
          operator: (own) => own.products.put(sku, dto, { ifMatch: '*' }, operator),
        },
        end: async ({ buyer, operator: switched }) => `${buyer} and ${switched}`,
      };
    });
    expect(Object.keys(ends)).toEqual(['ok and ok']);
  });
});
