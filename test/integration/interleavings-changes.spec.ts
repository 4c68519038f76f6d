import { createWorld, expectInvariants, shop, type World } from '../support/fixtures';
import { inEveryOrder } from '../support/interleave';
import { line } from '../support/intakes';

/**
 * A change of a reservation's lines concurrent with everything else that may happen to it, in every order of
 * statements.
 */

jest.setTimeout(90_000);

let world: World;
beforeAll(async () => (world = await createWorld()));
afterEach(async () => {
  // No worker drives these orders, and on a busy machine a hundred runs take longer than a saga may wait.
  await world.rows(`UPDATE sagas SET next_run_at = $1 WHERE next_run_at IS NOT NULL`, [new Date()]);
  await expectInvariants(world);
});
afterAll(() => world.close());

const quantitiesOf = async (table: 'reservation_lines' | 'order_lines', id: string) => {
  const owner = table === 'order_lines' ? 'order_id' : 'reservation_id';
  const rows = await world.rows<{ quantity: number }>(
    `SELECT quantity FROM ${table} WHERE ${owner} = $1 ORDER BY sku`,
    [id],
  );
  return rows.map(({ quantity }) => quantity).join(' and ');
};

describe('changing the lines of a reservation', () => {
  it('with an order on it: the order has the reservation’s lines and total, in every order', async () => {
    const [a, b] = await world.productsOf(2, { onHand: 200 });
    const ends = await inEveryOrder(world, async () => {
      const id = await world.reserve([line(a!, 3), line(b!, 1)]);
      let orderId: string | undefined;
      return {
        stopsAt: /FROM reservations|UPDATE reservations/,
        sessions: {
          change: (own) => own.change(id, [line(a!, 1), line(b!, 2)]),
          order: async (own) => {
            ({ orderId } = await own.intake.accept(world.checkout([], { reservationId: id })));
          },
        },
        end: async ({ change, order }) => {
          const reservation = await world.reservation(id);
          const { total } = await world.row<{ total: number }>(
            `SELECT total_amount AS total FROM orders WHERE id = $1`,
            [orderId],
          );
          expect(total).toBe(reservation.totalAmount);
          expect(await quantitiesOf('order_lines', orderId!)).toBe(
            await quantitiesOf('reservation_lines', id),
          );
          return `${change} and ${order}: ${await quantitiesOf('order_lines', orderId!)}`;
        },
      };
    });
    expect(Object.keys(ends).sort()).toEqual(['ok and ok: 1 and 2', 'reservation_has_order and ok: 3 and 1']);
  });

  it.each([
    [
      'confirm',
      ['ok and ok: confirmed with 1 and 2', 'reservation_already_confirmed and ok: confirmed with 3 and 1'],
    ],
    [
      'release',
      ['ok and ok: released with 1 and 2', 'reservation_already_released and ok: released with 3 and 1'],
    ],
  ] as const)('with a %s: one takes effect after the other, in every order', async (act, allowed) => {
    const [a, b] = await world.productsOf(2, { onHand: 200 });
    const reserved = async () => (await world.level(a!)).reserved + (await world.level(b!)).reserved;
    const ends = await inEveryOrder(world, async () => {
      const id = await world.reserve([line(a!, 3), line(b!, 1)]);
      const before = await reserved();
      return {
        stopsAt: /FROM reservations|UPDATE reservations|stock_levels/,
        sessions: {
          change: (own) => own.change(id, [line(a!, 1), line(b!, 2)]),
          act: (own) => own.reservations[act](id, shop),
        },
        end: async ({ change, act: acted }) => {
          const { status, lines } = await world.reservation(id);
          const sold = lines.reduce((sum, { quantity }) => sum + quantity, 0);
          expect((await reserved()) - before).toBe(act === 'confirm' ? sold - 4 : -4);
          return `${change} and ${acted}: ${status} with ${await quantitiesOf('reservation_lines', id)}`;
        },
      };
    });
    expect(Object.keys(ends).sort()).toEqual(allowed);
  });

  it('with its expiry: it returns its current units, in every order', async () => {
    const sku = await world.product({ onHand: 200 });
    const ends = await inEveryOrder(world, async () => {
      const before = (await world.level(sku)).reserved;
      const id = await world.reserve([line(sku, 3)]);
      return {
        stopsAt: /FROM reservations|UPDATE reservations|stock_levels/,
        sessions: {
          time: (own) => own.makeDue(id),
          sweep: (own) => own.reservations.expireDue(),
          change: (own) => own.change(id, [line(sku, 5)]),
        },
        end: async ({ change }) => {
          await world.reservations.expireDue();
          expect((await world.level(sku)).reserved).toBe(before);
          return `${change}: ${(await world.reservation(id)).status}`;
        },
      };
    });
    expect(Object.keys(ends).sort()).toEqual(['ok: expired', 'reservation_expired: expired']);
  });

  it('with another change of it: the last one wins, in every order', async () => {
    const [a, b] = await world.productsOf(2, { onHand: 200, strategy: 'unit-tokens' });
    const ends = await inEveryOrder(world, async () => {
      const id = await world.reserve([line(a!, 3), line(b!, 1)]);
      return {
        stopsAt: /FROM reservations|UPDATE reservations|stock_levels/,
        sessions: {
          one: (own) => own.change(id, [line(a!, 1), line(b!, 2)]),
          other: (own) => own.change(id, [line(a!, 4)]),
        },
        end: async ({ one, other }) => `${one} and ${other}: ${await quantitiesOf('reservation_lines', id)}`,
      };
    });
    expect(Object.keys(ends).sort()).toEqual(['ok and ok: 1 and 2', 'ok and ok: 4']);
  });

  it('two reservations that exchange SKUs: each keeps its old units or gets all new ones, without deadlock, in every order', async () => {
    const ends = await inEveryOrder(world, async () => {
      const [a, b] = await world.productsOf(2, { onHand: 4 });
      const [one, other] = [await world.reserve([line(a!, 2)]), await world.reserve([line(b!, 2)])];
      return {
        stopsAt: /stock_levels/,
        sessions: {
          one: (own) => own.change(one, [line(b!, 3)]),
          other: (own) => own.change(other, [line(a!, 2)]),
        },
        end: async (answers) =>
          `${answers.one}: ${await quantitiesOf('reservation_lines', one)}, ${answers.other}: ${await quantitiesOf('reservation_lines', other)}`,
      };
    });
    expect(Object.keys(ends).sort()).toEqual(['insufficient_stock: 2, ok: 2', 'ok: 3, ok: 2']);
    expect(await world.deadlocks()).toBe(0);
  });
});
