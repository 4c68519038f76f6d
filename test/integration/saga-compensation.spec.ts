import { undoReservation } from '../support/order-reservation';
import { outcomeOf, createWorld, expectInvariants, shop, type World } from '../support/fixtures';
import { endOf, passTime, sagaOf } from '../support/sagas';
import { approvalOf, declinedCard, silence } from '../support/scripted-gateway';

let world: World;
beforeAll(async () => (world = await createWorld()));
afterEach(async () => {
  world.gateway.expectSpoken();
  await expectInvariants(world);
});
afterAll(() => world.close());

const drive = (orderId: string) => world.runner().drive(orderId);

let asked = 0;
const requestCancellation = (orderId: string, by: 'cancel' | 'refund') =>
  outcomeOf(world.orders.requestCancellation(orderId, by, `wish-${++asked}`, shop));

async function placedOrder(): Promise<string> {
  const orderId = await world.order();
  world.gateway.expect('authorize').expect('capture');
  await drive(orderId);
  return orderId;
}

const neverCharged = { order: 'rejected (cancelled)', reservation: 'released', reserved: 0 };

describe('a pending order that is cancelled', () => {
  it('is rejected without a call to the provider if nothing was requested yet', async () => {
    const [orderId, neighbour] = [await world.order(), await world.order()];

    expect(await requestCancellation(orderId, 'cancel')).toBe('ok');
    expect(await sagaOf(world, orderId)).toMatchObject({ status: 'compensating', nextRun: 'due' });
    await drive(orderId);

    expect(await endOf(world, orderId)).toEqual(neverCharged);
    expect(await endOf(world, neighbour)).toMatchObject({ order: 'pending', reservation: 'active' });
  });

  it('has its authorization voided when cancelled during the authorization', async () => {
    const orderId = await world.order();
    world.gateway
      .expect('authorize', async (request) => {
        expect(await requestCancellation(orderId, 'cancel')).toBe('ok');
        return approvalOf(request);
      })
      .expect('void');

    await drive(orderId);

    expect(await endOf(world, orderId)).toEqual(neverCharged);
  });

  it('has its unknown authorization retried, then voided', async () => {
    const orderId = await world.order();
    world.gateway.expect('authorize', silence);
    await drive(orderId);

    expect(await requestCancellation(orderId, 'cancel')).toBe('ok');
    world.gateway.expect('authorize').expect('void');
    await drive(orderId);

    expect(new Set(world.gateway.keys('authorize').slice(-2)).size).toBe(1);
    expect(await endOf(world, orderId)).toEqual(neverCharged);
  });

  it('has nothing to void when its authorization is declined', async () => {
    const orderId = await world.order();
    world.gateway.expect('authorize', async () => {
      await requestCancellation(orderId, 'cancel');
      return declinedCard;
    });

    await drive(orderId);

    expect(await endOf(world, orderId)).toMatchObject({ reservation: 'released', reserved: 0 });
    expect(await sagaOf(world, orderId)).toMatchObject({ status: 'compensated' });
  });

  it('is charged, placed and refunded when cancelled during the capture', async () => {
    const orderId = await world.order();
    world.gateway
      .expect('authorize')
      .expect('capture', async (request) => {
        expect(await requestCancellation(orderId, 'cancel')).toBe('ok');
        return approvalOf(request);
      })
      .expect('refund');

    await drive(orderId);

    expect(await endOf(world, orderId)).toEqual({ order: 'cancelled', reservation: 'returned', reserved: 0 });
  });

  it('is refunded when its unknown capture turns out to be done', async () => {
    const orderId = await world.order();
    world.gateway.expect('authorize').expect('capture', silence);
    await drive(orderId);

    expect(await requestCancellation(orderId, 'cancel')).toBe('ok');
    world.gateway.expect('capture').expect('refund');
    await drive(orderId);

    expect(new Set(world.gateway.keys('capture').slice(-2)).size).toBe(1);
    expect(await endOf(world, orderId)).toEqual({ order: 'cancelled', reservation: 'returned', reserved: 0 });
  });

  it('is rejected with its authorization voided when the capture is declined', async () => {
    const orderId = await world.order();
    world.gateway
      .expect('authorize')
      .expect('capture', async () => {
        await requestCancellation(orderId, 'cancel');
        return declinedCard;
      })
      .expect('void');

    await drive(orderId);

    expect(await endOf(world, orderId)).toMatchObject({ reservation: 'released', reserved: 0 });
    expect(await sagaOf(world, orderId)).toMatchObject({ status: 'compensated' });
  });

  it('is compensated although its worker is gone', async () => {
    const orderId = await world.order();
    const lost = new Promise<void>((resolve) => {
      world.gateway.expect('authorize', () => {
        resolve();
        return new Promise(() => undefined);
      });
    });
    void drive(orderId);
    await lost;
    await passTime(world, orderId);

    expect(await requestCancellation(orderId, 'cancel')).toBe('ok');
    world.gateway.expect('authorize').expect('void');
    await drive(orderId);

    expect(await endOf(world, orderId)).toEqual(neverCharged);
  });

  it('answers order_not_placed to a refund', async () => {
    const orderId = await world.order();
    expect(await requestCancellation(orderId, 'refund')).toBe('order_not_placed');
    expect(await requestCancellation(orderId, 'cancel')).toBe('ok');
    await drive(orderId);
    expect(await requestCancellation(orderId, 'refund')).toBe('order_already_rejected');
  });
});

describe('a stuck order that is cancelled', () => {
  it('has its authorization voided, with another amount too', async () => {
    const orderId = await world.order();
    world.gateway.expect('authorize', {
      status: 'approved',
      reference: 'ref',
      amount: 2_000,
      currency: 'EUR',
    });
    await drive(orderId);
    expect(await sagaOf(world, orderId)).toMatchObject({ status: 'stuck', nextRun: 'never' });

    expect(await requestCancellation(orderId, 'cancel')).toBe('ok');
    world.gateway
      .expect('authorize', { status: 'approved', reference: 'ref', amount: 2_000, currency: 'EUR' })
      .expect('void');
    await drive(orderId);

    expect(await endOf(world, orderId)).toEqual(neverCharged);
  });
});

describe('a placed order', () => {
  it.each([
    ['cancel', 'cancelled'],
    ['refund', 'refunded'],
  ] as const)('returns money and stock once (%s → %s)', async (by, becomes) => {
    const [orderId, neighbour] = [await placedOrder(), await placedOrder()];
    const { orderId: late } = { orderId };

    expect(await requestCancellation(orderId, by)).toBe('ok');
    world.gateway.expect('refund');
    await drive(orderId);
    expect(await requestCancellation(late, by)).toBe('ok');
    await drive(late);

    expect(await endOf(world, orderId)).toEqual({ order: becomes, reservation: 'returned', reserved: 0 });
    expect(await endOf(world, neighbour)).toEqual({ order: 'placed', reservation: 'confirmed', reserved: 1 });
  });

  it('is compensated once when many requests arrive at once', async () => {
    const orderId = await placedOrder();

    const answers = await Promise.all(
      ['cancel', 'refund', 'cancel', 'refund', 'cancel'].map((by) =>
        requestCancellation(orderId, by as 'cancel'),
      ),
    );
    world.gateway.expect('refund');
    await drive(orderId);

    expect(answers).toEqual(['ok', 'ok', 'ok', 'ok', 'ok']);
    const { refunds } = await world.row<{ refunds: number }>(
      `SELECT count(*)::int AS refunds FROM payment_operations WHERE order_id = $1 AND kind = 'refund'`,
      [orderId],
    );
    expect(refunds).toBe(1);
    expect(await endOf(world, orderId)).toMatchObject({ reservation: 'returned', reserved: 0 });
  });

  it('is refunded the captured amount on its own authorization', async () => {
    const orderId = await placedOrder();
    const [authorization] = world.gateway.keys('authorize').slice(-1);
    await requestCancellation(orderId, 'refund');
    world.gateway.expect('refund');
    await drive(orderId);

    expect(world.gateway.calls.at(-1)!.request).toMatchObject({
      amount: 1_000,
      currency: 'EUR',
      authorization: `ref_${authorization}`,
    });
  });
});

describe('a compensation without a result', () => {
  it('retries the void with the same key, and keeps the stock until then', async () => {
    const orderId = await world.order();
    world.gateway.expect('authorize').expect('capture', declinedCard).expect('void', silence);
    await drive(orderId);
    expect(await sagaOf(world, orderId)).toMatchObject({ status: 'compensating', nextRun: 'waits' });
    expect(await endOf(world, orderId)).toEqual({ order: 'pending', reservation: 'pinned', reserved: 1 });

    await passTime(world, orderId);
    world.gateway.expect('void');
    await drive(orderId);

    expect(new Set(world.gateway.keys('void').slice(-2)).size).toBe(1);
    expect(await endOf(world, orderId)).toEqual({
      order: 'rejected (payment_declined)',
      reservation: 'released',
      reserved: 0,
    });
  });

  it('is never given up: after the last attempt the saga is stuck and still due, and ends when the provider answers', async () => {
    const orderId = await placedOrder();
    await requestCancellation(orderId, 'refund');
    for (let attempt = 0; attempt < 10; attempt++) {
      world.gateway.expect('refund', silence);
      await drive(orderId);
      await passTime(world, orderId);
    }
    expect(await sagaOf(world, orderId)).toMatchObject({ status: 'stuck', nextRun: 'due' });
    expect(await endOf(world, orderId)).toMatchObject({ order: 'placed', reserved: 1 });

    world.gateway.expect('refund');
    await drive(orderId);

    expect(new Set(world.gateway.keys('refund').slice(-11)).size).toBe(1);
    expect(await endOf(world, orderId)).toEqual({ order: 'refunded', reservation: 'returned', reserved: 0 });
  });

  it.each(['void', 'refund'] as const)(
    'leaves the saga stuck for an operator when it is declined (%s)',
    async (kind) => {
      const orderId = kind === 'void' ? await world.order() : await placedOrder();
      if (kind === 'void') world.gateway.expect('authorize').expect('capture', declinedCard);
      else await requestCancellation(orderId, 'refund');
      world.gateway.expect(kind, { status: 'declined', code: 'too_late' });

      await drive(orderId);

      expect(await sagaOf(world, orderId)).toMatchObject({ status: 'stuck', nextRun: 'never' });
      expect((await sagaOf(world, orderId)).lastError).toContain('too_late');
      expect(await endOf(world, orderId)).toMatchObject({ reserved: 1 });
    },
  );
});

describe('the stock of an order', () => {
  it.each(['active', 'pinned', 'confirmed'])(
    'is returned once, even if the step is repeated (%s)',
    async (state) => {
      const orderId = state === 'confirmed' ? await placedOrder() : await world.order();
      if (state === 'pinned') {
        world.gateway.expect('authorize', silence);
        await drive(orderId);
      }
      const { id, sku } = await world.row<{ id: string; sku: string }>(
        `SELECT r.id, l.sku FROM reservations r JOIN reservation_lines l ON l.reservation_id = r.id WHERE r.order_id = $1 AND r.status = $2`,
        [orderId, state],
      );
      await world.reserve([{ sku, quantity: 2 }]);
      const onPurpose = new Error('rolled back on purpose');

      const work = world.db.transaction('command', async (tx) => {
        for (let repeat = 0; repeat < 3; repeat++) await undoReservation(tx, id, orderId, 'order ended');
        const [level] = await tx.rows(`SELECT reserved FROM stock_levels WHERE sku = $1::text`, [sku]);
        expect(level).toEqual({ reserved: 2 });
        throw onPurpose;
      });

      await expect(work).rejects.toBe(onPurpose);
    },
  );
});
