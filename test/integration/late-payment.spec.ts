import { sagaEvents } from '../../src/orders/checkout-saga/saga-metrics';
import { Checkout } from '../support/checkouts';
import { createWorld, expectInvariants, type World } from '../support/fixtures';
import { inEveryOrder } from '../support/interleave';
import { databaseThatDiesAfter, LedgerGateway, passTime, timelineOf } from '../support/sagas';

/** An order is given up while the provider is silent; then the result arrives. */

let world: World;
beforeAll(async () => (world = await createWorld()));
afterEach(() => expectInvariants(world));
afterAll(() => world.close());

const kinds = ['authorize', 'capture'] as const;

/** Charged without a response, then given up; its one unit is back on sale. */
async function givenUp(kind: (typeof kinds)[number], of: World = world, start = {}): Promise<Checkout> {
  const checkout = await Checkout.start(of, { onHand: 1, ...start });
  await checkout.driveWhile({ [kind]: 'answer lost' });
  await checkout.act('resolve');
  expect(await checkout.available()).toBe(1);
  return checkout;
}

const counted = async (event: string) =>
  (await sagaEvents.get()).values.find(({ labels }) => labels.event === event)?.value ?? 0;
const both = async () => ({ placed: await counted('late_placed'), back: await counted('late_given_back') });

const buyOut = (checkout: Checkout) => world.reserve([{ sku: checkout.sku, quantity: 1 }]);

const reservationsOf = (orderId: string) =>
  world.rows<{ id: string; status: string; isOwn: boolean }>(
    `SELECT r.id, r.status, r.id = o.reservation_id AS "isOwn"
       FROM reservations r JOIN orders o ON o.id = r.order_id WHERE o.id = $1 ORDER BY r.created_at`,
    [orderId],
  );

const messagesOf = async (orderId: string) =>
  (
    await world.rows<{ type: string }>(`SELECT type FROM outbox WHERE aggregate_id = $1 ORDER BY sequence`, [
      orderId,
    ])
  ).map(({ type }) => type);

const placed = { order: 'placed', reservation: 'confirmed', kept: 1_000, setAside: 0 };
const givenBack = { order: 'rejected (abandoned)', reservation: 'released', kept: 0, setAside: 0 };

describe('a late charge for an order that was given up', () => {
  it.each(kinds)('places it on a new reservation when its stock is still available (%s)', async (kind) => {
    const checkout = await givenUp(kind);
    const before = await both();

    await checkout.driveToItsEnd();

    expect(await checkout.end()).toEqual(placed);
    expect(await checkout.available()).toBe(0);
    expect(await reservationsOf(checkout.orderId)).toEqual([
      { id: expect.any(String), status: 'released', isOwn: false },
      { id: expect.any(String), status: 'confirmed', isOwn: true },
    ]);
    expect(await messagesOf(checkout.orderId)).toEqual([
      'order.accepted',
      'order.rejected',
      'order.reopened',
      'order.placed',
    ]);
    expect(await both()).toEqual({ ...before, placed: before.placed + 1 });
  });

  it('places it at the original price', async () => {
    const checkout = await givenUp('capture');
    await world.rows(`UPDATE products SET unit_amount = 9_999 WHERE sku = $1`, [checkout.sku]);
    await checkout.driveToItsEnd();
    expect(await checkout.end()).toEqual(placed);
    const { amount } = await world.row<{ amount: number }>(
      `SELECT l.unit_amount AS amount FROM reservation_lines l JOIN orders o ON o.reservation_id = l.reservation_id WHERE o.id = $1`,
      [checkout.orderId],
    );
    expect(amount).toBe(1_000);
  });

  it.each(kinds)('is refunded or voided when its stock is sold (%s)', async (kind) => {
    const checkout = await givenUp(kind);
    const rival = await buyOut(checkout);
    const before = await both();

    await checkout.driveToItsEnd();

    expect(await checkout.end()).toEqual(givenBack);
    expect((await world.reservation(rival)).status).toBe('active');
    expect(await world.level(checkout.sku)).toEqual({ onHand: 1, reserved: 1 });
    expect(await messagesOf(checkout.orderId)).toEqual(['order.accepted', 'order.rejected']);
    expect(await both()).toEqual({ ...before, back: before.back + 1 });
  });

  it('is voided, with no stock reserved, when one of its lines is sold', async () => {
    const [gone, there] = await world.productsOf(2, { onHand: 1 });
    const gateway = new LedgerGateway();
    const orderId = await world.order([
      { sku: there!, quantity: 1 },
      { sku: gone!, quantity: 1 },
    ]);
    gateway.fails = { capture: 'answer lost' };
    await world.runner({ gateway }).drive(orderId);
    await world.sagaActions.perform(
      'resolve',
      orderId,
      { reason: 'given up' },
      { name: 'operator', role: 'admin' },
    );
    await world.reserve([{ sku: gone!, quantity: 1 }]);
    gateway.fails = {};

    await world.runner({ gateway }).drive(orderId);

    expect(gateway.moneyOf(orderId)).toEqual({ kept: 0, setAside: 0 });
    expect(await world.level(there!)).toEqual({ onHand: 1, reserved: 0 });
    expect(await reservationsOf(orderId)).toEqual([
      { id: expect.any(String), status: 'released', isOwn: true },
    ]);
  });

  it.each(kinds)('is refunded or voided when the customer had cancelled before (%s)', async (kind) => {
    const checkout = await Checkout.start(world, { onHand: 1 });
    await checkout.driveWhile({ [kind]: 'answer lost' });
    await checkout.cancel();
    // Before the pivot the cancellation started the compensation, which still applies.
    await checkout.driveWhile({ [kind]: 'answer lost' });
    await checkout.act('resolve');
    await checkout.driveToItsEnd();
    const reason = kind === 'authorize' ? 'cancelled' : 'abandoned';
    expect(await checkout.end()).toEqual({ ...givenBack, order: `rejected (${reason})` });
  });

  it.each(kinds)('is refunded or voided when the customer cancelled afterwards (%s)', async (kind) => {
    const checkout = await givenUp(kind);
    const before = await both();
    await checkout.cancel();
    await checkout.driveToItsEnd();
    expect(await checkout.end()).toEqual(givenBack);
    expect(await both()).toEqual({ ...before, back: before.back + 1 });
  });

  it.each(kinds)('is refunded or voided when the customer cancels during the call (%s)', async (kind) => {
    const checkout = await givenUp(kind);
    checkout.gateway.whileAsked = () => checkout.cancel();
    await checkout.driveToItsEnd();
    expect(await checkout.end()).toEqual(givenBack);
  });

  it('is voided when another amount was authorized', async () => {
    const checkout = await Checkout.start(world, { onHand: 1 });
    checkout.gateway.overcharge = 1;
    await checkout.driveWhile({ authorize: 'answer lost' });
    await checkout.act('resolve');
    await checkout.driveToItsEnd();
    expect(await checkout.end()).toEqual(givenBack);
  });

  it('is not placed when another amount was captured, and waits for an operator', async () => {
    const checkout = await Checkout.start(world, { onHand: 1 });
    await checkout.driveWhile({ capture: 'held back' });
    checkout.gateway.overcharge = 1;
    await checkout.driveWhile({ capture: 'answer lost' });
    await checkout.act('resolve');
    await checkout.driveToItsEnd();
    expect(await checkout.saga()).toMatchObject({ status: 'stuck', nextRun: 'never' });
    expect(await checkout.end()).toMatchObject({ order: 'rejected (abandoned)', reservation: 'released' });
    expect(await checkout.available()).toBe(1);
  });

  it('is not placed when the order was already compensating', async () => {
    const checkout = await Checkout.start(world, { onHand: 1 });
    await checkout.driveWhile({ capture: 'answer lost' });
    await checkout.act('compensate');
    await checkout.driveWhile({ capture: 'answer lost' });
    await checkout.act('resolve');
    await checkout.driveToItsEnd();
    expect(await checkout.end()).toEqual({ ...givenBack, order: 'rejected (cancelled)' });
  });

  it('is refunded although the refund has no result at first', async () => {
    const checkout = await givenUp('capture');
    await buyOut(checkout);
    for (let nth = 0; nth < 3; nth++) await checkout.driveWhile({ refund: 'answer lost' });
    expect(await checkout.saga()).toMatchObject({ status: 'compensating', nextRun: 'waits' });
    await checkout.driveToItsEnd();
    expect(checkout.gateway.done.map(({ kind }) => kind)).toEqual(['authorize', 'capture', 'refund']);
    expect(await checkout.end()).toEqual(givenBack);
  });

  it('is placed once although it was given up twice', async () => {
    const checkout = await givenUp('authorize');
    await checkout.driveWhile({ capture: 'answer lost' });
    expect(await checkout.end()).toMatchObject({ order: 'pending', reservation: 'pinned' });
    await checkout.act('resolve');
    await checkout.driveToItsEnd();

    expect(await checkout.end()).toEqual(placed);
    expect(await checkout.available()).toBe(0);
    expect((await reservationsOf(checkout.orderId)).map(({ status }) => status)).toEqual([
      'released',
      'released',
      'confirmed',
    ]);
  });

  it.each([0, 1, 2, 3])('is settled once although its worker dies after commit %i', async (commits) => {
    const checkout = await givenUp('authorize');
    checkout.gateway.fails = {};
    const { db, crashed } = databaseThatDiesAfter(commits, world.db);
    const whole = world.runner({ db, gateway: checkout.gateway }).drive(checkout.orderId);
    await Promise.race([crashed, whole]);
    await passTime(world, checkout.orderId);
    await checkout.driveToItsEnd();
    expect(await checkout.end()).toEqual(placed);
    expect(await checkout.available()).toBe(0);
  });

  it('gets the last unit or leaves it to a buyer, never both, in every order', async () => {
    const ends = await inEveryOrder(world, async () => {
      const checkout = await givenUp('capture');
      checkout.gateway.fails = {};
      return {
        stopsAt: /stock_levels/,
        sessions: {
          late: (own) => own.runner({ gateway: checkout.gateway }).drive(checkout.orderId),
          buyer: (own) => own.reserve([{ sku: checkout.sku, quantity: 1 }]),
        },
        end: async ({ buyer }) => {
          await checkout.driveToItsEnd();
          const { order, kept } = await checkout.end();
          expect(await checkout.available()).toBe(0);
          return `${order}, ${kept} kept, buyer: ${buyer}`;
        },
      };
    });
    expect(Object.keys(ends).sort()).toEqual([
      'placed, 1000 kept, buyer: insufficient_stock',
      'rejected (abandoned), 0 kept, buyer: ok',
    ]);
  });
});

describe('an order that was given up', () => {
  it.each([
    ['authorize', ['authorize']],
    ['capture', ['authorize', 'void']],
  ] as const)('has nothing to undo when its charge turns out to be declined (%s)', async (kind, done) => {
    const checkout = await givenUp(kind, world, { declines: { [kind]: true } });
    await checkout.driveToItsEnd();
    expect(await checkout.saga()).toMatchObject({ status: 'compensated' });
    expect(await checkout.end()).toEqual(givenBack);
    expect(checkout.gateway.done.map(({ kind }) => kind)).toEqual(kind === 'authorize' ? [] : done);
  });

  it('is still retried, and stuck again after the same number of attempts, with its stock on sale', async () => {
    const checkout = await givenUp('authorize');
    for (let attempt = 1; attempt <= 10; attempt++) {
      expect(await checkout.saga()).toMatchObject({ status: 'compensating' });
      await checkout.driveWhile({ authorize: 'answer lost' });
    }
    expect(await checkout.saga()).toMatchObject({ status: 'stuck', endsAs: 'abandoned', nextRun: 'waits' });
    expect(await checkout.available()).toBe(1);
    await checkout.driveToItsEnd();
    expect(await checkout.end()).toEqual(placed);
  });

  it('uses the same key for every attempt', async () => {
    const checkout = await givenUp('capture');
    await checkout.driveToItsEnd();
    expect(await timelineOf(world, checkout.orderId)).toEqual([
      'reserve-stock accepted → running',
      'authorize-payment asked',
      'authorize-payment done',
      'capture-payment asked',
      'capture-payment unknown',
      'capture-payment given-up → compensating',
      'capture-payment asked',
      'capture-payment reacquired → running',
      'authorize-payment done',
      'capture-payment done',
      'place-order done → completed',
    ]);
    expect(checkout.gateway.done.map(({ kind }) => kind)).toEqual(['authorize', 'capture']);
  });

  it('can be cancelled by its customer any number of times', async () => {
    const checkout = await givenUp('capture');
    await checkout.cancel();
    await expect(
      world.orders.requestCancellation(checkout.orderId, 'cancel', 'another key', {
        name: 'shop',
        role: 'client',
      }),
    ).resolves.toEqual({ replayed: false });
  });
});

describe('a late charge with LATE_PAYMENT=refund', () => {
  let strict: World;
  beforeAll(async () => (strict = await createWorld({ LATE_PAYMENT: 'refund' })));
  afterEach(() => expectInvariants(strict));
  afterAll(() => strict.close());

  it.each(kinds)('is refunded or voided although its stock is available (%s)', async (kind) => {
    const checkout = await givenUp(kind, strict);
    const before = await both();
    await checkout.driveToItsEnd();
    expect(await checkout.end()).toEqual(givenBack);
    expect(await checkout.available()).toBe(1);
    expect(await both()).toEqual({ ...before, back: before.back + 1 });
  });
});
