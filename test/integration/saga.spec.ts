import { pin } from '../support/order-reservation';
import { stepNames } from '../../src/orders/checkout-saga/checkout.saga';
import { codeVersion } from '../../src/orders/checkout-saga/code-version';
import { dueSagas } from '../../src/orders/checkout-saga/saga.repository';
import { createWorld, expectInvariants, shop, type World } from '../support/fixtures';
import { endOf, sagaOf, timelineOf } from '../support/sagas';
import { declinedCard } from '../support/scripted-gateway';

let world: World;
beforeAll(async () => (world = await createWorld()));
afterEach(async () => {
  world.gateway.expectSpoken();
  await expectInvariants(world);
});
afterAll(() => world.close());

const drive = (orderId: string) => world.runner().drive(orderId);

const operationsOf = (orderId: string) =>
  world.rows<{ kind: string; status: string; attempt: number }>(
    `SELECT kind, status, attempt FROM payment_operations WHERE order_id = $1 ORDER BY id`,
    [orderId],
  );

describe('a saga without trouble', () => {
  it('places the order in three commits, without an open transaction during provider calls', async () => {
    const orderId = await world.order();
    const neighbour = await world.order();
    const openTransactions: number[] = [];
    const look = async (request: { key: string; amount: number; currency: string }) => {
      const { open } = await world.row<{ open: number }>(
        `SELECT count(*)::int AS open FROM pg_stat_activity
          WHERE datname = current_database() AND state LIKE 'idle in transaction%'`,
      );
      openTransactions.push(open);
      return {
        status: 'approved' as const,
        reference: 'ref',
        amount: request.amount,
        currency: request.currency,
      };
    };
    world.gateway.expect('authorize', look).expect('capture', look);
    const transactions = jest.spyOn(world.db, 'transaction');

    await drive(orderId);

    expect(transactions).toHaveBeenCalledTimes(3);
    transactions.mockRestore();
    expect(openTransactions).toEqual([0, 0]);
    expect(await endOf(world, orderId)).toEqual({ order: 'placed', reservation: 'confirmed', reserved: 1 });
    expect(await sagaOf(world, orderId)).toMatchObject({
      status: 'completed',
      nextRun: 'never',
      leased: false,
    });
    expect(await timelineOf(world, orderId)).toEqual([
      'reserve-stock accepted → running',
      'authorize-payment asked',
      'authorize-payment done',
      'capture-payment asked',
      'capture-payment done',
      'place-order done → completed',
    ]);
    expect(await endOf(world, neighbour)).toMatchObject({ order: 'pending', reservation: 'active' });
  });

  it('charges the order’s total, with the keys of its operations', async () => {
    const sku = await world.product({ amount: 700, currency: 'USD' });
    const orderId = await world.order([{ sku, quantity: 3 }]);
    world.gateway.expect('authorize').expect('capture');

    await drive(orderId);

    const [authorize, capture] = world.gateway.calls.slice(-2);
    expect(authorize!.request).toMatchObject({
      amount: 2_100,
      currency: 'USD',
      paymentMethod: 'pm_card_visa',
    });
    expect(capture!.request).toMatchObject({
      amount: 2_100,
      currency: 'USD',
      authorization: `ref_${authorize!.request.key}`,
    });
    expect(new Set([authorize, capture].map((call) => call!.request.key)).size).toBe(2);
  });

  it('is driven by one worker when many try', async () => {
    const orderId = await world.order();
    world.gateway.expect('authorize').expect('capture');

    await Promise.all([1, 2, 3, 4, 5].map(() => drive(orderId)));

    expect(await endOf(world, orderId)).toMatchObject({ order: 'placed' });
  });

  it('is driven once when its wake-up job runs twice', async () => {
    const orderId = await world.order();
    const { messageId } = await world.row<{ messageId: string }>(
      `SELECT id AS "messageId" FROM outbox WHERE aggregate_id = $1 AND type = 'order.accepted'`,
      [orderId],
    );
    world.gateway.expect('authorize').expect('capture');

    for (let ring = 0; ring < 2; ring++) await world.runner().drive(orderId);

    const { applied } = await world.row<{ applied: boolean }>(
      `SELECT applied_at IS NOT NULL AS applied FROM outbox WHERE id = $1`,
      [messageId],
    );
    expect(applied).toBe(true);
    expect(await endOf(world, orderId)).toMatchObject({ order: 'placed' });
  });

  it('leaves a saga of a newer code version to a newer worker', async () => {
    const orderId = await world.order();
    await world.rows(`UPDATE sagas SET code_version = code_version + 1 WHERE order_id = $1`, [orderId]);
    const before = await timelineOf(world, orderId);

    await drive(orderId);

    expect(await timelineOf(world, orderId)).toEqual(before);
    expect(
      (await dueSagas(world.db, 1_000, { codeVersionMax: codeVersion, steps: stepNames })).map(
        (due) => due.orderId,
      ),
    ).not.toContain(orderId);
    expect(
      (await dueSagas(world.db, 1_000, { codeVersionMax: codeVersion + 1, steps: stepNames })).map(
        (due) => due.orderId,
      ),
    ).toContain(orderId);
  });
});

describe('a declined order', () => {
  it('returns its stock when the card is declined', async () => {
    const orderId = await world.order();
    world.gateway.expect('authorize', declinedCard);

    await drive(orderId);

    expect(await endOf(world, orderId)).toEqual({
      order: 'rejected (payment_declined)',
      reservation: 'released',
      reserved: 0,
    });
    expect(await sagaOf(world, orderId)).toMatchObject({
      status: 'compensated',
      nextRun: 'never',
      leased: false,
    });
  });

  it('returns its stock and voids its authorization when the capture is declined', async () => {
    const orderId = await world.order();
    world.gateway.expect('authorize').expect('capture', declinedCard).expect('void');

    await drive(orderId);

    expect(await endOf(world, orderId)).toEqual({
      order: 'rejected (payment_declined)',
      reservation: 'released',
      reserved: 0,
    });
    expect(await operationsOf(orderId)).toEqual([
      { kind: 'authorize', status: 'approved', attempt: 1 },
      { kind: 'capture', status: 'declined', attempt: 1 },
      { kind: 'void', status: 'approved', attempt: 1 },
    ]);
  });
});

describe('an order whose reservation expires before its charge', () => {
  const reservationOf = async (orderId: string) =>
    (await world.row<{ id: string }>(`SELECT reservation_id AS id FROM orders WHERE id = $1`, [orderId])).id;

  it.each([false, true])(
    'is rejected without a call to the provider when its reservation expired (swept: %s)',
    async (swept) => {
      const orderId = await world.order();
      await world.makeDue(await reservationOf(orderId));
      if (swept) await world.reservations.expireDue();

      await drive(orderId);

      expect(await operationsOf(orderId)).toEqual([]);
      expect(await endOf(world, orderId)).toEqual({
        order: 'rejected (reservation_expired)',
        reservation: 'expired',
        reserved: 0,
      });
    },
  );

  it('is rejected as cancelled when its shop released the stock', async () => {
    const orderId = await world.order();
    await world.reservations.release(await reservationOf(orderId), shop);

    await drive(orderId);

    expect(await operationsOf(orderId)).toEqual([]);
    expect(await endOf(world, orderId)).toEqual({
      order: 'rejected (cancelled)',
      reservation: 'released',
      reserved: 0,
    });
  });

  it('is charged after its expiry if it was pinned in time', async () => {
    const orderId = await world.order();
    const reservationId = await reservationOf(orderId);
    await world.db.transaction('command', (tx) => pin(tx, reservationId, orderId));
    await world.rows(
      `UPDATE reservations SET expires_at = clock_timestamp() - interval '1 minute' WHERE id = $1`,
      [reservationId],
    );
    world.gateway.expect('authorize').expect('capture');

    await drive(orderId);

    expect(await endOf(world, orderId)).toMatchObject({ order: 'placed', reservation: 'confirmed' });
  });
});
