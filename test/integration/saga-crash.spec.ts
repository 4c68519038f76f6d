import { stepLists } from '../../src/orders/checkout-saga/checkout.saga';
import { sagaEvents } from '../../src/orders/checkout-saga/saga-metrics';
import { attemptsMax } from '../../src/orders/checkout-saga/transitions';
import { createWorld, expectInvariants, shop, type World } from '../support/fixtures';
import { databaseThatDiesAfter, endOf, LedgerGateway, passTime, sagaOf, timelineOf } from '../support/sagas';
import { approvalOf } from '../support/scripted-gateway';

let world: World;
beforeAll(async () => (world = await createWorld()));
afterEach(async () => {
  world.gateway.expectSpoken();
  await expectInvariants(world);
});
afterAll(() => world.close());

/** A worker that dies after a number of commits; then its lease ends and another worker continues. */
async function driveThroughACrash(orderId: string, commits: number, gateway: LedgerGateway): Promise<void> {
  const { db, crashed } = databaseThatDiesAfter(commits, world.db);
  const whole = world.runner({ db, gateway }).drive(orderId);
  await Promise.race([crashed, whole]);

  // No worker drives it before the lease ends.
  const before = await timelineOf(world, orderId);
  if ((await sagaOf(world, orderId)).leased) {
    await world.runner({ gateway }).drive(orderId);
    expect(await timelineOf(world, orderId)).toEqual(before);
  }
  await passTime(world, orderId);
  await world.runner({ gateway }).drive(orderId);
}

const doneFor = (gateway: LedgerGateway) => gateway.done.map(({ kind }) => kind);

describe('a saga whose worker dies', () => {
  // Each step has a separate commit; the first step is part of the one that accepts the order.
  it.each(stepLists.automatic.map(({ name }, commits) => [name, commits] as const))(
    'continues from %s after a crash',
    async (_, commits) => {
      const [orderId, neighbour] = [await world.order(), await world.order()];
      const gateway = new LedgerGateway();

      await driveThroughACrash(orderId, commits, gateway);

      expect(await endOf(world, orderId)).toEqual({ order: 'placed', reservation: 'confirmed', reserved: 1 });
      expect(doneFor(gateway)).toEqual(['authorize', 'capture']);
      expect(await endOf(world, neighbour)).toMatchObject({ order: 'pending' });
    },
  );

  it.each([0, 1, 2, 3, 4])(
    'compensates a declined capture after a crash after commit %i',
    async (commits) => {
      const orderId = await world.order();
      const gateway = new LedgerGateway({ capture: true });

      await driveThroughACrash(orderId, commits, gateway);

      expect(await endOf(world, orderId)).toEqual({
        order: 'rejected (payment_declined)',
        reservation: 'released',
        reserved: 0,
      });
      expect(doneFor(gateway)).toEqual(['authorize', 'void']);
    },
  );

  it.each([0, 1, 2])('refunds a placed order after a crash after commit %i', async (commits) => {
    const orderId = await world.order();
    const gateway = new LedgerGateway();
    await world.runner({ gateway }).drive(orderId);
    await world.orders.requestCancellation(orderId, 'refund', `refund-${commits}`, shop);

    await driveThroughACrash(orderId, commits, gateway);

    expect(await endOf(world, orderId)).toEqual({ order: 'refunded', reservation: 'returned', reserved: 0 });
    expect(doneFor(gateway)).toEqual(['authorize', 'capture', 'refund']);
  });

  it.each([0, 1, 2])('cancels an order that was left by a crash after commit %i', async (commits) => {
    const orderId = await world.order();
    const gateway = new LedgerGateway();
    const { db, crashed } = databaseThatDiesAfter(commits, world.db);
    void world.runner({ db, gateway }).drive(orderId);
    await crashed;

    await world.orders.requestCancellation(orderId, 'cancel', `cancel-${commits}`, shop);
    await passTime(world, orderId);
    await world.runner({ gateway }).drive(orderId);

    const end = await endOf(world, orderId);
    expect(end.reserved).toBe(0);
    expect(end.order).toBe(commits < 2 ? 'rejected (cancelled)' : 'cancelled');
    expect(await sagaOf(world, orderId)).toMatchObject({ status: 'compensated' });
  });
});

describe('a worker that slept through its lease', () => {
  const staleWrites = async () =>
    (await sagaEvents.get()).values.find(({ labels }) => labels.event === 'stale_write_refused')?.value ?? 0;

  it('writes nothing if another worker took over', async () => {
    const orderId = await world.order();
    const refusedBefore = await staleWrites();
    let left: unknown;
    world.gateway
      .expect('authorize', async (request) => {
        await passTime(world, orderId);
        await world.runner().drive(orderId);
        left = await everythingOf(orderId);
        return { ...approvalOf(request), reference: 'heard too late' };
      })
      .expect('authorize')
      .expect('capture');

    await world.runner().drive(orderId);

    expect(await endOf(world, orderId)).toMatchObject({ order: 'placed' });
    expect(await everythingOf(orderId)).toEqual(left);
    expect(await staleWrites()).toBe(refusedBefore + 1);
  });

  it('may still write if no worker took over', async () => {
    const orderId = await world.order();
    world.gateway
      .expect('authorize', async (request) => {
        await passTime(world, orderId);
        return approvalOf(request);
      })
      .expect('capture');

    await world.runner().drive(orderId);

    expect(await endOf(world, orderId)).toMatchObject({ order: 'placed' });
  });

  it('has a smaller fencing token than the worker that took over', async () => {
    const orderId = await world.order();
    const tokens: number[] = [];
    const noteToken = async () => void tokens.push((await sagaOf(world, orderId)).fencingToken);
    world.gateway
      .expect('authorize', async (request) => {
        await noteToken();
        await passTime(world, orderId);
        await world.runner().drive(orderId);
        return approvalOf(request);
      })
      .expect('authorize', async (request) => {
        await noteToken();
        return approvalOf(request);
      })
      .expect('capture');

    await world.runner().drive(orderId);

    expect(tokens[1]).toBeGreaterThan(tokens[0]!);
  });

  const everythingOf = async (orderId: string) => [
    await world.rows(`SELECT to_jsonb(s) AS row FROM sagas s WHERE order_id = $1`, [orderId]),
    await world.rows(
      `SELECT to_jsonb(t) AS row FROM saga_transitions t WHERE order_id = $1 ORDER BY version`,
      [orderId],
    ),
    await world.rows(`SELECT to_jsonb(p) AS row FROM payment_operations p WHERE order_id = $1 ORDER BY id`, [
      orderId,
    ]),
    await world.rows(`SELECT to_jsonb(o) AS row FROM orders o WHERE id = $1`, [orderId]),
    await world.rows(`SELECT to_jsonb(m) AS row FROM outbox m WHERE aggregate_id = $1 ORDER BY sequence`, [
      orderId,
    ]),
  ];
});

describe('a step that throws', () => {
  const breakReservation = (orderId: string) =>
    world.rows(`UPDATE reservations SET order_id = NULL WHERE order_id = $1 AND status = 'active'`, [
      orderId,
    ]);
  const mendReservation = (orderId: string) =>
    world.rows(
      `UPDATE reservations r SET order_id = o.id FROM orders o WHERE o.id = $1 AND r.id = o.reservation_id`,
      [orderId],
    );

  it('costs an attempt, waits for its next run, and records the error', async () => {
    const orderId = await world.order();
    await breakReservation(orderId);

    await world.runner().drive(orderId);
    const failed = await sagaOf(world, orderId);
    await world.runner().drive(orderId);

    expect(failed).toMatchObject({ status: 'running', attempt: 1, nextRun: 'waits', leased: false });
    expect(failed.lastError).toMatch(/lost its reservation/);
    expect(await sagaOf(world, orderId)).toEqual(failed);
    await mendReservation(orderId);
  });

  it('leaves its saga stuck after the last attempt, and continues when it is fixed', async () => {
    const orderId = await world.order();
    await breakReservation(orderId);
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      expect((await sagaOf(world, orderId)).status).toBe('running');
      await world.runner().drive(orderId);
      await passTime(world, orderId);
    }
    expect(await sagaOf(world, orderId)).toMatchObject({ status: 'stuck', attempt: attemptsMax });

    await mendReservation(orderId);
    world.gateway.expect('authorize').expect('capture');
    await world.runner().drive(orderId);

    expect(await endOf(world, orderId)).toMatchObject({ order: 'placed' });
  });

  // The money is captured by then, so an operator must see this failure.
  it('leaves its saga stuck if it throws on the provider’s result', async () => {
    const orderId = await world.order();
    const gateway = new LedgerGateway();
    await world.rows(
      `ALTER TABLE orders ADD CONSTRAINT nothing_is_placed CHECK (placed_at IS NULL) NOT VALID`,
    );
    try {
      for (let attempt = 0; attempt < attemptsMax + 2; attempt++) {
        await world.runner({ gateway }).drive(orderId);
        await passTime(world, orderId);
      }
      const saga = await sagaOf(world, orderId);
      expect(saga.status).toBe('stuck');
      expect(saga.lastError).toMatch(/nothing_is_placed/);
    } finally {
      await world.rows(`ALTER TABLE orders DROP CONSTRAINT nothing_is_placed`);
      await passTime(world, orderId);
      await world.runner({ gateway }).drive(orderId);
    }
    expect(doneFor(gateway)).toEqual(['authorize', 'capture']);
    expect(await endOf(world, orderId)).toMatchObject({ order: 'placed' });
  });
});
