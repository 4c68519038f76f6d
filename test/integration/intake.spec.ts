import { DataSource } from 'typeorm';
import { dataSourceOptions } from '../../src/database/data-source';
import { Database } from '../../src/database/database';
import type { CheckoutRequest } from '../../src/orders/intake/intake';
import { outcomeOf, createWorld, expectInvariants, operator, shop, World } from '../support/fixtures';
import { countRows, line, rowsSince } from '../support/intakes';
import { LossyProxy } from '../support/lossy-proxy';

let world: World;
let countedBefore: Record<string, number>;
beforeAll(async () => (world = await createWorld()));
beforeEach(async () => (countedBefore = await countRows(world)));
afterEach(() => expectInvariants(world));
afterAll(() => world.close());

/** Rows of this test in every table that an intake writes. */
const rowsWritten = () => rowsSince(world, countedBefore);

describe('accepting a checkout', () => {
  it('writes its idempotency key, stock, reservation, order, saga and message', async () => {
    const [a, b] = await world.productsOf(2, { amount: 250 });
    const checkout = world.checkout([line(b!), line(a!, 2), line(b!)]);

    expect(await world.intake.accept(checkout)).toMatchObject({
      orderId: checkout.claim.resourceId,
      replayed: false,
    });

    expect(await rowsWritten()).toEqual({
      idempotency_keys: 1,
      reservations: 1,
      reservation_lines: 2,
      orders: 1,
      order_lines: 2,
      sagas: 1,
      saga_transitions: 1,
      outbox: 1,
    });
    expect(await world.orders.get(checkout.claim.resourceId, shop)).toMatchObject({
      status: 'pending',
      totalAmount: 1_000,
      saga: { status: 'running', step: 'authorize-payment' },
    });
    expect([await world.level(a!), await world.level(b!)]).toMatchObject([{ reserved: 2 }, { reserved: 2 }]);
  });

  it('keeps the price of the reservation', async () => {
    const sku = await world.product({ amount: 500 });
    const reservationId = await world.reserve([line(sku)]);
    await world.products.put(
      sku,
      { name: sku, unitPrice: { amount: 900, currency: 'EUR' } },
      { ifMatch: '"1"' },
      operator,
    );

    const id = await world.order([], { reservationId, expectedTotal: { amount: 500, currency: 'EUR' } });

    expect((await world.orders.get(id, shop)).totalAmount).toBe(500);
  });
});

describe('refusing a checkout', () => {
  it.each<[string, (skus: string[]) => Promise<CheckoutRequest> | CheckoutRequest]>([
    ['insufficient_stock', ([a, b]) => world.checkout([line(a!), line(b!, 99)])],
    ['validation_failed', ([a]) => world.checkout([line(a!), line('NOBODY-KNOWS-IT')])],
    ['total_changed', ([a]) => world.checkout([line(a!)], { expectedTotal: { amount: 1, currency: 'EUR' } })],
    [
      'total_changed',
      ([a]) => world.checkout([line(a!)], { expectedTotal: { amount: 1_000, currency: 'USD' } }),
    ],
    ['reservation_not_found', () => world.checkout([], { reservationId: world.claim().resourceId })],
  ])('leaves nothing behind (%s)', async (code, make) => {
    const skus = await world.productsOf(2);
    const checkout = await make(skus);

    expect(await outcomeOf(world.intake.accept(checkout))).toBe(code);

    expect(await rowsWritten()).toEqual({});
    for (const sku of skus) expect(await world.level(sku)).toMatchObject({ reserved: 0 });
  });

  it('leaves its idempotency key free for another try', async () => {
    const sku = await world.product({ onHand: 1 });
    const reservationId = await world.reserve([line(sku)]);
    const checkout = world.checkout([line(sku)]);
    expect(await outcomeOf(world.intake.accept(checkout))).toBe('insufficient_stock');

    await world.reservations.release(reservationId, shop);

    expect(await world.intake.accept(checkout)).toMatchObject({
      orderId: checkout.claim.resourceId,
      replayed: false,
    });
  });

  it('answers another customer’s reservation with a separate code, and another shop’s with 404', async () => {
    const reservationId = await world.reserve([line(await world.product())]);
    const foreign = world.checkout([], { reservationId });
    foreign.owner = foreign.claim.principal = 'another shop';

    expect(await outcomeOf(world.order([], { reservationId, customerId: 'cus_2' }))).toBe(
      'reservation_of_another_customer',
    );
    expect(await outcomeOf(world.intake.accept(foreign))).toBe('reservation_not_found');
  });
});

describe('accepting a checkout when the connection breaks at COMMIT', () => {
  it.each(['answer to COMMIT', 'COMMIT'] as const)('makes one order after a lost %s', async (lost) => {
    const proxy = await LossyProxy.before(world.config.databaseUrl);
    const config = { ...world.config, databaseUrl: proxy.url };
    const dataSource = await new DataSource(dataSourceOptions(config, 'holdfast-test')).initialize();
    const behindProxy = new World(config, dataSource, new Database(dataSource), () => proxy.close());
    try {
      const sku = await world.product();
      const checkout = world.checkout([line(sku)]);

      proxy.lose = lost;
      const { orderId } = await behindProxy.intake.accept(checkout);

      expect(proxy.lose).toBe('nothing');
      expect(orderId).toBe(checkout.claim.resourceId);
      expect(await rowsWritten()).toMatchObject({
        idempotency_keys: 1,
        orders: 1,
        reservations: 1,
        outbox: 1,
      });
      expect(await world.level(sku)).toMatchObject({ reserved: 1 });
    } finally {
      await behindProxy.close();
    }
  });
});
