import { newId } from '../../src/ids';
import { orderView } from '../../src/orders/orders.responses';
import { createWorld, expectInvariants, shop, type World } from '../support/fixtures';
import { line } from '../support/intakes';
import { endOf, timelineOf } from '../support/sagas';
import { refund, shipOrder } from '../support/sold';

/** P23: a total of 0 asks no provider. The script of the gateway is empty, so any call to it fails. */

let world: World;
beforeAll(async () => (world = await createWorld()));
afterEach(async () => {
  world.gateway.expectSpoken();
  await expectInvariants(world);
});
afterAll(() => world.close());

const drive = (orderId: string) => world.runner().drive(orderId);
const free = (more: Parameters<World['product']>[0] = {}) => world.product({ amount: 0, ...more });
const shown = async (orderId: string) => orderView(await world.orders.get(orderId, shop));
const paymentOf = async (orderId: string) => (await shown(orderId)).payment;
const operations = (orderId: string) =>
  world.rows(`SELECT kind FROM payment_operations WHERE order_id = $1`, [orderId]);

describe('an order with a total of 0', () => {
  it.each(['conditional-update', 'grouped'])('is placed without a provider (%s)', async (strategy) => {
    const sku = await free({ strategy });
    const orderId = await world.order([line(sku, 2)]);
    expect(await shown(orderId)).toMatchObject({
      status: 'pending',
      saga: { step: 'place-order' },
      payment: { status: 'not_required', reference: null },
    });
    await drive(orderId);

    expect(await shown(orderId)).toMatchObject({
      status: 'placed',
      total: { amount: 0, currency: 'EUR' },
      payment: { status: 'not_required', reference: null, declineCode: null },
    });
    expect(await endOf(world, orderId)).toEqual({ order: 'placed', reservation: 'confirmed', reserved: 2 });
    expect(await operations(orderId)).toEqual([]);
    expect(await timelineOf(world, orderId)).toEqual([
      'reserve-stock accepted → running',
      'place-order done → completed',
    ]);
  });

  it('is placed by the order on a reservation that was made before', async () => {
    const sku = await free();
    const reservationId = await world.reserve([line(sku)]);
    const orderId = await world.order([], { reservationId });
    await drive(orderId);

    expect(await endOf(world, orderId)).toMatchObject({ order: 'placed', reservation: 'confirmed' });
  });

  it.each(['immediate', 'automatic'] as const)('ignores capture: %s', async (capture) => {
    const orderId = await world.order([line(await free())], { capture });
    await drive(orderId);

    expect(await shown(orderId)).toMatchObject({ status: 'placed', capture: 'automatic' });
  });

  it('ignores a card that would be declined, and its options', async () => {
    const orderId = await world.order([line(await free())], {
      paymentMethod: 'pm_card_chargeDeclined',
      payment: { customer: 'cus_1', stripeAccount: 'acct_berlin' },
    });
    await drive(orderId);

    expect(await endOf(world, orderId)).toMatchObject({ order: 'placed' });
  });

  it('is charged its total when one of its products has a price', async () => {
    const orderId = await world.order([line(await free(), 3), line(await world.product())]);
    world.gateway.expect('authorize').expect('capture');
    await drive(orderId);

    expect(await shown(orderId)).toMatchObject({ status: 'placed', total: { amount: 1_000 } });
    expect((await paymentOf(orderId)).status).toBe('captured');
  });

  it.each([
    ['cancelled', 'cancel'],
    ['refunded', 'refund'],
  ] as const)('is %s after it was placed, and its stock is back on sale', async (end, by) => {
    const sku = await free();
    const orderId = await world.order([line(sku, 4)]);
    await drive(orderId);
    await world.orders.requestCancellation(orderId, by, newId(), shop);
    await drive(orderId);

    expect(await endOf(world, orderId)).toEqual({ order: end, reservation: 'returned', reserved: 0 });
    expect((await paymentOf(orderId)).status).toBe('not_required');
  });

  it('is cancelled before it is placed', async () => {
    const orderId = await world.order([line(await free())]);
    await world.orders.requestCancellation(orderId, 'cancel', newId(), shop);
    await drive(orderId);

    expect(await endOf(world, orderId)).toEqual({
      order: 'rejected (cancelled)',
      reservation: 'released',
      reserved: 0,
    });
  });

  it('is rejected when its reservation has ended before it could be placed', async () => {
    const orderId = await world.order([line(await free())]);
    const { reservationId } = await world.orders.get(orderId, shop);
    await world.makeDue(reservationId);
    await drive(orderId);

    expect(await endOf(world, orderId)).toEqual({
      order: 'rejected (reservation_expired)',
      reservation: 'expired',
      reserved: 0,
    });
  });

  it('is rejected when its reservation was released meanwhile', async () => {
    const orderId = await world.order([line(await free())]);
    const { reservationId } = await world.orders.get(orderId, shop);
    await world.reservations.release(reservationId, shop);
    await drive(orderId);

    expect(await endOf(world, orderId)).toMatchObject({ order: 'rejected (cancelled)' });
  });

  it('is refunded when all its units came back by lines, and not before', async () => {
    const sku = await free();
    const orderId = await world.order([line(sku, 3)]);
    await drive(orderId);
    await shipOrder(world, orderId, [line(sku, 1)]);
    await refund(world, orderId, { lines: [{ sku, quantity: 2 }] });
    await drive(orderId);
    expect(await shown(orderId)).toMatchObject({
      status: 'placed',
      lines: [{ shipped: 1, givenBack: 2, returned: 0 }],
    });

    await refund(world, orderId, { lines: [{ sku, quantity: 1 }] });
    await drive(orderId);
    expect(await shown(orderId)).toMatchObject({
      status: 'refunded',
      lines: [{ shipped: 1, givenBack: 2, returned: 1 }],
      payment: { status: 'not_required' },
    });
    expect((await endOf(world, orderId)).reserved).toBe(0);
  });
});
