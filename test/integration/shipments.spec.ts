import { newId, publicId } from '../../src/ids';
import { strategyNames } from '../../src/inventory/allocation/strategies/strategies';
import { fulfilmentOf } from '../../src/orders/fulfilment-view';
import { findOrder } from '../../src/orders/shown-orders.repository';
import {
  codesOf,
  createWorld,
  expectInvariants,
  inParallel,
  outcomeOf,
  shop,
  type World,
} from '../support/fixtures';
import { line } from '../support/intakes';
import { stockIn, switchTo } from '../support/stock-changes';
import { seeded } from '../support/seeded';
import {
  countsOf,
  messagesAbout,
  movementsOf,
  placed,
  returnReservation,
  shipOrder,
  shipReservation,
  sold,
} from '../support/sold';

let world: World;
beforeAll(async () => (world = await createWorld()));
afterEach(() => expectInvariants(world));
afterAll(() => world.close());

const refusalOf = (work: Promise<unknown>) =>
  work.then(
    () => Promise.reject(new Error('it was not refused')),
    (error: { code: string; facts: Record<string, any> }) => error,
  );

const unitsOf = async (sku: string) =>
  (
    await world.rows<{ unitNo: number; reservationId: string | null }>(
      `SELECT unit_no AS "unitNo", reservation_id AS "reservationId" FROM stock_units WHERE sku = $1 ORDER BY unit_no`,
      [sku],
    )
  ).map(({ unitNo, reservationId }) => [unitNo, reservationId]);

describe.each(strategyNames)('goods of a reservation sold by the strategy %s', (strategy) => {
  it('leave on hand and reserved, and what is available stays as it is', async () => {
    const sku = await world.product({ onHand: 10, strategy });
    const neighbour = await sold(world, [line(sku, 2)]);
    const id = await sold(world, [line(sku, 5)]);

    await shipReservation(world, id, [line(sku, 3)], { reference: 'DHL 1' });

    expect(await world.level(sku)).toEqual({ onHand: 7, reserved: 4 });
    expect(await countsOf(world, id, sku)).toEqual([5, 3, 0, 0]);
    expect(await countsOf(world, neighbour, sku)).toEqual([2, 0, 0, 0]);
    await shipReservation(world, id);
    expect(await world.level(sku)).toEqual({ onHand: 5, reserved: 2 });
    expect(await countsOf(world, id, sku)).toEqual([5, 5, 0, 0]);
    const movements = await movementsOf(world, sku, 'ship');
    expect(movements.reduce((sum, { delta }) => sum + delta, 0)).toBe(-5);
    expect(new Set(movements.map(({ actor }) => actor))).toEqual(new Set([shop.name]));
  });

  it('come back: those that were not shipped first, shipped ones on sale only when they are sellable', async () => {
    const sku = await world.product({ onHand: 10, strategy });
    const id = await sold(world, [line(sku, 6)]);
    await shipReservation(world, id, [line(sku, 4)]);

    await returnReservation(world, id, [line(sku, 3)]);
    expect(await countsOf(world, id, sku)).toEqual([6, 4, 2, 1]);
    expect(await world.level(sku)).toEqual({ onHand: 6, reserved: 0 });
    await returnReservation(world, id, [line(sku, 2)], { restock: 'sellable' });
    expect(await countsOf(world, id, sku)).toEqual([6, 4, 2, 3]);
    expect(await world.level(sku)).toEqual({ onHand: 8, reserved: 0 });
    expect((await movementsOf(world, sku, 'return')).reduce((sum, { delta }) => sum + delta, 0)).toBe(2);
    expect(await outcomeOf(world.reserve([line(sku, 8)]))).toBe('ok');
  });

  it(
    'never leave more often than they were sold, however many shipments and returns are asked for at once',
    seeded(async (random) => {
      const sku = await world.product({ onHand: 12, strategy });
      const id = await sold(world, [line(sku, 8)]);
      const asks = Array.from({ length: 12 }, () => [random.integer(1, 3), random.integer(0, 2)] as const);

      const outcomes = await inParallel(
        6,
        asks.map(
          ([quantity, kind]) =>
            () =>
              kind === 0
                ? returnReservation(world, id, [line(sku, quantity)], { restock: 'sellable' })
                : shipReservation(world, id, [line(sku, quantity)]),
        ),
      );

      expect(codesOf(outcomes).filter((code) => code !== 'ok' && code !== 'more_than_sold')).toEqual([]);
      const [quantity, shipped, givenBack, returned] = await countsOf(world, id, sku);
      expect(quantity).toBe(8);
      expect(shipped! + givenBack!).toBeLessThanOrEqual(8);
      expect(await world.level(sku)).toEqual({
        onHand: 12 - shipped! + returned!,
        reserved: 8 - shipped! - givenBack!,
      });
    }),
  );
});

describe('numbered units', () => {
  it('are retired when they ship, the lowest numbers of the reservation first', async () => {
    const sku = await world.product({ onHand: 6, strategy: 'unit-tokens' });
    const other = await sold(world, [line(sku, 1)]);
    const id = await sold(world, [line(sku, 4)]);

    await shipReservation(world, id, [line(sku, 2)]);

    expect(await unitsOf(sku)).toEqual([
      [1, other],
      [4, id],
      [5, id],
      [6, null],
    ]);
    expect(await messagesAbout(world, id, 'reservation.shipped')).toMatchObject([
      { payload: { lines: [{ sku, quantity: 2, units: [2, 3] }] } },
    ]);
  });

  it('go back on sale when they were not shipped, the highest numbers first', async () => {
    const sku = await world.product({ onHand: 4, strategy: 'unit-tokens' });
    const id = await sold(world, [line(sku, 3)]);

    await returnReservation(world, id, [line(sku, 2)]);

    expect(await unitsOf(sku)).toEqual([
      [1, id],
      [2, null],
      [3, null],
      [4, null],
    ]);
  });
});

describe('goods from several pools', () => {
  it('leave the pools that gave them, also after a switch of strategy', async () => {
    const sku = await stockIn(world, { eu: 2, us: 4 });
    const id = await sold(world, [line(sku, 5)], { pool: 'eu' });
    const parts = await world.rows<{ pool: string; quantity: number }>(
      `SELECT pool, quantity FROM reservation_lines WHERE reservation_id = $1 ORDER BY pool`,
      [id],
    );
    await switchTo(world, sku, 'row-lock');

    await shipReservation(world, id);

    expect(parts.length).toBeGreaterThan(1);
    expect((await movementsOf(world, sku, 'ship')).map(({ pool, delta }) => [pool, -delta])).toEqual(
      expect.arrayContaining(parts.map(({ pool, quantity }) => [pool, quantity])),
    );
    expect(await world.level(sku)).toEqual({ onHand: 1, reserved: 0 });
  });

  it('come back where the stock of the product belongs now', async () => {
    const sku = await stockIn(world, { eu: 3, us: 3 });
    const id = await sold(world, [line(sku, 4)]);
    await shipReservation(world, id);
    await switchTo(world, sku, 'row-lock');

    await returnReservation(world, id, [line(sku, 4)], { restock: 'sellable' });

    expect(await movementsOf(world, sku, 'return')).toEqual([{ pool: 'main', delta: 4, actor: shop.name }]);
  });
});

describe('a shipment of a reservation', () => {
  it.each([
    ['active', 'reservation_not_confirmed', () => undefined],
    ['expired', 'reservation_expired', (id: string) => world.makeDue(id)],
    ['released', 'reservation_already_released', (id: string) => world.reservations.release(id, shop)],
  ] as const)('is refused while the reservation is %s', async (_, code, make) => {
    const sku = await world.product();
    const id = await world.reserve([line(sku)]);
    await make(id);
    expect(await outcomeOf(shipReservation(world, id))).toBe(code);
    expect(await outcomeOf(returnReservation(world, id, [line(sku)]))).toBe(code);
    await world.reservations.expireDue();
  });

  it('is refused when an order has the goods', async () => {
    const sku = await world.product();
    const orderId = await placed(world, [line(sku)]);
    const { id } = await world.row<{ id: string }>(`SELECT id FROM reservations WHERE order_id = $1`, [
      orderId,
    ]);
    const { code, facts } = await refusalOf(shipReservation(world, id));
    expect([code, facts.orderId]).toEqual(['reservation_has_order', publicId('ord', orderId)]);
    expect(await outcomeOf(returnReservation(world, id, [line(sku)]))).toBe('reservation_has_order');
  });

  it('is not found by another shop', async () => {
    const id = await sold(world, [line(await world.product())]);
    const stranger = { name: 'stranger', role: 'client' } as const;
    expect(await outcomeOf(world.shipments.ship(id, {}, newId(), stranger))).toBe('reservation_not_found');
  });

  it('names every line that asks for too much, and ships none', async () => {
    const [a, b, c] = await world.productsOf(3, { onHand: 9 });
    const id = await sold(world, [line(a!, 3), line(b!, 1)]);
    await shipReservation(world, id, [line(a!, 2)]);

    const { code, facts } = await refusalOf(
      shipReservation(world, id, [line(a!, 1), line(a!, 1), line(b!, 1), line(c!, 1)]),
    );

    expect(code).toBe('more_than_sold');
    expect(facts.lines).toEqual([
      { sku: a, requested: 2, left: 1, sold: 3, shipped: 2, givenBack: 0, returned: 0 },
      { sku: c, requested: 1, left: 0, sold: 0, shipped: 0, givenBack: 0, returned: 0 },
    ]);
    expect(await countsOf(world, id, b!)).toEqual([1, 0, 0, 0]);
    await shipReservation(world, id);
    expect((await refusalOf(shipReservation(world, id))).code).toBe('more_than_sold');
  });

  it('is made once by one key, and the key is free again after a refusal', async () => {
    const sku = await world.product();
    const id = await sold(world, [line(sku, 3)]);
    expect(await outcomeOf(shipReservation(world, id, [line(sku, 4)], { key: 'k1' }))).toBe('more_than_sold');

    expect(await shipReservation(world, id, [line(sku, 2)], { key: 'k1' })).toEqual({ replayed: false });
    expect(await shipReservation(world, id, [line(sku, 2)], { key: 'k1' })).toEqual({ replayed: true });
    expect(await outcomeOf(shipReservation(world, id, [line(sku, 1)], { key: 'k1' }))).toBe(
      'idempotency_key_reused',
    );
    expect(await countsOf(world, id, sku)).toEqual([3, 2, 0, 0]);
    expect(await messagesAbout(world, id, 'reservation.shipped')).toMatchObject([{ applied: true }]);
  });
});

describe('a shipment of an order', () => {
  const orderNow = async (orderId: string) => (await findOrder(world.db, orderId))!;

  it('shows in the order how much has left', async () => {
    const sku = await world.product({ onHand: 5 });
    const orderId = await placed(world, [line(sku, 3)]);
    const before = await orderNow(orderId);
    expect([fulfilmentOf(before), before.shipments]).toEqual(['none', []]);

    await shipOrder(world, orderId, [line(sku, 1)], { reference: 'DHL 7' });

    const part = await orderNow(orderId);
    expect(fulfilmentOf(part)).toBe('partial');
    expect(part.version).toBeGreaterThan(before.version);
    expect(part.shipments).toMatchObject([
      { status: 'shipped', lines: [{ sku, quantity: 1 }], reference: 'DHL 7' },
    ]);
    await shipOrder(world, orderId);
    const all = await orderNow(orderId);
    expect([fulfilmentOf(all), all.shipments.map(({ lines }) => lines[0]!.quantity)]).toEqual([
      'shipped',
      [1, 2],
    ]);
    expect(await world.level(sku)).toEqual({ onHand: 2, reserved: 0 });
    expect(await messagesAbout(world, orderId, 'order.shipped')).toMatchObject([
      { sequence: 3, applied: true },
      { sequence: 4, applied: true },
    ]);
    expect((await refusalOf(shipOrder(world, orderId))).code).toBe('more_than_sold');
  });

  it('is refused unless the order is placed', async () => {
    const sku = await world.product({ onHand: 5 });
    const pending = await world.order([line(sku)]);
    expect(await outcomeOf(shipOrder(world, pending))).toBe('order_not_placed');
    await world.orders.requestCancellation(pending, 'cancel', newId(), shop);
    await world.runner().drive(pending);
    expect(await outcomeOf(shipOrder(world, pending))).toBe('order_not_placed');

    const cancelled = await placed(world, [line(sku)]);
    await world.orders.requestCancellation(cancelled, 'cancel', newId(), shop);
    expect(await outcomeOf(shipOrder(world, cancelled))).toBe('order_not_placed');
    world.gateway.expect('refund');
    await world.runner().drive(cancelled);
    expect(await outcomeOf(shipOrder(world, cancelled))).toBe('order_not_placed');
    expect(await outcomeOf(shipOrder(world, newId()))).toBe('order_not_found');
    const own = await placed(world, [line(sku)]);
    const stranger = { name: 'stranger', role: 'client' } as const;
    const foreign = { orderId: own, body: {}, key: newId(), principal: stranger };
    expect(await outcomeOf(world.orderShipments.ship(foreign))).toBe('order_not_found');
    expect(await world.level(sku)).toEqual({ onHand: 5, reserved: 1 });
  });

  it.each(['cancel', 'refund'] as const)('makes a later %s of the whole order impossible', async (by) => {
    const sku = await world.product({ onHand: 5 });
    const orderId = await placed(world, [line(sku, 2)]);
    await shipOrder(world, orderId, [line(sku, 1)]);

    expect(await outcomeOf(world.orders.requestCancellation(orderId, by, newId(), shop))).toBe(
      'order_shipped',
    );
    expect((await orderNow(orderId)).status).toBe('placed');
  });

  it('leaves an order of an earlier build to builds that know shipments', async () => {
    const orderId = await placed(world, [line(await world.product(), 2)]);
    await world.rows(`UPDATE sagas SET code_version = 3 WHERE order_id = $1`, [orderId]);
    await shipOrder(world, orderId, [line((await orderNow(orderId)).lines[0]!.sku, 1)]);
    expect(
      await world.row(`SELECT code_version AS version FROM sagas WHERE order_id = $1`, [orderId]),
    ).toEqual({ version: 4 });
  });

  it('is made once by one key', async () => {
    const sku = await world.product({ onHand: 5 });
    const orderId = await placed(world, [line(sku, 2)]);
    const outcomes = await inParallel(
      5,
      Array.from({ length: 5 }, () => () => shipOrder(world, orderId, [line(sku, 1)], { key: 'same' })),
    );
    const replayed = outcomes.map((one) => one.status === 'fulfilled' && one.value.replayed);
    expect(replayed.filter((one) => !one)).toHaveLength(1);
    expect(await world.level(sku)).toEqual({ onHand: 4, reserved: 1 });
  });
});
