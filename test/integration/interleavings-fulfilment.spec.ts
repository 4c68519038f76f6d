import { newId } from '../../src/ids';
import { createWorld, expectInvariants, shop, type World } from '../support/fixtures';
import { inEveryOrder } from '../support/interleave';
import { line } from '../support/intakes';
import { LedgerGateway } from '../support/sagas';
import {
  countsOf,
  placed,
  refund,
  returnReservation,
  runTasks,
  shipOrder,
  shipReservation,
  sold,
} from '../support/sold';

/** Each scene runs in every order of its sessions' statements; see `test/support/interleave.ts`. */

let world: World;
beforeAll(async () => (world = await createWorld()));
afterEach(async () => {
  // No worker drives these orders, and on a busy machine many runs take longer than a saga may wait.
  await world.rows(`UPDATE sagas SET next_run_at = $1 WHERE next_run_at IS NOT NULL`, [new Date()]);
  await expectInvariants(world);
});
afterAll(() => world.close());

describe('goods that leave while their order is undone', () => {
  it.each(['cancel', 'refund'] as const)('either ship or stay, never both, when it is a %s', async (by) => {
    const sku = await world.product({ onHand: 1_000 });
    const ends = await inEveryOrder(world, async () => {
      const orderId = await placed(world, [line(sku)]);
      const before = await world.level(sku);
      return {
        stopsAt: /sagas|shipments|stock_levels/,
        sessions: {
          ship: (own: World) => shipOrder(own, orderId),
          undo: (own: World) => own.orders.requestCancellation(orderId, by, newId(), shop),
        },
        end: async ({ ship, undo }: Record<string, string>) => {
          if (undo === 'ok') world.gateway.expect('refund');
          await world.runner().drive(orderId);
          const { onHand, reserved } = await world.level(sku);
          return `ship ${ship}, ${by} ${undo}: ${onHand - before.onHand} on hand, ${reserved - before.reserved} reserved`;
        },
      };
    });
    expect(Object.keys(ends).sort()).toEqual([
      `ship ok, ${by} order_shipped: -1 on hand, -1 reserved`,
      `ship order_not_placed, ${by} ok: 0 on hand, -1 reserved`,
    ]);
  });
});

describe('two calls about the last sold unit', () => {
  it('ship it once', async () => {
    const sku = await world.product({ onHand: 1_000 });
    const ends = await inEveryOrder(world, async () => {
      const id = await sold(world, [line(sku)]);
      const ship = (own: World) => shipReservation(own, id, [line(sku)]);
      return {
        stopsAt: /reservations|reservation_lines|shipments|stock_levels/,
        sessions: { one: ship, other: ship },
        end: async ({ one, other }: Record<string, string>) =>
          `${[one, other].sort().join(', ')}: ${(await countsOf(world, id, sku)).join(' ')}`,
      };
    });
    expect(Object.keys(ends)).toEqual(['more_than_sold, ok: 1 1 0 0']);
  });

  it('ship it and take it back, in the order in which they got its lock', async () => {
    const sku = await world.product({ onHand: 1_000 });
    const ends = await inEveryOrder(world, async () => {
      const id = await sold(world, [line(sku)]);
      return {
        stopsAt: /reservations|reservation_lines|shipments|stock_levels/,
        sessions: {
          ship: (own: World) => shipReservation(own, id),
          back: (own: World) => returnReservation(own, id, [line(sku)]),
        },
        end: async ({ ship, back }: Record<string, string>) =>
          `ship ${ship}, back ${back}: ${(await countsOf(world, id, sku)).join(' ')}`,
      };
    });
    expect(Object.keys(ends).sort()).toEqual([
      'ship more_than_sold, back ok: 1 0 1 0',
      'ship ok, back ok: 1 1 0 1',
    ]);
  });
});

describe('two calls about the money and the goods of one order', () => {
  const reservationOf = async (orderId: string) =>
    (await world.row<{ id: string }>(`SELECT reservation_id AS id FROM orders WHERE id = $1`, [orderId])).id;
  const stopsAt = /sagas|reservation_lines|payment_tasks|shipments|stock_levels/;

  it('refund all of it once, and the other gets more_than_captured', async () => {
    const sku = await world.product({ onHand: 1_000 });
    const ends = await inEveryOrder(world, async () => {
      const orderId = await placed(world, [line(sku)]);
      return {
        stopsAt,
        sessions: {
          one: (own: World) => refund(own, orderId, { amount: 1_000 }),
          other: (own: World) => refund(own, orderId, { amount: 1_000 }),
        },
        end: async ({ one, other }: Record<string, string>) => {
          const asked = await world.rows(
            `SELECT 1 FROM payment_operations WHERE order_id = $1 AND kind = 'refund'`,
            [orderId],
          );
          await world.rows(`UPDATE payment_tasks SET next_run_at = $1 WHERE next_run_at IS NOT NULL`, [
            '2100-01-01',
          ]);
          return `${[one, other].sort().join(', ')}: ${asked.length}`;
        },
      };
    });
    expect(Object.keys(ends)).toEqual(['more_than_captured, ok: 1']);
  });

  it('ship a unit and refund it: it is given back or it has left, as their lock decides', async () => {
    const sku = await world.product({ onHand: 1_000 });
    const ends = await inEveryOrder(world, async () => {
      const orderId = await placed(world, [line(sku)]);
      const reservation = await reservationOf(orderId);
      return {
        stopsAt,
        sessions: {
          ship: (own: World) => shipOrder(own, orderId),
          refund: (own: World) => refund(own, orderId, { lines: [line(sku)] }),
        },
        end: async ({ ship, refund: back }: Record<string, string>) => {
          await world.rows(`UPDATE payment_tasks SET next_run_at = $1 WHERE next_run_at IS NOT NULL`, [
            '2100-01-01',
          ]);
          return `ship ${ship}, refund ${back}: ${(await countsOf(world, reservation, sku)).join(' ')}`;
        },
      };
    });
    expect(Object.keys(ends).sort()).toEqual([
      'ship more_than_sold, refund ok: 1 0 1 0',
      'ship ok, refund ok: 1 1 0 1',
    ]);
  });

  it('refund a part and cancel the whole: the customer gets the total once', async () => {
    const sku = await world.product({ onHand: 1_000 });
    const ends = await inEveryOrder(world, async () => {
      const orderId = await placed(world, [line(sku)]);
      return {
        stopsAt,
        sessions: {
          part: (own: World) => refund(own, orderId, { amount: 300 }),
          cancel: (own: World) => own.orders.requestCancellation(orderId, 'cancel', newId(), shop),
        },
        end: async ({ part, cancel }: Record<string, string>) => {
          const gateway = new LedgerGateway();
          await runTasks(world, orderId, gateway);
          await world.runner({ gateway }).drive(orderId);
          const amounts = gateway.done.map(({ amount }) => amount);
          return `part ${part}, cancel ${cancel}: ${amounts.join(' + ')}`;
        },
      };
    });
    expect(Object.keys(ends).sort()).toEqual([
      'part ok, cancel ok: 300 + 700',
      'part order_not_placed, cancel ok: 1000',
    ]);
  });
});
