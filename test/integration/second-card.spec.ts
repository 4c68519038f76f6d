import { newId } from '../../src/ids';
import { answerFor } from '../../src/orders/order-answer';
import { orderView } from '../../src/orders/orders.responses';
import type { HoldfastError } from '../../src/errors';
import type { GatewayResult } from '../../src/payment/gateways/gateway';
import type { CheckoutRequest } from '../../src/orders/intake/intake';
import {
  codesOf,
  createWorld,
  expectInvariants,
  inParallel,
  operator,
  outcomeOf,
  shop,
  type World,
} from '../support/fixtures';
import { endOf, passTime, sagaOf } from '../support/sagas';
import { silence } from '../support/scripted-gateway';
import { runTasks, shipOrder } from '../support/sold';

let world: World;
beforeAll(async () => (world = await createWorld()));
afterEach(async () => {
  world.gateway.expectSpoken();
  await expectInvariants(world);
});
afterAll(() => world.close());

const declined = (code = 'insufficient_funds', mayTryAnotherCard = true): GatewayResult => ({
  status: 'declined',
  code,
  mayTryAnotherCard,
  reference: 'pi_1',
  isOpen: true,
});
const canceled: GatewayResult = { status: 'approved', reference: 'pi_1', amount: 1_000, currency: 'EUR' };
const forBuyer: GatewayResult = { status: 'pending', reference: 'pi_2', waitsFor: 'buyer' };

const drive = (orderId: string) => world.runner().drive(orderId);
const wake = async (orderId: string) => {
  await passTime(world, orderId);
  await drive(orderId);
};

/** An order whose first card was declined. */
async function afterDecline(
  more: Partial<CheckoutRequest> = {},
  onDecline = { holdSeconds: 120, attemptsMax: 3 },
): Promise<string> {
  const orderId = await world.order(undefined, { onDecline, ...more });
  world.gateway.expect('authorize', declined()).expect('void');
  await drive(orderId);
  return orderId;
}

const pay = (orderId: string, method = 'pm_card_mastercard', key = newId()) =>
  world.paymentAttempts.payAgain(
    { orderId, key, sent: { method }, payment: { paymentMethod: method, payment: null } },
    shop,
  );

const viewOf = async (orderId: string) => orderView(await world.orders.get(orderId, shop));

const operationsOf = async (orderId: string): Promise<string[]> => {
  const rows = await world.rows<{ line: string }>(
    `SELECT payment_attempt || ' ' || kind || ':' || number || ' ' || status || coalesce(' ' || decline_code, '') AS line
       FROM payment_operations WHERE order_id = $1 ORDER BY id`,
    [orderId],
  );
  return rows.map(({ line }) => line);
};

describe('a decline that another card may cure', () => {
  it('holds the stock for another card, after the payment was canceled', async () => {
    const orderId = await world.order(undefined, { onDecline: { holdSeconds: 120, attemptsMax: 3 } });
    world.gateway.expect('authorize', declined()).expect('void', async () => {
      expect(await endOf(world, orderId)).toMatchObject({ order: 'pending', reservation: 'pinned' });
      return canceled;
    });
    await drive(orderId);
    expect(await endOf(world, orderId)).toEqual({ order: 'pending', reservation: 'active', reserved: 1 });
    expect(await sagaOf(world, orderId)).toMatchObject({
      status: 'running',
      attempt: 0,
      nextRun: 'waits',
      leased: false,
    });
    const { payment, expiresAt } = await viewOf(orderId);
    expect(payment).toMatchObject({
      status: 'declined',
      declineCode: 'insufficient_funds',
      attempts: 1,
      attemptsLeft: 2,
      retryUntil: expiresAt,
    });
    expect(payment.retryInSeconds).toBeGreaterThan(110);
    expect(payment.retryInSeconds).toBeLessThanOrEqual(120);
    const { messages } = await world.row<{ messages: string[] }>(
      `SELECT array_agg(type ORDER BY sequence) AS messages FROM outbox WHERE aggregate_id = $1`,
      [orderId],
    );
    expect(messages).toEqual(['order.accepted', 'order.payment_declined']);
  });

  it('is answered with 402, the facts and the pending order', async () => {
    const orderId = await afterDecline();
    const answer = answerFor(await world.orders.get(orderId, shop)) as HoldfastError;
    expect([answer.status, answer.code]).toEqual([402, 'payment_declined']);
    expect(answer.facts).toMatchObject({
      declineCode: 'insufficient_funds',
      mayTryAnotherCard: true,
      attemptsLeft: 2,
      retryUntil: expect.any(String) as string,
      retryInSeconds: expect.any(Number) as number,
      order: { status: 'pending' },
    });
  });

  it('holds the stock no longer than the reservation can live', async () => {
    const orderId = await world.order(undefined, { onDecline: { holdSeconds: 3_600, attemptsMax: 2 } });
    world.gateway.expect('authorize', declined()).expect('void');
    await drive(orderId);
    const { left } = await world.row<{ left: number }>(
      `SELECT extract(epoch FROM max_expires_at - expires_at)::int AS left FROM reservations WHERE order_id = $1`,
      [orderId],
    );
    expect(left).toBe(0);
  });

  it('ends the order when the reservation has no time left', async () => {
    const orderId = await world.order(undefined, { onDecline: { holdSeconds: 60, attemptsMax: 2 } });
    world.gateway
      .expect('authorize', async () => {
        await world.rows(
          `UPDATE reservations SET expires_at = clock_timestamp(), max_expires_at = clock_timestamp() WHERE order_id = $1`,
          [orderId],
        );
        return declined();
      })
      .expect('void');
    await drive(orderId);
    expect(await endOf(world, orderId)).toMatchObject({ order: 'rejected (payment_declined)', reserved: 0 });
  });

  it.each([
    ['a final decline', declined('stolen_card', false)],
    [
      'an amount that the account cannot charge',
      { status: 'declined', code: 'amount_too_small', mayTryAnotherCard: false },
    ],
  ] as [string, GatewayResult][])('ends the order at once after %s', async (_, final) => {
    const orderId = await world.order(undefined, { onDecline: { holdSeconds: 120, attemptsMax: 3 } });
    world.gateway.expect('authorize', final);
    if ('isOpen' in final) world.gateway.expect('void');
    await drive(orderId);
    expect(await endOf(world, orderId)).toMatchObject({ order: 'rejected (payment_declined)', reserved: 0 });
    expect((await viewOf(orderId)).payment).toMatchObject({ attemptsLeft: 0, retryUntil: null });
  });

  it('also is a failed authentication, but not a buyer who never came', async () => {
    const failed = await world.order(undefined, { onDecline: { holdSeconds: 120, attemptsMax: 3 } });
    world.gateway.expect('authorize', forBuyer);
    await drive(failed);
    world.gateway.expectLook(declined('payment_intent_authentication_failure')).expect('void');
    await wake(failed);
    expect(await endOf(world, failed)).toMatchObject({ order: 'pending', reservation: 'active' });

    const gone = await world.order(undefined, { onDecline: { holdSeconds: 120, attemptsMax: 3 } });
    world.gateway.expect('authorize', forBuyer);
    await drive(gone);
    await world.rows(
      `UPDATE payment_operations SET action_expires_at = clock_timestamp() WHERE order_id = $1`,
      [gone],
    );
    world.gateway.expectLook(forBuyer).expect('void');
    await wake(gone);
    expect(await endOf(world, gone)).toMatchObject({ order: 'rejected (payment_declined)' });
  });

  it('ends the order when the hold is over', async () => {
    const orderId = await afterDecline();
    await world.rows(`UPDATE reservations SET expires_at = clock_timestamp() WHERE order_id = $1`, [orderId]);
    await wake(orderId);
    expect(await endOf(world, orderId)).toEqual({
      order: 'rejected (payment_declined)',
      reservation: 'expired',
      reserved: 0,
    });
  });

  it('ends the order when a sweeper was the first to expire its reservation', async () => {
    const orderId = await afterDecline();
    await world.rows(`UPDATE reservations SET expires_at = clock_timestamp() WHERE order_id = $1`, [orderId]);
    await world.reservations.expireDue();
    await wake(orderId);
    expect(await endOf(world, orderId)).toMatchObject({ order: 'rejected (payment_declined)', reserved: 0 });
  });

  it('waits longer when the reservation is extended, and ends as cancelled when it is released', async () => {
    const orderId = await afterDecline();
    const { reservationId } = await world.orders.get(orderId, shop);
    await world.reservations.extend(reservationId, 1_200, shop);
    await wake(orderId);
    expect((await viewOf(orderId)).payment.retryInSeconds).toBeGreaterThan(1_100);
    expect(await outcomeOf(world.reservations.confirm(reservationId, shop))).toBe('reservation_has_order');
    await world.reservations.release(reservationId, shop);
    expect(await outcomeOf(pay(orderId))).toBe('order_not_pending');
    await wake(orderId);
    expect(await endOf(world, orderId)).toMatchObject({ order: 'rejected (cancelled)', reserved: 0 });
  });

  it('can be cancelled', async () => {
    const orderId = await afterDecline();
    await world.orders.requestCancellation(orderId, 'cancel', newId(), shop);
    await drive(orderId);
    expect(await endOf(world, orderId)).toMatchObject({ order: 'rejected (cancelled)', reserved: 0 });
  });

  it('can be compensated by an operator; a retry changes nothing, and it cannot be given up', async () => {
    const orderId = await afterDecline();
    const act = (action: 'retry' | 'compensate' | 'resolve') =>
      outcomeOf(world.sagaActions.perform(action, orderId, { reason: 'customer called' }, operator));
    expect(await act('resolve')).toBe('saga_not_stuck');
    expect(await act('retry')).toBe('ok');
    await drive(orderId);
    expect(await endOf(world, orderId)).toMatchObject({ order: 'pending', reservation: 'active' });
    expect(await act('compensate')).toBe('ok');
    await drive(orderId);
    expect(await endOf(world, orderId)).toMatchObject({ order: 'rejected (cancelled)', reserved: 0 });
  });
});

describe('another card', () => {
  it('is charged under the next number, on the same stock', async () => {
    const orderId = await afterDecline();
    await pay(orderId);
    expect(await endOf(world, orderId)).toMatchObject({ order: 'pending', reservation: 'pinned' });
    expect((await viewOf(orderId)).payment).toMatchObject({
      status: 'none',
      attempts: 2,
      attemptsLeft: 1,
      declineCode: null,
      retryUntil: null,
    });
    world.gateway.expect('authorize').expect('capture');
    await drive(orderId);
    expect(await endOf(world, orderId)).toMatchObject({ order: 'placed', reservation: 'confirmed' });
    expect(await operationsOf(orderId)).toEqual([
      '1 authorize:1 declined insufficient_funds',
      '1 void:1 approved',
      '2 authorize:2 approved',
      '2 capture:1 approved',
    ]);
    const [first, second] = world.gateway.calls.filter(({ kind }) => kind === 'authorize').slice(-2);
    expect(
      [first!.request, second!.request].map(
        (request) => (request as { paymentMethod: string }).paymentMethod,
      ),
    ).toEqual(['pm_card_visa', 'pm_card_mastercard']);
    expect((await viewOf(orderId)).payment).toMatchObject({ status: 'captured', declineCode: null });
  });

  it.each([
    ['automatic', ['authorize', 'capture']],
    ['immediate', ['charge']],
    ['on_shipment', ['authorize']],
  ] as const)('works with capture: %s', async (capture, calls) => {
    const onDecline = { holdSeconds: 120, attemptsMax: 2 };
    const orderId = await world.order(undefined, { capture, onDecline });
    world.gateway.expect(calls[0], declined()).expect('void');
    await drive(orderId);
    expect(await endOf(world, orderId)).toMatchObject({ order: 'pending', reservation: 'active' });
    await pay(orderId);
    for (const call of calls) world.gateway.expect(call);
    await drive(orderId);
    expect(await endOf(world, orderId)).toMatchObject({ order: 'placed', reservation: 'confirmed' });
  });

  it('is captured when the goods ship, although the first card was voided', async () => {
    const orderId = await afterDecline({ capture: 'on_shipment' });
    await pay(orderId);
    world.gateway.expect('authorize');
    await drive(orderId);
    expect((await viewOf(orderId)).payment.status).toBe('authorized');
    await shipOrder(world, orderId);
    world.gateway.expect('capture');
    await runTasks(world, orderId);
    expect(await viewOf(orderId)).toMatchObject({ fulfilment: 'shipped', payment: { status: 'captured' } });
  });

  it('is the last one when the attempts are spent', async () => {
    const orderId = await afterDecline({}, { holdSeconds: 60, attemptsMax: 2 });
    await pay(orderId);
    world.gateway.expect('authorize', declined('card_velocity_exceeded')).expect('void');
    await drive(orderId);
    expect(await endOf(world, orderId)).toMatchObject({ order: 'rejected (payment_declined)', reserved: 0 });
    expect((await viewOf(orderId)).payment).toMatchObject({
      declineCode: 'card_velocity_exceeded',
      attempts: 2,
    });
    expect(await outcomeOf(pay(orderId))).toBe('order_not_pending');
  });

  it('is not charged twice: two at once make one attempt', async () => {
    const orderId = await afterDecline();
    const outcomes = codesOf(
      await inParallel(
        8,
        Array.from({ length: 8 }, () => () => pay(orderId)),
      ),
    );
    expect(outcomes.sort()).toEqual(['ok', ...Array<string>(7).fill('payment_in_progress')]);
    world.gateway.expect('authorize').expect('capture');
    await drive(orderId);
    expect(await endOf(world, orderId)).toMatchObject({ order: 'placed' });
  });

  it('is tried once under one key, which another card cannot use', async () => {
    const orderId = await afterDecline();
    const key = newId();
    const outcomes = await inParallel(
      4,
      Array.from({ length: 4 }, () => () => pay(orderId, 'pm_card_mastercard', key)),
    );
    expect(codesOf(outcomes)).toEqual(['ok', 'ok', 'ok', 'ok']);
    expect(await outcomeOf(pay(orderId, 'pm_card_amex', key))).toBe('idempotency_key_reused');
    world.gateway.expect('authorize').expect('capture');
    await drive(orderId);
    expect(await pay(orderId, 'pm_card_mastercard', key)).toEqual({ replayed: true });
    expect(await endOf(world, orderId)).toMatchObject({ order: 'placed' });
  });

  it('is refused while a payment is in progress, and after the hold', async () => {
    const orderId = await world.order(undefined, { onDecline: { holdSeconds: 120, attemptsMax: 3 } });
    expect(await outcomeOf(pay(orderId))).toBe('payment_in_progress');
    world.gateway.expect('authorize', forBuyer);
    await drive(orderId);
    expect(await outcomeOf(pay(orderId))).toBe('payment_in_progress');
    world.gateway.expectLook(declined()).expect('void', silence);
    await wake(orderId);
    // Not canceled yet: the buyer may still pay with the first card.
    expect(await outcomeOf(pay(orderId))).toBe('payment_in_progress');
    world.gateway.expectLook(canceled);
    await wake(orderId);
    await world.rows(`UPDATE reservations SET expires_at = clock_timestamp() WHERE order_id = $1`, [orderId]);
    expect(await outcomeOf(pay(orderId))).toBe('reservation_expired');
    await wake(orderId);
    expect(await outcomeOf(pay(orderId))).toBe('order_not_pending');
  });

  it('of another shop is not found', async () => {
    const orderId = await afterDecline();
    const sent = { method: 'pm_card_visa' };
    const request = { orderId, key: newId(), sent, payment: { paymentMethod: sent.method, payment: null } };
    const stranger = { name: 'stranger', role: 'client' } as const;
    expect(await outcomeOf(world.paymentAttempts.payAgain(request, stranger))).toBe('order_not_found');
  });

  it('is adopted when a restored database forgot that it was charged', async () => {
    const orderId = await afterDecline();
    await pay(orderId);
    const conflict: GatewayResult = { status: 'unknown', code: 'key_conflict', detail: 'other parameters' };
    world.gateway.expect('authorize', conflict);
    await drive(orderId);
    await world.rows(
      `UPDATE payment_operations SET sent_at = sent_at - interval '61 s' WHERE order_id = $1 AND status = 'unknown'`,
      [orderId],
    );
    world.gateway.expectLook({ ...canceled, reference: 'pi_found' }).expect('capture');
    await wake(orderId);
    expect(await endOf(world, orderId)).toMatchObject({ order: 'placed' });
    expect((await viewOf(orderId)).payment).toMatchObject({ reference: 'pi_found', attempts: 2 });
  });

  it('that was held back and ran out of time ends the order as declined', async () => {
    const orderId = await afterDecline();
    await pay(orderId);
    world.gateway.expect('authorize', { status: 'not-asked', detail: 'the circuit is open' });
    await drive(orderId);
    expect(await endOf(world, orderId)).toMatchObject({ reservation: 'active' });
    await world.rows(`UPDATE reservations SET expires_at = clock_timestamp() WHERE order_id = $1`, [orderId]);
    await wake(orderId);
    expect(await endOf(world, orderId)).toMatchObject({ order: 'rejected (payment_declined)', reserved: 0 });
  });
});
