import { newId } from '../../src/ids';
import { createWorld, expectInvariants, shop, type World } from '../support/fixtures';
import { inEveryOrder } from '../support/interleave';
import { line } from '../support/intakes';
import { countsOf, placed, returnReservation, shipOrder, shipReservation, sold } from '../support/sold';

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
