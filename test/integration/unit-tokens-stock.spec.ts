import { reserveAgain } from '../../src/inventory/reservations/order-reservations.repository';
import { belowReserved } from '../../src/inventory/inventory.errors';
import { unitsMax } from '../../src/inventory/stock/units.repository';
import { rebalanceAll } from '../../src/inventory/stock/transfers';
import { codesOf, createWorld, expectInvariants, inParallel, shop, type World } from '../support/fixtures';
import { undoReservation } from '../support/order-reservation';
import { seeded } from '../support/seeded';
import { adjust, switchTo, unitsOf } from '../support/stock-changes';

const strategy = 'unit-tokens';

let world: World;
beforeAll(async () => (world = await createWorld()));
afterEach(() => expectInvariants(world));
afterAll(() => world.close());

const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, nth) => from + nth);

describe('units', () => {
  it('are minted and retired with the stock, and free numbers are reused', async () => {
    const sku = await world.product({ onHand: 3, strategy });
    const held = await world.reserve([{ sku, quantity: 2 }]);
    await adjust(world, sku, 3);
    expect(await unitsOf(world, sku)).toEqual({ free: [3, 4, 5, 6], taken: [1, 2] });

    await adjust(world, sku, -2);
    expect(await unitsOf(world, sku)).toEqual({ free: [3, 4], taken: [1, 2] });
    await world.reserve([{ sku, quantity: 2 }]);
    await world.reservations.release(held, shop);
    await adjust(world, sku, -1);
    await adjust(world, sku, 2);
    expect(await unitsOf(world, sku)).toEqual({ free: [1, 2, 5], taken: [3, 4] });
  });

  it('are not retired while they are reserved', async () => {
    const sku = await world.product({ onHand: 3, strategy });
    await world.reserve([{ sku, quantity: 2 }]);

    const refused = await adjust(world, sku, -2).catch((error: unknown) => error);

    expect(refused).toMatchObject({ code: belowReserved.type.code });
    expect(await unitsOf(world, sku)).toEqual({ free: [3], taken: [1, 2] });
  });

  it.each([
    ['at creation', '/onHand', () => world.product({ onHand: unitsMax + 1, strategy })],
    [
      'by a delivery',
      '/delta',
      async () => adjust(world, await world.product({ onHand: 1, strategy }), unitsMax),
    ],
    [
      'by a switch',
      '/strategy',
      async () => switchTo(world, await world.product({ onHand: unitsMax + 1 }), strategy),
    ],
  ])('are refused above the largest number of units (%s)', async (_when, pointer, work) => {
    const refused = await work().catch((error: unknown) => error);
    expect(refused).toMatchObject({ errors: [{ pointer, code: 'units_max' }] });
  });

  it('are minted in one statement, up to the largest number', async () => {
    const sku = await world.product({ onHand: unitsMax, strategy });
    await world.reserve([{ sku, quantity: 1_000 }]);
    await switchTo(world, sku, 'adaptive');
    expect(await unitsOf(world, sku)).toEqual({ free: [], taken: numbers(1, 1_000) });
  });

  it(
    'match on_hand during deliveries, losses and purchases',
    seeded(async (random) => {
      const sku = await world.product({ onHand: 20, strategy });
      let received = 0;
      const acts = [
        () => world.reserve([{ sku, quantity: random.integer(1, 4) }]),
        async () => {
          const id = await world.reserve([{ sku, quantity: random.integer(1, 4) }]);
          if (random.next() < 0.5) return world.reservations.release(id, shop);
          await world.makeDue(id);
          return world.reservations.expireDue();
        },
        async () => {
          const delta = random.pick([-2, -1, 1, 2]);
          await adjust(world, sku, delta);
          received += delta;
        },
      ];

      const codes = codesOf(
        await inParallel(
          12,
          Array.from({ length: 200 }, () => random.pick<() => Promise<unknown>>(acts)),
        ),
      );

      // A loss waits while buyers have locked all free units.
      const refusals = ['insufficient_stock', 'below_reserved', 'unavailable'];
      expect(codes.filter((code) => code !== 'ok' && !refusals.includes(code))).toEqual([]);
      const { onHand, reserved } = await world.level(sku);
      expect(onHand).toBe(20 + received);
      const { free, taken } = await unitsOf(world, sku);
      expect([free.length, taken.length]).toEqual([onHand - reserved, reserved]);
    }),
  );

  it('are free again when their buyer’s connection is killed', async () => {
    const sku = await world.product({ onHand: 5, strategy });
    await world.reserve([{ sku, quantity: 1 }]);
    const killer = await world.session();
    let runs = 0;

    const work = world.db.transaction('command', async (tx) => {
      if (++runs > 1) throw new Error('the second run is not wanted');
      await world.reserver.single(tx, world.reservationRequest([{ sku, quantity: 3 }]));
      const [{ pid } = { pid: 0 }] = await tx.rows<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      await killer.query('SELECT pg_terminate_backend($1)', [pid]);
      await tx.rows('SELECT 1');
    });

    await expect(work).rejects.toThrow('the second run is not wanted');
    await killer.end();
    expect(await unitsOf(world, sku)).toEqual({ free: [2, 3, 4, 5], taken: [1] });
  });
});

describe('a reserved unit', () => {
  it('is free again when its reservation expires', async () => {
    const sku = await world.product({ onHand: 2, strategy });
    await world.makeDue(await world.reserve([{ sku, quantity: 2 }]));
    await world.reservations.expireDue();
    expect(await unitsOf(world, sku)).toEqual({ free: [1, 2], taken: [] });
  });

  it('stays with its placed order, and is free again after a refund', async () => {
    const sku = await world.product({ onHand: 3, strategy });
    world.gateway.expect('authorize').expect('capture').expect('refund');
    const orderId = await world.order([{ sku, quantity: 2 }]);
    await world.runner().drive(orderId);
    expect(await unitsOf(world, sku)).toEqual({ free: [3], taken: [1, 2] });

    await world.orders.requestCancellation(orderId, 'refund', 'refund', shop);
    await world.runner().drive(orderId);
    world.gateway.expectSpoken();
    expect(await unitsOf(world, sku)).toEqual({ free: [1, 2, 3], taken: [] });
  });

  it.each([
    ['units', strategy, 'ok'],
    ['pools', 'pools', 'ok'],
    ['units, with too few left', strategy, 'short'],
    ['pools, with too little left', 'pools', 'short'],
  ])('is taken again for a late charge (%s)', async (_what, kept, outcome) => {
    const sku = await world.product({ onHand: 9, strategy: kept });
    const orderId = await world.order([{ sku, quantity: 6 }]);
    const { reservationId } = await world.orders.get(orderId, shop);
    const inTransaction = <T>(work: Parameters<typeof world.db.transaction<T>>[1]) =>
      world.db.transaction('command', work);
    await inTransaction((tx) => undoReservation(tx, reservationId, orderId, 'abandoned'));
    if (outcome === 'short') await world.reserve([{ sku, quantity: 4 }]);
    const before = await world.level(sku);
    const onPurpose = new Error('rolled back on purpose');

    const again = inTransaction(async (tx) => {
      const held = await reserveAgain(tx, { orderId, reservationId }, 600);
      const [level] = await tx.rows<{ reserved: number; units: number }>(
        `SELECT (SELECT sum(reserved)::int FROM stock_levels WHERE sku = $1) AS reserved,
                (SELECT count(reservation_id)::int FROM stock_units WHERE sku = $1) AS units`,
        [sku],
      );
      const expected = before.reserved + (held ? 6 : 0);
      expect(level).toEqual({ reserved: expected, units: kept === strategy ? expected : 0 });
      expect(held ? 'ok' : 'short').toBe(outcome);
      throw onPurpose;
    });

    await expect(again).rejects.toBe(onPurpose);
    await world.rows(
      `UPDATE sagas SET next_run_at = clock_timestamp() + interval '1 hour' WHERE order_id = $1`,
      [orderId],
    );
  });

  it('is minted when it is moved back after a switch', async () => {
    const sku = await world.product({ onHand: 4 });
    const held = await world.reserve([{ sku, quantity: 3 }]);
    await switchTo(world, sku, strategy);
    expect(await unitsOf(world, sku)).toEqual({ free: [1], taken: [] });

    await world.reservations.release(held, shop);
    expect(await rebalanceAll(world.db)).toBe(1);
    expect(await unitsOf(world, sku)).toEqual({ free: [1, 2, 3, 4], taken: [] });
    expect(await rebalanceAll(world.db)).toBe(0);
  });
});
