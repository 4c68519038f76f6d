import { newId } from '../../src/ids';
import { orderView } from '../../src/orders/orders.responses';
import type { GatewayResult } from '../../src/payment/gateways/gateway';
import { createWorld, expectInvariants, operator, outcomeOf, shop, type World } from '../support/fixtures';
import { approvalOf, silence } from '../support/scripted-gateway';
import { endOf, passTime, sagaOf, timelineOf } from '../support/sagas';

let world: World;
beforeAll(async () => (world = await createWorld()));
afterEach(async () => {
  world.gateway.expectSpoken();
  await expectInvariants(world);
});
afterAll(() => world.close());

const forBuyer: GatewayResult = { status: 'pending', reference: 'pi_1', waitsFor: 'buyer' };
const failedAuthentication: GatewayResult = {
  status: 'declined',
  code: 'payment_intent_authentication_failure',
  mayTryAnotherCard: true,
  reference: 'pi_1',
  isOpen: true,
};
const approved: GatewayResult = { status: 'approved', reference: 'pi_1', amount: 1_000, currency: 'EUR' };
const alreadyCaptured: GatewayResult = { status: 'declined', code: 'already_captured', reference: 'pi_1' };

const drive = (orderId: string) => world.runner().drive(orderId);

/** As a webhook or the deadline does. */
async function wake(orderId: string): Promise<void> {
  await passTime(world, orderId);
  await drive(orderId);
}

/** An order whose buyer must authenticate. */
async function waiting(): Promise<string> {
  const orderId = await world.order();
  world.gateway.expect('authorize', forBuyer);
  await drive(orderId);
  return orderId;
}

async function deadlineIsOver(orderId: string): Promise<void> {
  await world.rows(
    `UPDATE payment_operations SET action_expires_at = clock_timestamp() - interval '1 second'
      WHERE order_id = $1 AND kind = 'authorize'`,
    [orderId],
  );
}

const paymentOf = async (orderId: string) => orderView(await world.orders.get(orderId, shop)).payment;

const messagesOf = async (orderId: string): Promise<string[]> => {
  const rows = await world.rows<{ type: string }>(
    `SELECT type FROM outbox WHERE aggregate_id = $1 ORDER BY sequence`,
    [orderId],
  );
  return rows.map(({ type }) => type);
};

const operationsOf = async (orderId: string): Promise<string[]> => {
  const rows = await world.rows<{ line: string }>(
    `SELECT kind || ':' || number || ' ' || status || coalesce(' ' || decline_code, '') AS line
       FROM payment_operations WHERE order_id = $1 ORDER BY id`,
    [orderId],
  );
  return rows.map(({ line }) => line);
};

describe('an order whose buyer must authenticate', () => {
  it('waits until the deadline without spending attempts, its stock pinned', async () => {
    const orderId = await waiting();
    expect(await sagaOf(world, orderId)).toMatchObject({
      status: 'running',
      attempt: 0,
      nextRun: 'waits',
      leased: false,
    });
    expect(await endOf(world, orderId)).toEqual({ order: 'pending', reservation: 'pinned', reserved: 1 });
    const { seconds } = await world.row<{ seconds: number }>(
      `SELECT extract(epoch FROM s.next_run_at - p.action_expires_at)::int AS seconds
         FROM sagas s JOIN payment_operations p USING (order_id) WHERE order_id = $1`,
      [orderId],
    );
    expect(seconds).toBe(0);
    expect(await paymentOf(orderId)).toMatchObject({
      status: 'requires_action',
      attempts: 1,
      attemptsLeft: 0,
      actionExpiresInSeconds: expect.any(Number) as number,
      declineCode: null,
      reference: 'pi_1',
    });
  });

  it('is announced once, however often it is looked at', async () => {
    const orderId = await waiting();
    const { actionExpiresAt } = await paymentOf(orderId);
    for (let nth = 0; nth < 12; nth += 1) {
      world.gateway.expectLook(forBuyer);
      await wake(orderId);
    }
    expect(await sagaOf(world, orderId)).toMatchObject({ status: 'running', attempt: 0, nextRun: 'waits' });
    expect(await messagesOf(orderId)).toEqual(['order.accepted', 'order.payment_action_required']);
    expect((await paymentOf(orderId)).actionExpiresAt).toBe(actionExpiresAt);
  });

  it('has no more time than its reservation can live', async () => {
    const orderId = await world.order();
    await world.rows(
      `UPDATE reservations SET expires_at = clock_timestamp() + interval '9 s', max_expires_at = clock_timestamp() + interval '9 s'
        WHERE order_id = $1`,
      [orderId],
    );
    world.gateway.expect('authorize', forBuyer);
    await drive(orderId);
    expect((await paymentOf(orderId)).actionExpiresInSeconds).toBeLessThanOrEqual(9);
  });

  it('is placed when the buyer has authenticated', async () => {
    const orderId = await waiting();
    world.gateway.expectLook(approved).expect('capture');
    await wake(orderId);
    expect(await endOf(world, orderId)).toMatchObject({ order: 'placed', reservation: 'confirmed' });
    expect(await paymentOf(orderId)).toMatchObject({ status: 'captured', actionExpiresAt: null });
  });

  it('is placed when the buyer authenticates exactly at the deadline', async () => {
    const orderId = await waiting();
    await deadlineIsOver(orderId);
    world.gateway.expectLook(approved).expect('capture');
    await wake(orderId);
    expect(await endOf(world, orderId)).toMatchObject({ order: 'placed' });
  });

  it('ends at the deadline, after its payment was canceled', async () => {
    const orderId = await waiting();
    await deadlineIsOver(orderId);
    world.gateway.expectLook(forBuyer).expect('void', silence);
    await wake(orderId);
    // Silence is no answer: the buyer may still pay.
    expect(await endOf(world, orderId)).toEqual({ order: 'pending', reservation: 'pinned', reserved: 1 });
    world.gateway.expectLook({ ...approved });
    await wake(orderId);
    expect(await endOf(world, orderId)).toEqual({
      order: 'rejected (payment_declined)',
      reservation: 'released',
      reserved: 0,
    });
    expect(await paymentOf(orderId)).toMatchObject({ status: 'declined', declineCode: 'action_expired' });
    expect(await operationsOf(orderId)).toEqual(['authorize:1 declined action_expired', 'void:1 approved']);
  });

  it('goes on when its payment turns out to be made while it is canceled', async () => {
    const orderId = await waiting();
    await deadlineIsOver(orderId);
    world.gateway.expectLook(forBuyer).expect('void', alreadyCaptured).expectLook(approved).expect('capture');
    await wake(orderId);
    expect(await endOf(world, orderId)).toMatchObject({ order: 'placed' });
  });

  it('is declined when the authentication failed, after its payment was canceled', async () => {
    const orderId = await waiting();
    world.gateway.expectLook(failedAuthentication).expect('void', async () => {
      expect(await endOf(world, orderId)).toEqual({ order: 'pending', reservation: 'pinned', reserved: 1 });
      return approved;
    });
    await wake(orderId);
    expect(await endOf(world, orderId)).toMatchObject({ order: 'rejected (payment_declined)', reserved: 0 });
    expect(await paymentOf(orderId)).toMatchObject({ declineCode: 'payment_intent_authentication_failure' });
  });

  it('is canceled at the provider before its cancellation ends it', async () => {
    const orderId = await waiting();
    await world.orders.requestCancellation(orderId, 'cancel', newId(), shop);
    expect(await endOf(world, orderId)).toMatchObject({ order: 'pending', reservation: 'pinned' });
    world.gateway.expect('void', async () => {
      expect(await endOf(world, orderId)).toMatchObject({ reservation: 'pinned' });
      return approved;
    });
    await drive(orderId);
    expect(await endOf(world, orderId)).toMatchObject({ order: 'rejected (cancelled)', reserved: 0 });
    expect(await paymentOf(orderId)).toMatchObject({ status: 'voided', declineCode: null });
  });

  it('is cancelled at once when the cancellation came while the provider was looked at', async () => {
    const orderId = await waiting();
    world.gateway
      .expect('authorize', async () => {
        await world.orders.requestCancellation(orderId, 'cancel', newId(), shop);
        return forBuyer;
      })
      .expect('void');
    await wake(orderId);
    expect(await endOf(world, orderId)).toMatchObject({ order: 'rejected (cancelled)', reserved: 0 });
  });

  it('counts as live in the limits of its customer until the void is answered', async () => {
    const sku = await world.product({ reservationsPerCustomerMax: 1 });
    const lines = [{ sku, quantity: 1 }];
    const orderId = await world.order(lines, { customerId: 'cus_limit' });
    world.gateway.expect('authorize', forBuyer);
    await drive(orderId);
    const again = () => outcomeOf(world.reserve(lines, { customerId: 'cus_limit' }));
    // Also when the time of the reservation itself is over: it is pinned.
    await world.rows(
      `UPDATE reservations SET expires_at = clock_timestamp() - interval '1 s' WHERE order_id = $1`,
      [orderId],
    );
    await world.reservations.expireDue();
    expect(await again()).toBe('reservation_limit_reached');
    await deadlineIsOver(orderId);
    world.gateway.expectLook(forBuyer).expect('void', silence);
    await wake(orderId);
    expect(await again()).toBe('reservation_limit_reached');
    world.gateway.expectLook(approved);
    await wake(orderId);
    expect(await again()).toBe('ok');
  });

  it('can be compensated and asked again by an operator, but not given up', async () => {
    const orderId = await waiting();
    const act = (action: 'retry' | 'compensate' | 'resolve') =>
      outcomeOf(world.sagaActions.perform(action, orderId, { reason: 'customer called' }, operator));
    expect(await act('resolve')).toBe('saga_not_stuck');
    expect(await act('retry')).toBe('ok');
    world.gateway.expectLook(forBuyer);
    await drive(orderId);
    expect(await sagaOf(world, orderId)).toMatchObject({ attempt: 0, nextRun: 'waits' });
    expect(await act('compensate')).toBe('ok');
    world.gateway.expect('void');
    await drive(orderId);
    expect(await endOf(world, orderId)).toMatchObject({ order: 'rejected (cancelled)', reserved: 0 });
  });

  it.each(['authorize', 'charge'] as const)(
    'is refused a void and given back when it was paid: %s',
    async (kind) => {
      const capture = kind === 'charge' ? 'immediate' : 'automatic';
      const orderId = await world.order(undefined, { capture });
      world.gateway.expect(kind, forBuyer);
      await drive(orderId);
      await world.orders.requestCancellation(orderId, 'cancel', newId(), shop);
      world.gateway.expect('void', kind === 'charge' ? alreadyCaptured : approved);
      if (kind === 'charge') world.gateway.expectLook(approved).expect('refund');
      await drive(orderId);
      expect(await endOf(world, orderId)).toMatchObject({ order: 'rejected (cancelled)', reserved: 0 });
    },
  );

  it('of a build before ends at once, as that build did', async () => {
    const orderId = await world.order();
    await world.rows(`UPDATE sagas SET code_version = 3 WHERE order_id = $1`, [orderId]);
    world.gateway.expect('authorize', forBuyer).expect('void');
    await drive(orderId);
    expect(await endOf(world, orderId)).toMatchObject({ order: 'rejected (payment_declined)' });
    expect(await paymentOf(orderId)).toMatchObject({ declineCode: 'authentication_required' });
  });
});

describe('a decline that leaves an open payment', () => {
  const declined: GatewayResult = { ...failedAuthentication, code: 'insufficient_funds' };

  it('is canceled before the stock is released', async () => {
    const orderId = await world.order();
    world.gateway.expect('authorize', declined).expect('void', async () => {
      expect(await endOf(world, orderId)).toMatchObject({ order: 'pending', reservation: 'pinned' });
      return approved;
    });
    await drive(orderId);
    expect(await endOf(world, orderId)).toMatchObject({ order: 'rejected (payment_declined)', reserved: 0 });
    expect(await operationsOf(orderId)).toEqual([
      'authorize:1 declined insufficient_funds',
      'void:1 approved',
    ]);
    expect(await timelineOf(world, orderId)).toEqual([
      'reserve-stock accepted → running',
      'authorize-payment asked',
      'authorize-payment asked',
      'authorize-payment declined → compensating',
      'reserve-stock done → compensated',
    ]);
  });

  it('is not canceled for a saga of a build before', async () => {
    const orderId = await world.order();
    await world.rows(`UPDATE sagas SET code_version = 3 WHERE order_id = $1`, [orderId]);
    world.gateway.expect('authorize', declined);
    await drive(orderId);
    expect(await endOf(world, orderId)).toMatchObject({ order: 'rejected (payment_declined)', reserved: 0 });
  });

  it('places the order when the browser has confirmed it before it could be canceled', async () => {
    const orderId = await world.order();
    world.gateway
      .expect('authorize', declined)
      .expect('void', alreadyCaptured)
      .expectLook(approved)
      .expect('capture', (request) => approvalOf(request));
    await drive(orderId);
    expect(await endOf(world, orderId)).toMatchObject({ order: 'placed' });
  });
});
