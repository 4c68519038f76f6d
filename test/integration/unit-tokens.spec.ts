import type { Tx } from '../../src/database/database';
import { newId } from '../../src/ids';
import { reservationView } from '../../src/inventory/reservations/reservations.responses';
import { unitsPool } from '../../src/inventory/products/pools';
import { UnitTokens } from '../../src/inventory/allocation/strategies/unit-tokens';
import { retireUnits } from '../../src/inventory/stock/units.repository';
import {
  outcomeOf,
  codesOf,
  createWorld,
  expectInvariants,
  inParallel,
  shop,
  until,
  type World,
} from '../support/fixtures';
import { hesitating, holding } from '../support/rivals';
import { seeded } from '../support/seeded';
import { adjust, switchTo, unitsOf } from '../support/stock-changes';

const strategy = 'unit-tokens';

let world: World;
beforeAll(async () => (world = await createWorld()));
afterEach(() => expectInvariants(world));
afterAll(() => world.close());

/** A reservation's units as the shop gets them. */
async function numbersOf(reservationId: string): Promise<number[] | undefined> {
  const [line] = reservationView(await world.reservation(reservationId)).lines;
  return line && 'units' in line ? line.units : undefined;
}

/** Locks a unit, like a rival that is about to take it. */
const unitOne = 'SELECT FROM stock_units WHERE sku = $1 AND unit_no = 1 FOR UPDATE';

const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, nth) => from + nth);

/** Waits until a buyer found too few units and searched again. */
const untilOvertaken = (sku: string) =>
  until(async () => world.contention.figures(sku).some((one) => one.conflictRate > 0));

describe('numbered units', () => {
  it('are all sold, each once, when 300 buyers compete for 100', async () => {
    const sku = await world.product({ onHand: 100, strategy });

    const outcomes = await inParallel(
      12,
      Array.from({ length: 300 }, () => () => world.reserve([{ sku, quantity: 1 }])),
    );

    const codes = codesOf(outcomes);
    expect(codes.filter((code) => code === 'ok')).toHaveLength(100);
    expect(codes.filter((code) => code === 'insufficient_stock')).toHaveLength(200);
    const sold: number[] = [];
    for (const outcome of outcomes)
      if (outcome.status === 'fulfilled') sold.push(...(await numbersOf(outcome.value))!);
    expect(sold.sort((one, other) => one - other)).toEqual(numbers(1, 100));
  });

  it('are shown to the buyer, the lowest first, while the reservation holds them', async () => {
    const sku = await world.product({ onHand: 5, strategy });
    const first = await world.reserve([{ sku, quantity: 2 }]);
    const second = await world.reserve([{ sku, quantity: 2 }]);
    expect([await numbersOf(first), await numbersOf(second)]).toEqual([
      [1, 2],
      [3, 4],
    ]);

    await world.reservations.release(first, shop);
    expect(await numbersOf(first)).toBeUndefined();
    expect(await numbersOf(await world.reserve([{ sku, quantity: 3 }]))).toEqual([1, 2, 5]);
    await world.reservations.confirm(second, shop);
    expect(await numbersOf(second)).toEqual([3, 4]);
  });

  it('are left out of responses for products without numbers', async () => {
    const sku = await world.product();
    const view = reservationView(await world.reservation(await world.reserve([{ sku, quantity: 1 }])));
    expect(view.lines[0]).not.toHaveProperty('units');
  });

  it(
    'are assigned correctly in orders of several products and strategies, and a refused order keeps none',
    seeded(async (random) => {
      const numbered = await world.productsOf(2, { onHand: 12, strategy });
      const counted = await world.productsOf(2, {
        onHand: 12,
        strategy: random.pick(['serializable', 'row-lock']),
      });
      const skus = [...numbered, ...counted];
      const orders = Array.from({ length: 40 }, () =>
        random.shuffled(skus).map((sku) => ({ sku, quantity: random.integer(1, 2) })),
      );

      const outcomes = await inParallel(
        12,
        orders.map((lines) => () => world.reserve(lines)),
      );

      const sold = new Map(skus.map((sku) => [sku, 0]));
      outcomes.forEach((outcome, nth) => {
        if (outcome.status === 'fulfilled')
          for (const { sku, quantity } of orders[nth]!) sold.set(sku, sold.get(sku)! + quantity);
      });
      expect(codesOf(outcomes).filter((code) => code !== 'ok' && code !== 'insufficient_stock')).toEqual([]);
      for (const sku of skus) expect(await world.level(sku)).toEqual({ onHand: 12, reserved: sold.get(sku) });
      for (const sku of numbered) expect((await unitsOf(world, sku)).taken).toHaveLength(sold.get(sku)!);
    }),
  );
});

describe('the last unit, while a rival has locked it', () => {
  it('is not sold out: a buyer waits and gets it when the rival rolls back', async () => {
    const sku = await world.product({ onHand: 1, strategy });
    const rival = await hesitating(world, { sku, quantity: 1 });
    const buyer = world.reserve([{ sku, quantity: 1 }]);
    await untilOvertaken(sku);
    await rival('goes away');

    expect(await numbersOf(await buyer)).toEqual([1]);
  });

  it('is sold out when the rival has bought it', async () => {
    const sku = await world.product({ onHand: 1, strategy });
    const rival = await hesitating(world, { sku, quantity: 1 });
    const buyer = outcomeOf(world.reserve([{ sku, quantity: 1 }]));
    await untilOvertaken(sku);
    await rival('buys');

    expect(await buyer).toBe('insufficient_stock');
  });

  it('does not block other units: a buyer who waits for more holds no locks', async () => {
    const sku = await world.product({ onHand: 3, strategy });
    const letGo = await holding(world, unitOne, [sku]);
    const patient = outcomeOf(world.reserve([{ sku, quantity: 3 }]));
    await untilOvertaken(sku);

    expect(await numbersOf(await world.reserve([{ sku, quantity: 2 }]))).toEqual([2, 3]);
    expect(await patient).toBe('insufficient_stock');
    await letGo();
  });

  it('is waited for only a few seconds, then the buyer gets 503', async () => {
    const sku = await world.product({ onHand: 1, strategy });
    const rival = await hesitating(world, { sku, quantity: 1 });
    const askedAt = performance.now();

    expect(await outcomeOf(world.reserve([{ sku, quantity: 1 }]))).toBe('unavailable');
    expect(performance.now() - askedAt).toBeLessThan(4_500);
    await rival('goes away');
    expect(await outcomeOf(world.reserve([{ sku, quantity: 1 }]))).toBe('ok');
  });

  it('is left to the rival when others are written off or moved', async () => {
    const sku = await world.product({ onHand: 4, strategy });
    const letGo = await holding(world, unitOne, [sku]);
    await adjust(world, sku, -1);
    await switchTo(world, sku, 'row-lock');
    expect(await unitsOf(world, sku)).toEqual({ free: [1], taken: [] });
    await letGo();

    expect(await outcomeOf(world.reserve([{ sku, quantity: 3 }]))).toBe('ok');
    expect(await unitsOf(world, sku)).toEqual({ free: [], taken: [] });
  });

  it('is not written off while the rival holds it', async () => {
    const sku = await world.product({ onHand: 1, strategy });
    const letGo = await holding(world, unitOne, [sku]);
    expect(await outcomeOf(adjust(world, sku, -1))).toBe('unavailable');
    await letGo();
    expect(await outcomeOf(adjust(world, sku, -1))).toBe('ok');
  });
});

describe('units of a product created after the last ANALYZE', () => {
  let fresh: World;
  let sku: string;
  beforeAll(async () => {
    // On a separate database, without statistics of anything else.
    fresh = await createWorld();
    await fresh.product({ onHand: 2_000, strategy });
    await fresh.rows('ANALYZE stock_units');
    sku = await fresh.product({ onHand: 2_000, strategy });
  });
  afterAll(() => fresh.close());

  /** How many unit rows the work reads; it is rolled back. */
  async function readBy(work: (tx: Tx) => Promise<unknown>): Promise<number> {
    const undone = new Error('undone');
    let read = NaN;
    const measured = fresh.db.transaction('intake', async (tx) => {
      const before = await readSoFar(tx);
      await work(tx);
      read = (await readSoFar(tx)) - before;
      throw undone;
    });
    await expect(measured).rejects.toBe(undone);
    return read;
  }

  /** By this connection, since it last reported its statistics. */
  async function readSoFar(tx: Tx): Promise<number> {
    const [table] = await tx.rows<{ read: number }>(
      `SELECT (idx_tup_fetch + seq_tup_read)::int AS read FROM pg_stat_xact_user_tables WHERE relname = 'stock_units'`,
    );
    return table!.read;
  }

  it('are found without reading the others', async () => {
    const demand = { sku, pool: unitsPool, quantity: 3 };
    const taker = { reservationId: newId(), onConflict: () => undefined };
    expect(await readBy((tx) => new UnitTokens().take(tx, [demand], taker))).toBeLessThan(20);
  });

  it('are written off without reading the others', async () => {
    expect(await readBy((tx) => retireUnits(tx, sku, 3))).toBeLessThan(20);
  });
});
