import type { Tx } from '../../src/database/database';
import { newId } from '../../src/ids';
import { InsufficientStock } from '../../src/inventory/inventory.errors';
import { poolsOf } from '../../src/inventory/products/pools';
import { strategies, strategyNames } from '../../src/inventory/allocation/strategies/strategies';
import type { StockStrategy } from '../../src/inventory/allocation/strategies/strategy';
import {
  outcomeOf,
  codesOf,
  createWorld,
  expectInvariants,
  inParallel,
  operator,
  shop,
  until,
  type World,
} from '../support/fixtures';
import { type Random, seeded } from '../support/seeded';
import { keepBack } from '../support/stock-changes';

const buyersAtOnce = 12;
const short = 'insufficient_stock';

let world: World;
beforeAll(async () => (world = await createWorld()));
afterEach(() => expectInvariants(world));
afterAll(() => world.close());

type Line = { sku: string; quantity: number };

const shortfallsOf = (error: unknown) => {
  if (!(error instanceof InsufficientStock)) throw error;
  return error.shortfalls;
};

const refusalOf = (work: Promise<unknown>) =>
  work.then(
    () => Promise.reject(new Error('it was not refused')),
    (error: unknown) => error,
  );

/** Per pool, because a token orders the grants of one pool. */
async function tokensOf(sku: string): Promise<Record<string, number[]>> {
  const rows = await world.rows<{ pool: string; tokens: number[] }>(
    `SELECT pool, json_agg(fencing_token ORDER BY fencing_token) AS tokens FROM reservation_lines WHERE sku = $1 GROUP BY pool`,
    [sku],
  );
  return Object.fromEntries(rows.map(({ pool, tokens }) => [pool, tokens]));
}

const taker = () => ({ reservationId: newId(), onConflict: () => undefined });

/** Where each strategy expects its stock. */
const poolOf = (strategy: string) => poolsOf(strategy)[0]!;

describe.each(strategyNames)('the strategy %s', (strategy) => {
  it(
    'sells every unit and never oversells',
    seeded(async (random) => {
      for (let round = 0; round < 3; round++) {
        const stock = random.integer(1, 9);
        const sku = await world.product({ onHand: stock, strategy });
        const buyers = Array.from(
          { length: stock + random.integer(1, 20) },
          () => () => world.reserve([{ sku, quantity: 1 }]),
        );

        const codes = codesOf(await inParallel(buyersAtOnce, buyers));

        expect(codes.filter((code) => code === 'ok')).toHaveLength(stock);
        expect(codes.filter((code) => code === 'insufficient_stock')).toHaveLength(buyers.length - stock);
        expect(await world.level(sku)).toEqual({ onHand: stock, reserved: stock });
      }
    }),
  );

  it(
    'refuses no buyer for units that are left at the end',
    seeded(async (random) => {
      const sku = await world.product({ onHand: 20, strategy });
      const quantities = Array.from({ length: 30 }, () => random.integer(1, 5));

      const outcomes = await inParallel(
        buyersAtOnce,
        quantities.map((quantity) => () => world.reserve([{ sku, quantity }])),
      );

      const { onHand, reserved } = await world.level(sku);
      for (const [nth, outcome] of outcomes.entries()) {
        if (outcome.status === 'fulfilled') continue;
        const [shortfall] = shortfallsOf(outcome.reason);
        expect(shortfall).toMatchObject({ sku, requested: quantities[nth] });
        expect(shortfall!.available).toBeLessThan(quantities[nth]!);
        expect(onHand - reserved).toBeLessThan(quantities[nth]!);
      }
    }),
  );

  it('takes no line of a short order, and reports every short line', async () => {
    const [a, b, c, untouched] = await world.productsOf(4, { onHand: 5, strategy });

    const error = await refusalOf(
      world.reserve([
        { sku: c!, quantity: 9 },
        { sku: a!, quantity: 6 },
        { sku: b!, quantity: 5 },
      ]),
    );

    expect(shortfallsOf(error)).toEqual([
      { sku: a, requested: 6, available: 5 },
      { sku: c, requested: 9, available: 5 },
    ]);
    for (const sku of [a, b, c, untouched])
      expect(await world.level(sku!)).toEqual({ onHand: 5, reserved: 0 });
  });

  it('adds up lines of the same SKU before it takes them', async () => {
    const sku = await world.product({ onHand: 5, strategy });

    const error = await refusalOf(
      world.reserve([
        { sku, quantity: 3 },
        { sku, quantity: 3 },
      ]),
    );
    expect(shortfallsOf(error)).toEqual([{ sku, requested: 6, available: 5 }]);

    await world.reserve([
      { sku, quantity: 2 },
      { sku, quantity: 3 },
    ]);
    expect(await world.level(sku)).toEqual({ onHand: 5, reserved: 5 });
  });

  it('reports every demand, including those after a short one', async () => {
    const [a, b, c] = await world.productsOf(3, { onHand: 2, strategy });
    const pool = poolOf(strategy);
    const demands = [a, b, c].map((sku, nth) => ({ sku: sku!, pool, quantity: [3, 2, 4][nth]! }));

    const grants = await rolledBack((tx) => strategies.get(strategy)!.take(tx, demands, taker()));

    expect(grants.map((grant) => (grant.taken ? 'taken' : grant.available))).toEqual([2, 'taken', 2]);
  });

  it('finds no stock of a SKU without a stock row', async () => {
    const demand = { sku: 'NOBODY-KNOWS-IT', pool: poolOf(strategy), quantity: 1 };
    expect(await rolledBack((tx) => strategies.get(strategy)!.take(tx, [demand], taker()))).toEqual([
      { taken: false, available: 0 },
    ]);
  });

  it(
    'returns exactly the taken units, by release and by expiry',
    seeded(async (random) => {
      const skus = await world.productsOf(3, { onHand: 40, strategy });
      const orders = Array.from({ length: 20 }, () => someLines(random, skus, 3));
      const taken = await inParallel(
        buyersAtOnce,
        orders.map((lines) => () => world.reserve(lines)),
      );
      const ids = taken.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
      const kept = ids.splice(0, 5);

      const endings = ids.map((id) => async () => {
        if (random.next() < 0.5) return world.reservations.release(id, { name: 'shop', role: 'client' });
        await world.makeDue(id);
        await world.reservations.expireDue();
      });
      expect(codesOf(await inParallel(buyersAtOnce, endings))).toEqual(ids.map(() => 'ok'));

      const held = await world.rows<{ sku: string; quantity: number }>(
        `SELECT sku, sum(quantity)::int AS quantity FROM reservation_lines WHERE reservation_id = ANY ($1) GROUP BY sku`,
        [kept],
      );
      for (const sku of skus) {
        const quantity = held.find((line) => line.sku === sku)?.quantity ?? 0;
        expect(await world.level(sku)).toEqual({ onHand: 40, reserved: quantity });
      }
    }),
  );

  it('gives each grant a fencing token above all earlier ones', async () => {
    const sku = await world.product({ onHand: 30, strategy });
    await inParallel(
      buyersAtOnce,
      Array.from({ length: 12 }, () => () => world.reserve([{ sku, quantity: 1 }])),
    );
    const before = await tokensOf(sku);
    expect(Object.values(before).flatMap((tokens) => [...new Set(tokens)])).toHaveLength(12);

    const id = await world.reserve([{ sku, quantity: 1 }]);
    const ids = [id];
    await world.reservations.release(id, { name: 'shop', role: 'client' });
    ids.push(await world.reserve([{ sku, quantity: 1 }]), await world.reserve([{ sku, quantity: 1 }]));

    const highest = new Map(Object.entries(before).map(([pool, tokens]) => [pool, tokens.at(-1)!]));
    for (const one of ids) {
      const [part] = (await world.reservation(one)).lines[0]!.parts;
      expect(part!.fencingToken).toBeGreaterThan(highest.get(part!.pool) ?? 0);
      highest.set(part!.pool, part!.fencingToken);
    }
  });

  it('leaves nothing behind when its connection is killed before its commit', async () => {
    const [a, b] = await world.productsOf(2, { onHand: 5, strategy });
    const killer = await world.session();
    let runs = 0;

    const work = world.db.transaction('command', async (tx) => {
      if (++runs > 1) throw new Error('the second run is not wanted');
      const request = world.reservationRequest([a, b].map((sku) => ({ sku: sku!, quantity: 2 })));
      await world.reserver.single(tx, request);
      const [{ pid } = { pid: 0 }] = await tx.rows<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      await killer.query('SELECT pg_terminate_backend($1)', [pid]);
      await tx.rows('SELECT 1');
    });

    await expect(work).rejects.toThrow('the second run is not wanted');
    for (const sku of [a, b]) {
      expect(await world.level(sku!)).toEqual({ onHand: 5, reserved: 0 });
      expect(await tokensOf(sku!)).toEqual({});
    }
  });

  it('never offers safety stock', () => sellOut(strategy, { onHand: 10, safetyStock: 4 }));

  it('offers nothing while there is less than the safety stock', () =>
    sellOut(strategy, { onHand: 3, safetyStock: 4 }));

  it('leaves safety stock out of the numbers of a refusal', async () => {
    const sku = await world.product({ onHand: 10, safetyStock: 4, strategy });
    const error = await refusalOf(world.reserve([{ sku, quantity: 7 }]));
    expect(shortfallsOf(error)).toEqual([{ sku, requested: 7, available: 6 }]);
  });

  it('completes a raised safety stock from what comes back, before it offers more', async () => {
    const sku = await world.product({ onHand: 10, strategy });
    const ids: string[] = [];
    for (let nth = 0; nth < 8; nth++)
      ids.push(await world.reserve([{ sku, quantity: 1 }], { customerId: `cus_${nth}` }));

    await keepBack(world, sku, 5);
    for (const expected of [0, 0, 0, 0, 1]) {
      expect((await world.products.stock(sku)).available).toBe(expected);
      if (expected === 0) expect(await outcomeOf(world.reserve([{ sku, quantity: 1 }]))).toBe(short);
      await world.reservations.release(ids.pop()!, shop);
    }

    // 7 units are free by now.
    await world.reserve([{ sku, quantity: 2 }]);
    expect(await outcomeOf(world.reserve([{ sku, quantity: 1 }]))).toBe(short);
  });

  it('takes no unit after its safety stock was raised, however many buyers are under way', async () => {
    const sku = await world.product({ onHand: 60, strategy });
    const buyers = inParallel(
      8,
      Array.from({ length: 60 }, () => () => world.reserve([{ sku, quantity: 1 }])),
    );
    await until(async () => (await world.level(sku)).reserved >= 10);
    await keepBack(world, sku, 60);
    const { reserved } = await world.level(sku);

    const codes = codesOf(await buyers);

    expect(codes.filter((code) => code === 'ok')).toHaveLength(reserved);
    expect(await world.level(sku)).toEqual({ onHand: 60, reserved });
  });

  it('loses no unit when its SKU’s strategy changes under load', async () => {
    const sku = await world.product({ onHand: 40, strategy });
    let selling = true;
    const switches = (async () => {
      for (let nth = 0; selling; nth++) {
        const { version, name, unitAmount, currency } = await world.products.get(sku);
        const other = strategyNames[nth % strategyNames.length]!;
        const dto = { name, unitPrice: { amount: unitAmount, currency }, strategy: other };
        await world.products.put(sku, dto, { ifMatch: `"${version}"` }, operator);
      }
    })();

    const codes = codesOf(
      await inParallel(
        8,
        Array.from({ length: 60 }, () => () => world.reserve([{ sku, quantity: 1 }])),
      ),
    );
    selling = false;
    await switches;

    expect(codes.filter((code) => code === 'ok')).toHaveLength(40);
    expect(codes.filter((code) => code === 'insufficient_stock')).toHaveLength(20);
    const tokens = Object.values(await tokensOf(sku)).flatMap((ofPool) => [...new Set(ofPool)]);
    expect(tokens).toHaveLength(40);
  });
});

describe('the case of safety stock', () => {
  it('notices a strategy that offers it', async () => {
    const blind: StockStrategy = {
      name: 'blind',
      take: async (tx, [demand]) => {
        await tx.affected(
          `UPDATE stock_levels SET reserved = reserved + 1, fencing_token = fencing_token + 1 WHERE sku = $1`,
          [demand!.sku],
        );
        return [{ taken: true, parts: [{ pool: 'main', quantity: 1, fencingToken: 1 }] }];
      },
    };
    const all = strategies as Map<string, StockStrategy>;
    all.set(blind.name, blind);
    try {
      await expect(sellOut(blind.name, { onHand: 1, safetyStock: 1 })).rejects.toThrow('toHaveLength');
    } finally {
      all.delete(blind.name);
    }
  });
});

describe('an order over several strategies', () => {
  it(
    'takes all of its lines or none',
    seeded(async (random) => {
      const skus: string[] = [];
      for (let nth = 0; nth < 6; nth++) {
        skus.push(
          await world.product({
            sku: `MIX-${nth}`,
            onHand: 12,
            strategy: strategyNames[nth % strategyNames.length],
          }),
        );
      }
      const orders = Array.from({ length: 40 }, () => someLines(random, skus, 4));

      const outcomes = await inParallel(
        buyersAtOnce,
        orders.map((lines) => () => world.reserve(lines)),
      );

      const sold = new Map(skus.map((sku) => [sku, 0]));
      for (const [nth, outcome] of outcomes.entries()) {
        if (outcome.status === 'rejected') expect(shortfallsOf(outcome.reason).length).toBeGreaterThan(0);
        else for (const { sku, quantity } of orders[nth]!) sold.set(sku, sold.get(sku)! + quantity);
      }
      for (const sku of skus) expect(await world.level(sku)).toEqual({ onHand: 12, reserved: sold.get(sku) });
    }),
  );

  it('reports the short lines of all of them', async () => {
    const lines: Line[] = [];
    for (const strategy of strategyNames)
      lines.push({ sku: await world.product({ onHand: 1, strategy }), quantity: 2 });
    const sorted = [...lines].sort((a, b) => (a.sku < b.sku ? -1 : 1));

    const error = await refusalOf(world.reserve(lines));

    expect(shortfallsOf(error)).toEqual(sorted.map(({ sku }) => ({ sku, requested: 2, available: 1 })));
  });
});

it('takes nothing with a strategy that this build does not have', async () => {
  const sku = await world.product();
  await world.rows(`UPDATE products SET strategy = 'crystal-ball' WHERE sku = $1`, [sku]);

  expect(await outcomeOf(world.reserve([{ sku, quantity: 1 }]))).toMatch(/crystal-ball/);
  expect(await world.level(sku)).toEqual({ onHand: 10, reserved: 0 });
});

/** More buyers than units, a few at once. */
async function sellOut(strategy: string, { onHand, safetyStock }: { onHand: number; safetyStock: number }) {
  const isPlanted = !strategyNames.includes(strategy);
  const sku = await world.product({ onHand, safetyStock, strategy: isPlanted ? undefined : strategy });
  if (isPlanted) await world.rows(`UPDATE products SET strategy = $2 WHERE sku = $1`, [sku, strategy]);
  const offered = Math.max(0, onHand - safetyStock);

  const codes = codesOf(
    await inParallel(
      buyersAtOnce,
      Array.from({ length: onHand + 5 }, () => () => world.reserve([{ sku, quantity: 1 }])),
    ),
  );

  expect(codes.filter((code) => code === 'ok')).toHaveLength(offered);
  expect(codes.filter((code) => code === short)).toHaveLength(codes.length - offered);
  expect(await world.level(sku)).toEqual({ onHand, reserved: offered });
  expect((await world.products.stock(sku)).available).toBe(0);
}

/** One to `linesMax` lines in any order, no SKU twice. */
function someLines(random: Random, skus: string[], linesMax: number): Line[] {
  return random
    .shuffled(skus)
    .slice(0, random.integer(1, linesMax))
    .map((sku) => ({ sku, quantity: random.integer(1, 2) }));
}

/** Returns the effects of a transaction and rolls it back. */
async function rolledBack<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
  let result: { value: T } | undefined;
  const never = world.db.transaction('command', async (tx) => {
    result = { value: await work(tx) };
    throw new Error('rolled back on purpose');
  });
  await never.catch(() => undefined);
  if (!result) throw new Error('the work did not end');
  return result.value;
}
