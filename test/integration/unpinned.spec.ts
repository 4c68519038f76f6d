import { GuardedGateway } from '../../src/payment/gateways/guarded.gateway';
import { Checkout } from '../support/checkouts';
import { createWorld, expectInvariants, shop, type World } from '../support/fixtures';
import { inEveryOrder } from '../support/interleave';
import { databaseThatDiesAfter, endOf, LedgerGateway, passTime, sagaOf } from '../support/sagas';

/** Stock is kept after its expiry only for a charge that may have begun. */

let world: World;
beforeAll(async () => (world = await createWorld()));
afterEach(() => expectInvariants(world));
afterAll(() => world.close());

const reservationOf = ({ orderId }: { orderId: string }) =>
  world.row<{ id: string; status: string; expiresAt: Date }>(
    `SELECT r.id, r.status, r.expires_at AS "expiresAt"
       FROM reservations r JOIN orders o ON o.reservation_id = r.id WHERE o.id = $1`,
    [orderId],
  );

/** The reservation's time runs out and the sweeper runs, in any state. */
async function runOut(orderId: string): Promise<void> {
  await world.rows(
    `UPDATE reservations SET expires_at = clock_timestamp() - interval '1 second' WHERE order_id = $1`,
    [orderId],
  );
  await world.reservations.expireDue();
}

const heldBack = async () => (await Checkout.start(world)).driveWhile({ authorize: 'held back' });

const expired = { order: 'rejected (reservation_expired)', reservation: 'expired', kept: 0, setAside: 0 };
const placed = { order: 'placed', reservation: 'confirmed', kept: 1_000, setAside: 0 };

describe('a charge that was held back before it was sent', () => {
  it('lets its reservation expire, and the order is then rejected', async () => {
    const [checkout, neighbour] = [await heldBack(), await heldBack()];
    expect(await reservationOf(checkout)).toMatchObject({ status: 'active' });

    await runOut(checkout.orderId);

    // Its stock is on sale at once; its saga notices at its next run.
    expect(await checkout.available()).toBe(3);
    await checkout.driveToItsEnd();
    expect(await checkout.end()).toEqual(expired);
    expect(checkout.gateway.done).toEqual([]);
    expect(await reservationOf(neighbour)).toMatchObject({ status: 'active' });
  });

  it('is rejected also when its saga runs before the sweeper', async () => {
    const checkout = await heldBack();
    await world.makeDue((await reservationOf(checkout)).id);
    await checkout.driveToItsEnd();
    expect(await checkout.end()).toEqual(expired);
    expect(await checkout.available()).toBe(3);
  });

  it('is sent for newly pinned stock if the circuit closes in time', async () => {
    const checkout = await heldBack();
    await checkout.driveWhile({ authorize: 'answer lost' });
    expect(await reservationOf(checkout)).toMatchObject({ status: 'pinned' });
    await checkout.driveToItsEnd();
    expect(await checkout.end()).toEqual(placed);
  });

  it('does not extend its reservation by being held back again', async () => {
    const checkout = await heldBack();
    const { expiresAt } = await reservationOf(checkout);
    for (let nth = 0; nth < 12; nth++) await checkout.driveWhile({ authorize: 'held back' });
    expect(await reservationOf(checkout)).toMatchObject({ status: 'active', expiresAt });
    expect(await checkout.saga()).toMatchObject({ status: 'running', attempt: 0, nextRun: 'waits' });

    await runOut(checkout.orderId);
    await checkout.driveWhile({ authorize: 'held back' });
    expect(await checkout.end()).toEqual(expired);
  });

  it('can be cancelled, with nothing to void', async () => {
    const checkout = await heldBack();
    await checkout.cancel();
    await checkout.driveToItsEnd();
    expect(await checkout.end()).toMatchObject({ order: 'rejected (cancelled)', reservation: 'released' });
    expect(checkout.gateway.done).toEqual([]);
  });

  it('is not sent if its stock was released', async () => {
    const checkout = await heldBack();
    await world.reservations.release((await reservationOf(checkout)).id, shop);
    await checkout.driveToItsEnd();
    expect(await checkout.end()).toMatchObject({ order: 'rejected (cancelled)', reservation: 'released' });
    expect(checkout.gateway.done).toEqual([]);
  });
});

describe('a charge that may have begun', () => {
  const outlives = async (checkout: Checkout) => {
    await runOut(checkout.orderId);
    expect(await reservationOf(checkout)).toMatchObject({ status: 'pinned' });
    expect(await checkout.available()).toBe(2);
    await checkout.driveToItsEnd();
    expect(await checkout.end()).toEqual(placed);
  };

  it.each(['question lost', 'answer lost'] as const)(
    'keeps its stock after its expiry (%s)',
    async (fate) => {
      await outlives(await (await Checkout.start(world)).driveWhile({ authorize: fate }));
    },
  );

  it.each(['question lost', 'answer lost'] as const)(
    'keeps its stock when its retry is held back (%s)',
    async (fate) => {
      const checkout = await (await Checkout.start(world)).driveWhile({ authorize: fate });
      for (let nth = 0; nth < 2; nth++) await checkout.driveWhile({ authorize: 'held back' });
      await outlives(checkout);
    },
  );

  it('keeps its stock if its worker died before recording that the call was held back', async () => {
    const checkout = await Checkout.start(world);
    const { db, crashed } = databaseThatDiesAfter(1, world.db);
    checkout.gateway.fails = { authorize: 'held back' };
    void world.runner({ db, gateway: checkout.gateway }).drive(checkout.orderId);
    await crashed;

    await checkout.driveWhile({ authorize: 'held back' });
    await outlives(checkout);
  });

  it('keeps its stock while its capture is held back', async () => {
    await outlives(await (await Checkout.start(world)).driveWhile({ capture: 'held back' }));
  });
});

describe('a provider whose circuit is open', () => {
  it('costs new orders no attempt and keeps no stock for them after its expiry', async () => {
    const silent = new LedgerGateway();
    silent.fails = { authorize: 'question lost' };
    const gateway = new GuardedGateway(silent);
    const sku = await world.product({ onHand: 30 });
    const order = () => world.order([{ sku, quantity: 1 }]);
    const unheard = await Promise.all(Array.from({ length: 20 }, order));
    for (const orderId of unheard) await world.runner({ gateway }).drive(orderId);
    const held = await order();
    await world.runner({ gateway }).drive(held);

    expect(await sagaOf(world, held)).toMatchObject({ attempt: 0, nextRun: 'waits' });
    await runOut(held);
    await runOut(unheard[0]!);
    expect(await endOf(world, held)).toMatchObject({ reservation: 'expired' });
    expect(await endOf(world, unheard[0]!)).toMatchObject({ reservation: 'pinned' });

    await passTime(world, held);
    await world.runner({ gateway }).drive(held);
    expect(await endOf(world, held)).toMatchObject({ order: 'rejected (reservation_expired)' });
    expect(silent.done).toEqual([]);
  });
});

describe('a reservation that expires while its charge is held back', () => {
  it('is either charged or expired, never both, in every order', async () => {
    const ends = await inEveryOrder(world, async () => {
      const checkout = await heldBack();
      checkout.gateway.fails = {};
      await passTime(world, checkout.orderId);
      const { id } = await reservationOf(checkout);
      return {
        stopsAt: /reservations/,
        sessions: {
          time: async (own) => {
            await own.makeDue(id);
            await own.reservations.expireDue();
          },
          worker: (own, player) => {
            checkout.gateway.whileAsked = () => player.runFreely();
            return own.runner({ gateway: checkout.gateway }).drive(checkout.orderId);
          },
        },
        end: async () => {
          await world.reservations.expireDue();
          await checkout.driveToItsEnd();
          const { order, reservation, kept } = await checkout.end();
          expect(await checkout.available()).toBe(kept === 0 ? 3 : 2);
          return `${order}, ${reservation}, ${kept}`;
        },
      };
    });
    expect(Object.keys(ends).sort()).toEqual([
      'placed, confirmed, 1000',
      'rejected (reservation_expired), expired, 0',
    ]);
  });
});
