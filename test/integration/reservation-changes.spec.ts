import { armFailpoints } from '../../src/failpoints';
import { newId } from '../../src/ids';
import { InsufficientStock } from '../../src/inventory/inventory.errors';
import { strategyNames } from '../../src/inventory/allocation/strategies/strategies';
import {
  outcomeOf,
  codesOf,
  createWorld,
  expectInvariants,
  inParallel,
  operator,
  shop,
  untilBlocked,
  type World,
} from '../support/fixtures';
import { pin } from '../support/order-reservation';
import { line } from '../support/intakes';
import { hesitating, holding } from '../support/rivals';
import { type Random, seeded } from '../support/seeded';
import { stockIn, switchTo } from '../support/stock-changes';

let world: World;
beforeAll(async () => (world = await createWorld()));
afterEach(async () => {
  armFailpoints(undefined);
  await expectInvariants(world);
});
afterAll(() => world.close());

type Line = { sku: string; quantity: number };

const shortfallsOf = (work: Promise<unknown>) =>
  work.then(
    () => Promise.reject(new Error('it was not refused')),
    (error: unknown) => {
      if (!(error instanceof InsufficientStock)) throw error;
      return error.facts.shortfalls;
    },
  );

/** The lines and total as a buyer sees them. */
async function shown(id: string) {
  const { lines, totalAmount, currency } = await world.reservation(id);
  return {
    lines: lines.map(({ sku, quantity, unitAmount }) => [sku, quantity, unitAmount]),
    total: `${totalAmount} ${currency}`,
  };
}

const messagesOf = async (id: string) =>
  (
    await world.rows<{ type: string }>(`SELECT type FROM outbox WHERE aggregate_id = $1 ORDER BY sequence`, [
      id,
    ])
  ).map(({ type }) => type);

const cost = (sku: string, amount: number, currency = 'EUR') =>
  world.rows(`UPDATE products SET unit_amount = $2, currency = $3 WHERE sku = $1`, [sku, amount, currency]);

describe.each(strategyNames)('changing the lines of a reservation (%s)', (strategy) => {
  it('lowers 12 of 20 to 11 although 11 more are not available', async () => {
    const sku = await world.product({ onHand: 20, strategy });
    const neighbour = await world.reserve([line(sku, 3)]);
    const id = await world.reserve([line(sku, 12)]);
    const before = await world.reservation(id);

    await world.change(id, [line(sku, 11)]);

    const after = await world.reservation(id);
    expect(after).toMatchObject({
      status: 'active',
      expiresAt: before.expiresAt,
      maxExpiresAt: before.maxExpiresAt,
      extensionsUsed: 0,
      totalAmount: 11_000,
      version: before.version + 1,
    });
    expect(after.lines).toMatchObject([{ sku, quantity: 11, unitAmount: 1_000 }]);
    expect(after.lines[0]!.units ?? null).toEqual(before.lines[0]!.units?.slice(0, 11) ?? null);
    expect(await world.level(sku)).toEqual({ onHand: 20, reserved: 14 });
    expect(await shown(neighbour)).toEqual({ lines: [[sku, 3, 1_000]], total: '3000 EUR' });
    expect(await messagesOf(id)).toEqual(['reservation.created', 'reservation.changed']);
  });

  it('raises a line by what is available, under a newer fencing token, and refuses one unit more', async () => {
    const sku = await world.product({ onHand: 20, strategy });
    await world.reserve([line(sku, 3)]);
    const id = await world.reserve([line(sku, 12)]);
    const [before] = (await world.reservation(id)).lines;

    expect(await shortfallsOf(world.change(id, [line(sku, 18)]))).toEqual([
      { sku, requested: 18, available: 17 },
    ]);
    expect((await world.reservation(id)).lines).toEqual([before]);
    expect(await world.level(sku)).toEqual({ onHand: 20, reserved: 15 });

    await world.change(id, [line(sku, 17)]);
    const [after] = (await world.reservation(id)).lines;
    expect(after).toMatchObject({ quantity: 17 });
    expect(after!.fencingToken).toBeGreaterThan(before!.fencingToken);
    if (before!.units) expect(after!.units).toEqual(expect.arrayContaining(before!.units));
    expect(await world.level(sku)).toEqual({ onHand: 20, reserved: 20 });
  });

  it('adds, raises, lowers and removes lines together, or changes nothing when one is short', async () => {
    const [kept, raised, lowered, removed, added] = await world.productsOf(5, { onHand: 10, strategy });
    const id = await world.reserve([line(kept!, 2), line(raised!, 2), line(lowered!, 5), line(removed!, 4)]);
    const before = await world.reservation(id);
    const wanted = [line(added!, 3), line(lowered!, 1), line(raised!, 6), line(kept!, 2)];
    const levels = () => Promise.all([kept, raised, lowered, removed, added].map((sku) => world.level(sku!)));
    const levelsBefore = await levels();

    expect(await shortfallsOf(world.change(id, [...wanted, line(raised!, 5), line(added!, 8)]))).toEqual([
      { sku: raised, requested: 11, available: 10 },
      { sku: added, requested: 11, available: 10 },
    ]);
    expect(await world.reservation(id)).toMatchObject({ lines: before.lines, version: before.version });
    expect(await levels()).toEqual(levelsBefore);

    await world.change(id, wanted);
    const after = await world.reservation(id);
    expect(after.lines.map(({ sku, quantity }) => [sku, quantity])).toEqual([
      [kept, 2],
      [raised, 6],
      [lowered, 1],
      [added, 3],
    ]);
    expect(after.lines[0]).toEqual(before.lines[0]);
    expect((await levels()).map(({ reserved }) => reserved)).toEqual([2, 6, 1, 0, 3]);
    await world.reservations.release(id, shop);
    expect((await levels()).map(({ reserved }) => reserved)).toEqual([0, 0, 0, 0, 0]);
  });

  it(
    'always holds exactly its lines, next to buyers, releases and other changes',
    seeded(async (random) => {
      const skus = await world.productsOf(3, { onHand: 30, strategy });
      const ids = await Promise.all(skus.map((sku) => world.reserve([line(sku, 4)])));
      const acts = Array.from({ length: 45 }, () => async () => {
        const what = random.next();
        if (what < 0.5) return world.change(random.pick(ids), someLines(random, skus));
        if (what < 0.8) return void ids.push(await world.reserve(someLines(random, skus)));
        return world.reservations.release(random.pick(ids), shop);
      });

      const codes = new Set(codesOf(await inParallel(10, acts)));

      for (const allowed of ['ok', 'insufficient_stock', 'reservation_already_released', 'unavailable'])
        codes.delete(allowed);
      expect([...codes]).toEqual([]);
    }),
  );
});

function someLines(random: Random, skus: string[]): Line[] {
  return skus
    .filter(() => random.next() < 0.7)
    .concat(skus[0]!)
    .map((sku) => line(sku, random.integer(1, 6)));
}

describe('changing lines of every strategy together', () => {
  it('takes and returns each line by its strategy', async () => {
    const skus: string[] = [];
    for (const strategy of strategyNames) skus.push(await world.product({ onHand: 10, strategy }));
    const id = await world.reserve(skus.map((sku) => line(sku, 5)));

    await world.change(
      id,
      skus.map((sku, nth) => line(sku, nth % 2 === 0 ? 9 : 2)),
    );
    await world.change(
      id,
      skus.map((sku, nth) => line(sku, nth % 2 === 0 ? 1 : 10)),
    );

    for (const [nth, sku] of skus.entries())
      expect(await world.level(sku)).toEqual({ onHand: 10, reserved: nth % 2 === 0 ? 1 : 10 });
  });

  it('works after a change of strategy', async () => {
    const sku = await world.product({ onHand: 10, strategy: 'conditional-update' });
    const id = await world.reserve([line(sku, 4)]);

    await switchTo(world, sku, 'unit-tokens');
    await world.change(id, [line(sku, 7)]);
    expect((await world.reservation(id)).lines[0]).toMatchObject({
      quantity: 7,
      units: [1, 2, 3],
      parts: [
        { pool: 'main', quantity: 4 },
        { pool: 'units', quantity: 3 },
      ],
    });

    // Units in pools that are no longer the product's are returned first.
    await world.change(id, [line(sku, 3)]);
    expect((await world.reservation(id)).lines[0]).toMatchObject({
      units: [1, 2, 3],
      parts: [{ pool: 'units', quantity: 3 }],
    });
    expect(await world.level(sku)).toEqual({ onHand: 10, reserved: 3 });
  });
});

describe('a changed line of pools', () => {
  it('grows first from the pools it already uses, then from the others', async () => {
    const sku = await stockIn(world, { eu: 3, us: 4 });
    const id = await world.reserve([line(sku, 1)], { pool: 'us' });
    await world.change(id, [line(sku, 6)]);
    expect((await world.reservation(id)).lines[0]!.parts).toMatchObject([
      { pool: 'eu', quantity: 2 },
      { pool: 'us', quantity: 4 },
    ]);
    await world.change(id, [line(sku, 1)]);
    expect((await world.reservation(id)).lines[0]!.parts).toMatchObject([{ pool: 'eu', quantity: 1 }]);
  });
});

describe('prices of a changed reservation', () => {
  it('are current for all units of a raised or new line, and unchanged for other lines', async () => {
    const [kept, raised, lowered, added] = await world.productsOf(4);
    const id = await world.reserve([line(kept!, 2), line(raised!, 2), line(lowered!, 2)]);
    for (const sku of [kept, raised, lowered, added]) await cost(sku!, 1_500);

    await world.change(id, [line(kept!, 2), line(raised!, 3), line(lowered!, 1), line(added!, 1)]);

    expect(await shown(id)).toEqual({
      lines: [
        [kept, 2, 1_000],
        [raised, 3, 1_500],
        [lowered, 1, 1_000],
        [added, 1, 1_500],
      ],
      total: `${2_000 + 4_500 + 1_000 + 1_500} EUR`,
    });
  });

  it('are refused when the total differs from the one the buyer saw, even if no line changes', async () => {
    const sku = await world.product();
    const id = await world.reserve([line(sku, 2)]);
    const ask = (quantity: number, amount: number) =>
      outcomeOf(world.change(id, [line(sku, quantity)], { expectedTotal: { amount, currency: 'EUR' } }));

    expect(await ask(3, 2_000)).toBe('total_changed');
    expect(await ask(2, 3_000)).toBe('total_changed');
    expect(await shown(id)).toMatchObject({ total: '2000 EUR' });
    expect(await ask(3, 3_000)).toBe('ok');
    expect(await shown(id)).toMatchObject({ total: '3000 EUR' });
  });

  it('can all change to another currency, but never mix currencies', async () => {
    const [one, other] = await world.productsOf(2);
    const id = await world.reserve([line(one!, 1), line(other!, 1)]);
    for (const sku of [one, other]) await cost(sku!, 2_000, 'USD');

    expect(await outcomeOf(world.change(id, [line(one!, 2), line(other!, 1)]))).toBe('validation_failed');
    expect(await shown(id)).toMatchObject({ total: '2000 EUR' });
    await world.change(id, [line(one!, 2), line(other!, 2)]);
    expect(await shown(id)).toMatchObject({ total: '8000 USD' });
  });
});

describe('limits of a changed reservation', () => {
  it('apply to raised and new lines, with a pointer, and not to lowered ones', async () => {
    const [limited, other] = await world.productsOf(2, { onHand: 50 });
    const id = await world.reserve([line(limited!, 9)]);
    await world.rows(`UPDATE products SET quantity_per_order_max = 5`);
    const raise = world.change(id, [line(limited!, 8), line(other!, 6), line('NOBODY-KNOWS-IT')]);

    await expect(raise).rejects.toMatchObject({
      errors: [
        { pointer: '/lines/1/quantity', code: 'quantity_over_limit' },
        { pointer: '/lines/2/sku', code: 'unknown_sku' },
      ],
    });
    expect(await outcomeOf(world.change(id, [line(limited!, 10)]))).toBe('validation_failed');
    expect(await outcomeOf(world.change(id, [line(limited!, 8)]))).toBe('ok');
  });

  it.each(strategyNames)('count a new SKU of the reservation once per customer (%s)', async (strategy) => {
    const limited = await world.product({ onHand: 50, strategy, reservationsPerCustomerMax: 2 });
    const sku = await world.product({ onHand: 50 });
    const ids = await Promise.all([1, 2, 3, 4].map(() => world.reserve([line(sku)])));

    const adding = ids.map((id) => () => world.change(id, [line(sku), line(limited)]));
    const codes = codesOf(await inParallel(4, adding));

    expect(codes.sort()).toEqual(['ok', 'ok', 'reservation_limit_reached', 'reservation_limit_reached']);
    expect(await world.level(limited)).toEqual({ onHand: 50, reserved: 2 });
    const [holder] = await world.rows<{ id: string }>(
      `SELECT reservation_id AS id FROM reservation_lines WHERE sku = $1`,
      [limited],
    );
    expect(await outcomeOf(world.change(holder!.id, [line(limited, 5)]))).toBe('ok');
  });
});

describe('a reservation that cannot be changed', () => {
  async function orderOn(sku: string) {
    const orderId = await world.order([line(sku, 2)]);
    const { id } = await world.row<{ id: string }>(`SELECT reservation_id AS id FROM orders WHERE id = $1`, [
      orderId,
    ]);
    return { id, orderId };
  }
  const ids: Record<string, (sku: string) => Promise<string>> = {
    reservation_not_found: async () => newId(),
    reservation_has_order: async (sku) => (await orderOn(sku)).id,
    reservation_pinned: async (sku) => {
      const { id, orderId } = await orderOn(sku);
      await world.db.transaction('command', (tx) => pin(tx, id, orderId));
      return id;
    },
    reservation_already_confirmed: async (sku) => {
      const id = await world.reserve([line(sku, 2)]);
      await world.reservations.confirm(id, shop);
      return id;
    },
    reservation_already_released: async (sku) => {
      const id = await world.reserve([line(sku, 2)]);
      await world.reservations.release(id, shop);
      return id;
    },
    reservation_expired: async (sku) => {
      const id = await world.reserve([line(sku, 2)]);
      await world.makeDue(id);
      return id;
    },
  };

  it.each(Object.keys(ids))('says so: %s', async (code) => {
    const sku = await world.product();
    const id = await ids[code]!(sku);
    const before = await world.level(sku);

    expect(await outcomeOf(world.change(id, [line(sku, 1)]))).toBe(code);
    expect(await outcomeOf(world.change(id, [line(sku, 3)]))).toBe(code);
    expect(await world.level(sku)).toEqual(before);
    await world.reservations.expireDue();
  });

  it('answers 404 to another shop', async () => {
    const sku = await world.product();
    const id = await world.reserve([line(sku, 2)]);
    const other = { name: 'other-shop', role: 'client' } as const;
    const change = (by: typeof other | typeof operator) =>
      outcomeOf(world.reservations.changeLines(id, { lines: [line(sku, 1)] }, newId(), by));

    expect(await change(other)).toBe('reservation_not_found');
    expect(await world.level(sku)).toMatchObject({ reserved: 2 });
    expect(await change(operator)).toBe('ok');
  });

  it('has expired when it expires while waiting for the stock', async () => {
    const sku = await world.product();
    const id = await world.reserve([line(sku, 2)], { ttlSeconds: 1 });
    const letGo = await holding(world, `SELECT 1 FROM stock_levels WHERE sku = $1 FOR UPDATE`, [sku]);
    const changed = outcomeOf(world.change(id, [line(sku, 5)]));
    await untilBlocked(world);
    const isOver = `SELECT 1 FROM reservations WHERE id = $1 AND expires_at <= clock_timestamp()`;
    while ((await world.rows(isOver, [id])).length === 0);
    await letGo();

    expect(await changed).toBe('reservation_expired');
    expect((await world.reservation(id)).lines).toMatchObject([{ quantity: 2 }]);
    await world.reservations.expireDue();
    expect(await world.level(sku)).toMatchObject({ reserved: 0 });
  });
});

describe('a change with a short line', () => {
  it('reports that the reservation keeps its units', async () => {
    const sku = await world.product({ onHand: 3 });
    const id = await world.reserve([line(sku, 2)]);
    await expect(world.change(id, [line(sku, 9)])).rejects.toThrow(
      `Nothing was changed; the reservation keeps what it holds. These are short: ${sku} (asked 9, available 3).`,
    );
  });

  it('first ends due reservations, like a new reservation, and counts its own units', async () => {
    const sku = await world.product({ onHand: 20 });
    const id = await world.reserve([line(sku, 12)]);
    await world.makeDue(await world.reserve([line(sku, 8)]));

    await world.change(id, [line(sku, 20)]);
    expect(await world.level(sku)).toEqual({ onHand: 20, reserved: 20 });
  });

  it('reads the stock again when a rival has claimed numbered units and waits for the stock row', async () => {
    const sku = await world.product({ onHand: 6, strategy: 'unit-tokens' });
    const id = await world.reserve([line(sku, 2)]);
    const letGo = await holding(world, `SELECT 1 FROM stock_levels WHERE sku = $1 FOR UPDATE`, [sku]);
    const changed = shortfallsOf(world.change(id, [line(sku, 5)]));
    await untilBlocked(world, 1);
    const rival = outcomeOf(world.reserve([line(sku, 2)]));
    await untilBlocked(world, 2);
    await letGo();

    expect(await rival).toBe('ok');
    expect(await changed).toEqual([{ sku, requested: 5, available: 4 }]);
  });

  it('does not wait for a rival that has locked a unit it does not need', async () => {
    const sku = await world.product({ onHand: 6, strategy: 'unit-tokens' });
    const id = await world.reserve([line(sku, 2)]);
    const decide = await hesitating(world, line(sku, 1));
    const changed = world.change(id, [line(sku, 5)]);
    await untilBlocked(world);
    await decide('goes away');
    await changed;
    expect((await world.reservation(id)).lines[0]!.units).toHaveLength(5);
  });
});

describe('a change with an idempotency key', () => {
  it('is carried out once when many copies arrive at once', async () => {
    const sku = await world.product({ onHand: 20 });
    const id = await world.reserve([line(sku, 2)]);
    const key = newId();

    const copies = await Promise.all(
      Array.from({ length: 6 }, () => world.change(id, [line(sku, 5)], { key })),
    );

    expect(copies.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect(await messagesOf(id)).toEqual(['reservation.created', 'reservation.changed']);
    await world.change(id, [line(sku, 3)]);
    expect(await world.change(id, [line(sku, 5)], { key })).toEqual({ replayed: true });
    expect(await world.level(sku)).toMatchObject({ reserved: 3 });
    expect(await outcomeOf(world.change(id, [line(sku, 6)], { key }))).toBe('idempotency_key_reused');
    await world.reservations.confirm(id, shop);
    expect(await world.change(id, [line(sku, 5)], { key })).toEqual({ replayed: true });
  });

  it('can be retried with the same key after a refusal', async () => {
    const sku = await world.product({ onHand: 5 });
    const id = await world.reserve([line(sku, 2)]);
    const key = newId();
    const rival = await world.reserve([line(sku, 3)]);
    expect(await outcomeOf(world.change(id, [line(sku, 5)], { key }))).toBe('insufficient_stock');
    await world.reservations.release(rival, shop);
    expect(await world.change(id, [line(sku, 5)], { key })).toEqual({ replayed: false });
  });

  it.each(['before', 'after'])(
    'is complete or absent when the connection breaks %s its commit',
    async (when) => {
      const [lowered, raised] = [
        await world.product({ onHand: 10, strategy: 'unit-tokens' }),
        await world.product({ onHand: 10, strategy: 'pools' }),
      ];
      const id = await world.reserve([line(lowered, 5), line(raised, 2)]);
      const before = await world.reservation(id);
      const key = newId();
      const wanted = [line(lowered, 2), line(raised, 9)];
      armFailpoints(`change-lines.${when}-commit:throw`);
      await expect(world.change(id, wanted, { key })).rejects.toThrow('failpoint');
      armFailpoints(undefined);
      if (when === 'before')
        expect(await world.reservation(id)).toMatchObject({ lines: before.lines, version: 1 });
      await expectInvariants(world);

      expect(await world.change(id, wanted, { key })).toEqual({ replayed: when === 'after' });
      expect((await world.reservation(id)).lines.map(({ quantity }) => quantity)).toEqual([2, 9]);
      expect(await messagesOf(id)).toEqual(['reservation.created', 'reservation.changed']);
    },
  );

  it('to the same lines changes nothing and writes no message', async () => {
    const sku = await world.product();
    const id = await world.reserve([line(sku, 2)]);
    await cost(sku, 9_999);
    await world.change(id, [line(sku, 1), line(sku, 1)]);
    expect(await world.reservation(id)).toMatchObject({ version: 1, totalAmount: 2_000 });
    expect(await messagesOf(id)).toEqual(['reservation.created']);
  });
});
