import { attemptsMax } from '../../src/orders/checkout-saga/transitions';
import { createWorld, expectInvariants, shop, type World } from '../support/fixtures';
import { endOf, passTime, sagaOf } from '../support/sagas';
import { silence } from '../support/scripted-gateway';

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

describe('a call without a result', () => {
  it.each(['authorize', 'capture'] as const)('is retried under the same operation id (%s)', async (kind) => {
    const orderId = await world.order();
    if (kind === 'capture') world.gateway.expect('authorize');
    world.gateway.expect(kind, silence);
    await drive(orderId);
    expect(await sagaOf(world, orderId)).toMatchObject({
      status: 'running',
      attempt: 1,
      nextRun: 'waits',
      leased: false,
    });
    expect(await endOf(world, orderId)).toEqual({ order: 'pending', reservation: 'pinned', reserved: 1 });

    // Too early: nothing is retried.
    await drive(orderId);

    await passTime(world, orderId);
    world.gateway.expect(kind);
    if (kind === 'authorize') world.gateway.expect('capture');
    await drive(orderId);

    const [first, second] = world.gateway.calls.filter((call) => call.kind === kind).slice(-2);
    expect(second!.request).toEqual(first!.request);
    expect(await endOf(world, orderId)).toMatchObject({ order: 'placed' });
  });

  it('is never treated as declined: after the last attempt the saga is stuck, keeps its stock and is still due', async () => {
    const orderId = await world.order();
    for (let attempt = 1; attempt <= attemptsMax; attempt++) {
      expect((await sagaOf(world, orderId)).status).toBe('running');
      world.gateway.expect('authorize', silence);
      await drive(orderId);
      await passTime(world, orderId);
    }
    expect(await sagaOf(world, orderId)).toMatchObject({
      status: 'stuck',
      attempt: attemptsMax,
      nextRun: 'due',
    });
    expect(await endOf(world, orderId)).toEqual({ order: 'pending', reservation: 'pinned', reserved: 1 });

    world.gateway.expect('authorize').expect('capture');
    await drive(orderId);

    expect(new Set(world.gateway.keys('authorize').slice(-attemptsMax - 1)).size).toBe(1);
    expect(await endOf(world, orderId)).toMatchObject({ order: 'placed' });
  });

  it('keeps the reservation pinned', async () => {
    const orderId = await world.order();
    world.gateway.expect('authorize', silence);
    await drive(orderId);
    await world.rows(
      `UPDATE reservations SET expires_at = clock_timestamp() - interval '1 hour' WHERE order_id = $1`,
      [orderId],
    );

    await world.reservations.expireDue();

    expect(await endOf(world, orderId)).toMatchObject({ reservation: 'pinned' });
    await passTime(world, orderId);
    world.gateway.expect('authorize').expect('capture');
    await drive(orderId);
    expect(await endOf(world, orderId)).toMatchObject({ order: 'placed' });
  });

  it('is retried after the pause requested by the provider', async () => {
    const orderId = await world.order();
    world.gateway.expect('authorize', {
      status: 'unknown',
      detail: 'too many requests',
      retryAfterMs: 3_600_000,
    });
    await drive(orderId);

    const { minutes } = await world.row<{ minutes: number }>(
      `SELECT extract(epoch FROM next_run_at - clock_timestamp())::float8 / 60 AS minutes FROM sagas WHERE order_id = $1`,
      [orderId],
    );
    // Never sooner, and up to a fifth later, so that calls with the same pause are not retried all at once.
    expect(minutes).toBeGreaterThan(59);
    expect(minutes).toBeLessThan(73);
  });
});

describe('a call that was held back', () => {
  it.each(['authorize', 'capture'] as const)(
    'costs no attempt and leaves its operation unchanged (%s)',
    async (kind) => {
      const orderId = await world.order();
      if (kind === 'capture') world.gateway.expect('authorize');
      world.gateway.expect(kind, { status: 'not-asked', detail: 'the circuit is open' });

      await drive(orderId);

      expect(await sagaOf(world, orderId)).toMatchObject({
        status: 'running',
        attempt: 0,
        nextRun: 'waits',
        leased: false,
      });
      expect((await operationsOf(orderId)).at(-1)).toEqual({ kind, status: 'created', attempt: 0 });
    },
  );

  it('leaves an unknown result unknown', async () => {
    const orderId = await world.order();
    world.gateway.expect('authorize', silence);
    await drive(orderId);
    await passTime(world, orderId);
    world.gateway.expect('authorize', { status: 'not-asked', detail: 'the circuit is open' });

    await drive(orderId);

    expect(await operationsOf(orderId)).toEqual([{ kind: 'authorize', status: 'unknown', attempt: 1 }]);
    expect(await endOf(world, orderId)).toMatchObject({ order: 'pending', reservation: 'pinned' });
  });

  it('leaves the order cancellable, with its authorization voided', async () => {
    const orderId = await world.order();
    world.gateway
      .expect('authorize')
      .expect('capture', { status: 'not-asked', detail: 'the circuit is open' });
    await drive(orderId);

    await world.orders.requestCancellation(orderId, 'cancel', 'held-back', shop);
    world.gateway.expect('void');
    await drive(orderId);

    expect(await endOf(world, orderId)).toEqual({
      order: 'rejected (cancelled)',
      reservation: 'released',
      reserved: 0,
    });
  });
});

describe('a result with another amount', () => {
  it.each([
    ['authorize', 'amount', { amount: 1_001, currency: 'EUR' }],
    ['authorize', 'currency', { amount: 1_000, currency: 'USD' }],
    ['capture', 'amount', { amount: 999, currency: 'EUR' }],
    ['capture', 'currency', { amount: 1_000, currency: 'USD' }],
  ] as const)('leaves the order stuck and not placed (%s, %s)', async (kind, _what, sum) => {
    const orderId = await world.order();
    if (kind === 'capture') world.gateway.expect('authorize');
    world.gateway.expect(kind, { status: 'approved', reference: 'ref', ...sum });

    await drive(orderId);
    await passTime(world, orderId);
    await drive(orderId);

    expect(await sagaOf(world, orderId)).toMatchObject({ status: 'stuck', nextRun: 'never', leased: false });
    expect((await sagaOf(world, orderId)).lastError).toContain(`${sum.amount} ${sum.currency}`);
    expect(await endOf(world, orderId)).toEqual({ order: 'pending', reservation: 'pinned', reserved: 1 });
  });
});
