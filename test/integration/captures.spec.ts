import { newId, publicId } from '../../src/ids';
import { orderView } from '../../src/orders/orders.responses';
import { findOrder } from '../../src/orders/shown-orders.repository';
import { createWorld, expectInvariants, operator, outcomeOf, shop, type World } from '../support/fixtures';
import { line } from '../support/intakes';
import { LedgerGateway } from '../support/sagas';
import { declinedCard, silence } from '../support/scripted-gateway';
import { capture, heldOrder, messagesAbout, placed, refund, runTasks, shipOrder } from '../support/sold';

let world: World;
beforeAll(async () => (world = await createWorld()));
afterEach(async () => {
  world.gateway.expectSpoken();
  await expectInvariants(world);
});
afterAll(() => world.close());

async function held(quantity = 2) {
  const sku = await world.product({ onHand: 10 });
  return { sku, orderId: await heldOrder(world, [line(sku, quantity)]) };
}

async function state(orderId: string) {
  const { payment, fulfilment, shipments } = orderView((await findOrder(world.db, orderId))!);
  const sent = shipments.map(
    ({ status, lines }) => `${lines.map((one) => one.quantity).join('+')} ${status}`,
  );
  return `${payment.status} ${payment.capturedAmount.amount}, ${fulfilment}: ${sent.join(', ')}`;
}

const cancel = (orderId: string) => world.orders.requestCancellation(orderId, 'cancel', newId(), shop);
const casesOf = (orderId: string) =>
  world.rows(`SELECT type, amount_at_risk AS risk FROM payment_facts WHERE order_id = $1 AND is_case`, [
    orderId,
  ]);
const expire = (orderId: string) =>
  world.rows(
    `INSERT INTO payment_facts (id, order_id, type, reference, amount, currency, at, is_case, amount_at_risk)
     SELECT $2, order_id, 'authorization_expired', provider_reference, amount, currency, now(), true, amount
       FROM payment_operations WHERE order_id = $1 AND kind = 'authorize'`,
    [orderId, newId()],
  );

describe('an order that is captured when it ships', () => {
  it('is captured first, and its goods leave in the commit that records it', async () => {
    const { sku, orderId } = await held();
    await shipOrder(world, orderId, undefined, { reference: 'DHL 1' });
    expect(await state(orderId)).toBe('authorized 0, none: 2 pending');
    expect(await world.level(sku)).toEqual({ onHand: 10, reserved: 2 });

    world.gateway.expect('capture');
    await runTasks(world, orderId);

    expect(await state(orderId)).toBe('captured 2000, shipped: 2 shipped');
    expect(await world.level(sku)).toEqual({ onHand: 8, reserved: 0 });
    const types = await world.rows<{ type: string }>(
      `SELECT type FROM outbox WHERE aggregate_id = $1 ORDER BY sequence`,
      [orderId],
    );
    expect(types.map(({ type }) => type).slice(-3)).toEqual([
      'order.capture_requested',
      'order.captured',
      'order.shipped',
    ]);
  });

  it('ships nothing and becomes a case when the capture is declined, and can be captured again', async () => {
    const { sku, orderId } = await held();
    await shipOrder(world, orderId);
    world.gateway.expect('capture', declinedCard);
    await runTasks(world, orderId);
    expect(await state(orderId)).toBe('authorized 0, none: 2 failed');
    expect(await world.level(sku)).toEqual({ onHand: 10, reserved: 2 });
    expect(await casesOf(orderId)).toEqual([{ type: 'capture_declined', risk: 2_000 }]);

    await shipOrder(world, orderId, [line(sku, 2)]);
    world.gateway.expect('capture');
    await runTasks(world, orderId);
    expect(await state(orderId)).toBe('captured 2000, shipped: 2 failed, 2 shipped');
  });

  it('ships in parts only after it was captured', async () => {
    const { sku, orderId } = await held();
    expect(await outcomeOf(shipOrder(world, orderId, [line(sku, 1)]))).toBe('capture_first');
    expect(await outcomeOf(shipOrder(world, orderId, [line(sku, 3)]))).toBe('more_than_sold');
    await capture(world, orderId);
    expect(await outcomeOf(shipOrder(world, orderId))).toBe('capture_first');
    world.gateway.expect('capture');
    await runTasks(world, orderId);
    await shipOrder(world, orderId, [line(sku, 1)]);
    await shipOrder(world, orderId, [line(sku, 1)]);
    expect(await state(orderId)).toBe('captured 2000, shipped: 1 shipped, 1 shipped');
  });

  it('can be captured for less, once, and refunded for at most that', async () => {
    const { orderId } = await held();
    await capture(world, orderId, 1_500);
    world.gateway.expect('capture');
    await runTasks(world, orderId);
    expect(await state(orderId)).toBe('captured 1500, none: ');
    expect(await outcomeOf(capture(world, orderId, 500))).toBe('nothing_to_capture');
    expect(await outcomeOf(refund(world, orderId, { amount: 1_501 }))).toBe('more_than_captured');
    await refund(world, orderId);
    world.gateway.expect('refund');
    await runTasks(world, orderId);
    expect(await state(orderId)).toBe('refunded 1500, none: ');
    expect((await findOrder(world.db, orderId))!.status).toBe('refunded');
  });

  it('is captured once by one key, whatever comes at once', async () => {
    const { orderId } = await held();
    const asks = await Promise.all([
      outcomeOf(capture(world, orderId, undefined, 'one')),
      outcomeOf(capture(world, orderId, undefined, 'one')),
      outcomeOf(capture(world, orderId)),
      outcomeOf(shipOrder(world, orderId)),
    ]);
    expect(asks.filter((outcome) => outcome === 'ok').length).toBeGreaterThan(0);
    expect(
      await world.rows(`SELECT 1 FROM payment_tasks WHERE order_id = $1 AND kind = 'capture'`, [orderId]),
    ).toHaveLength(1);
    world.gateway.expect('capture');
    await runTasks(world, orderId);
    expect(await state(orderId)).toMatch(/^captured 2000/);
  });

  it('is asked for again under the same key after silence', async () => {
    const { orderId } = await held();
    const gateway = new LedgerGateway();
    // The ledger knows the authorization under its reference.
    gateway.fails = { capture: 'answer lost' };
    await shipOrder(world, orderId);
    await runTasks(world, orderId, gateway);
    expect(await state(orderId)).toBe('unknown 0, none: 2 pending');
    gateway.fails = {};
    await runTasks(world, orderId, gateway);
    expect(await state(orderId)).toBe('captured 2000, shipped: 2 shipped');
    expect(gateway.done.map(({ kind, key }) => [kind, key])).toEqual([
      ['capture', `${publicId('ord', orderId)}:capture:1`],
    ]);
  });

  it('cannot be cancelled while it is being captured', async () => {
    const { sku, orderId } = await held();
    await capture(world, orderId);
    expect(await outcomeOf(cancel(orderId))).toBe('payment_in_progress');
    world.gateway.expect('capture', silence);
    await runTasks(world, orderId);
    expect(await outcomeOf(cancel(orderId))).toBe('payment_in_progress');
    const gateway = new LedgerGateway();
    await runTasks(world, orderId, gateway);
    await cancel(orderId);
    await world.runner({ gateway }).drive(orderId);
    expect((await findOrder(world.db, orderId))!.status).toBe('cancelled');
    expect(gateway.done.map(({ kind, amount }) => [kind, amount])).toEqual([
      ['capture', 2_000],
      ['refund', 2_000],
    ]);
    expect(await world.level(sku)).toEqual({ onHand: 10, reserved: 0 });
  });

  it('cannot be cancelled while its goods wait for the capture', async () => {
    const { orderId } = await held();
    await shipOrder(world, orderId);
    expect(await outcomeOf(cancel(orderId))).toBe('order_shipped');
    world.gateway.expect('capture');
    await runTasks(world, orderId);
  });

  it('neither ships nor is captured after its authorization has ended; a cancellation returns its stock', async () => {
    const { sku, orderId } = await held();
    await expire(orderId);
    expect(await outcomeOf(shipOrder(world, orderId))).toBe('authorization_expired');
    expect(await outcomeOf(capture(world, orderId))).toBe('authorization_expired');
    expect(await state(orderId)).toMatch(/^voided/);
    await cancel(orderId);
    world.gateway.expect('void');
    await world.runner().drive(orderId);
    expect(await world.level(sku)).toEqual({ onHand: 10, reserved: 0 });
  });

  it('is given up by an operator while its capture is stuck: the goods stay', async () => {
    const { orderId } = await held();
    await shipOrder(world, orderId);
    world.gateway.expect('capture', { status: 'misused', code: 'bad', detail: 'no', httpStatus: 400 });
    await runTasks(world, orderId);
    const { id } = await world.row<{ id: string }>(`SELECT id FROM payment_tasks WHERE order_id = $1`, [
      orderId,
    ]);
    await world.taskActions.perform(
      'resolve',
      publicId('cap', id),
      { reason: 'try later', key: 'k' },
      operator,
    );
    expect(await state(orderId)).toBe('authorized 0, none: 2 failed');
    await cancel(orderId);
    world.gateway.expect('void');
    await world.runner().drive(orderId);
  });
});

describe('an order that was captured before it was placed', () => {
  it('has nothing to capture', async () => {
    const orderId = await placed(world, [line(await world.product())]);
    expect(await outcomeOf(capture(world, orderId))).toBe('nothing_to_capture');
  });

  it('cannot be captured for more than its total, before it is placed, or by another shop', async () => {
    const { orderId } = await held();
    expect(await outcomeOf(capture(world, orderId, 2_001))).toBe('validation_failed');
    const pending = await world.order(undefined, { capture: 'on_shipment' });
    expect(await outcomeOf(capture(world, pending))).toBe('order_not_placed');
    const stranger = { name: 'stranger', role: 'client' } as const;
    expect(
      await outcomeOf(world.captures.request({ orderId, body: {}, key: newId(), principal: stranger })),
    ).toBe('order_not_found');
    expect(await messagesAbout(world, orderId, 'order.capture_requested')).toEqual([]);
  });
});
