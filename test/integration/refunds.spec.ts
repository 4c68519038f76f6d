import { newId } from '../../src/ids';
import { attemptsMax } from '../../src/orders/checkout-saga/transitions';
import { orderView } from '../../src/orders/orders.responses';
import { findOrder } from '../../src/orders/shown-orders.repository';
import {
  codesOf,
  createWorld,
  expectInvariants,
  inParallel,
  outcomeOf,
  shop,
  type World,
} from '../support/fixtures';
import { line } from '../support/intakes';
import { LedgerGateway } from '../support/sagas';
import { countsOf, messagesAbout, placed, refund, runTasks, shipOrder } from '../support/sold';

let world: World;
beforeAll(async () => (world = await createWorld()));
afterEach(async () => {
  world.gateway.expectSpoken();
  await expectInvariants(world);
});
afterAll(() => world.close());

const shown = async (orderId: string) => orderView((await findOrder(world.db, orderId))!);

/** The order in a few words: its status, what became of its money, and each refund in part. */
async function state(orderId: string) {
  const { status, payment, refunds } = await shown(orderId);
  return {
    order: status,
    payment: payment.status,
    refunded: payment.refundedAmount.amount,
    refunds: refunds.map((one) => `${one.amount.amount} ${one.status}`),
  };
}

const refusalOf = (work: Promise<unknown>) =>
  work.then(
    () => Promise.reject(new Error('it was not refused')),
    (error: { code: string; facts: Record<string, any> }) => error,
  );

const taskOf = (orderId: string) =>
  world.row<{ id: string; status: string; attempt: number; code: string | null; due: boolean }>(
    `SELECT id, status, attempt, code, next_run_at IS NOT NULL AS due FROM payment_tasks WHERE order_id = $1
      ORDER BY id DESC LIMIT 1`,
    [orderId],
  );

const reservationOf = async (orderId: string) =>
  (await world.row<{ id: string }>(`SELECT reservation_id AS id FROM orders WHERE id = $1`, [orderId])).id;

/** A placed order of three units for 30 EUR beside another. */
async function bought(quantity = 3) {
  const sku = await world.product({ onHand: 10 });
  await placed(world, [line(sku, 1)]);
  return { sku, orderId: await placed(world, [line(sku, quantity)]) };
}

describe('a refund in part', () => {
  it('is pending until the provider has made it, and moves no stock when it is an amount', async () => {
    const { sku, orderId } = await bought();
    await refund(world, orderId, { amount: 700, reason: 'scratched' });
    expect(await state(orderId)).toEqual({
      order: 'placed',
      payment: 'refunding',
      refunded: 0,
      refunds: ['700 pending'],
    });

    world.gateway.expect('refund');
    await runTasks(world, orderId);

    expect(await state(orderId)).toEqual({
      order: 'placed',
      payment: 'partially_refunded',
      refunded: 700,
      refunds: ['700 succeeded'],
    });
    expect(await world.level(sku)).toEqual({ onHand: 10, reserved: 4 });
    expect((await shown(orderId)).refunds[0]).toMatchObject({ lines: null, reason: 'scratched' });
    expect(await messagesAbout(world, orderId, 'order.refund_succeeded')).toMatchObject([
      { payload: { amount: { amount: 700, currency: 'EUR' } } },
    ]);
  });

  it('by lines refunds their price, gives back unshipped units first and restocks shipped ones when told', async () => {
    const { sku, orderId } = await bought();
    const reservation = await reservationOf(orderId);
    await shipOrder(world, orderId, [line(sku, 2)]);

    await refund(world, orderId, { lines: [{ sku, quantity: 2 }] });
    expect(await countsOf(world, reservation, sku)).toEqual([3, 2, 1, 1]);
    expect(await world.level(sku)).toEqual({ onHand: 8, reserved: 1 });
    world.gateway.expect('refund');
    await runTasks(world, orderId);
    expect(await state(orderId)).toMatchObject({ order: 'placed', refunds: ['2000 succeeded'] });

    await refund(world, orderId, { lines: [{ sku, quantity: 1, restock: 'sellable' }] });
    expect(await countsOf(world, reservation, sku)).toEqual([3, 2, 1, 2]);
    expect(await world.level(sku)).toEqual({ onHand: 9, reserved: 1 });
    world.gateway.expect('refund');
    await runTasks(world, orderId);
    expect(await state(orderId)).toMatchObject({ order: 'refunded', payment: 'refunded', refunded: 3_000 });
    expect((await shown(orderId)).refunds.map(({ lines }) => lines)).toEqual([
      [{ sku, quantity: 2, restock: 'none' }],
      [{ sku, quantity: 1, restock: 'sellable' }],
    ]);
  });

  it('of all that is left ends the order, and what was not shipped goes back on sale', async () => {
    const { sku, orderId } = await bought();
    await shipOrder(world, orderId, [line(sku, 1)]);
    await refund(world, orderId, { amount: 500 });
    await refund(world, orderId);
    expect(await outcomeOf(shipOrder(world, orderId))).toBe('more_than_sold');

    world.gateway.expect('refund').expect('refund');
    await runTasks(world, orderId);

    expect(await state(orderId)).toEqual({
      order: 'refunded',
      payment: 'refunded',
      refunded: 3_000,
      refunds: ['500 succeeded', '2500 succeeded'],
    });
    expect(await world.level(sku)).toEqual({ onHand: 9, reserved: 1 });
    expect(await outcomeOf(refund(world, orderId, { amount: 1 }))).toBe('more_than_captured');
    expect(await outcomeOf(shipOrder(world, orderId))).toBe('order_not_placed');
    expect((await messagesAbout(world, orderId, 'order.refunded')).length).toBe(1);
  });

  it('of lines takes goods back for nothing when amounts have refunded all their money', async () => {
    const { sku, orderId } = await bought();
    const reservation = await reservationOf(orderId);
    await shipOrder(world, orderId, [line(sku, 2)]);
    await refund(world, orderId, { amount: 3_000, reason: 'goodwill' });
    world.gateway.expect('refund');
    await runTasks(world, orderId);
    expect(await state(orderId)).toMatchObject({ order: 'refunded', refunded: 3_000 });

    await refund(world, orderId, { lines: [{ sku, quantity: 2, restock: 'sellable' }] });
    expect(await countsOf(world, reservation, sku)).toEqual([3, 2, 1, 2]);
    expect(await world.level(sku)).toEqual({ onHand: 10, reserved: 1 });
    expect(await state(orderId)).toMatchObject({
      order: 'refunded',
      payment: 'refunded',
      refunded: 3_000,
      refunds: ['3000 succeeded', '0 succeeded'],
    });
    expect((await shown(orderId)).lines).toMatchObject([
      { sku, quantity: 3, shipped: 2, givenBack: 1, returned: 2 },
    ]);
    expect(await refusalOf(refund(world, orderId, { lines: [{ sku, quantity: 1 }] }))).toMatchObject({
      code: 'more_than_sold',
    });
    expect(await refusalOf(refund(world, orderId, { amount: 1 }))).toMatchObject({
      code: 'more_than_captured',
    });
  });

  it('of the whole amount ends the order too, so that none of its units stays reserved', async () => {
    const { sku, orderId } = await bought();
    await refund(world, orderId, { amount: 3_000 });
    expect(await world.level(sku)).toEqual({ onHand: 10, reserved: 4 });
    world.gateway.expect('refund');
    await runTasks(world, orderId);
    expect(await state(orderId)).toMatchObject({ order: 'refunded', payment: 'refunded' });
    expect(await world.level(sku)).toEqual({ onHand: 10, reserved: 1 });
  });

  it('never asks for more than was captured, pending ones included, however many come at once', async () => {
    const { orderId } = await bought();
    const outcomes = await inParallel(
      6,
      Array.from({ length: 6 }, () => () => refund(world, orderId, { amount: 1_000 })),
    );
    expect(codesOf(outcomes).sort()).toEqual([
      ...Array.from({ length: 3 }, () => 'more_than_captured'),
      ...['ok', 'ok', 'ok'],
    ]);
    const { facts } = await refusalOf(refund(world, orderId, { amount: 1 }));
    expect(facts).toEqual({
      captured: { amount: 3_000, currency: 'EUR' },
      refunded: { amount: 0, currency: 'EUR' },
      pending: { amount: 3_000, currency: 'EUR' },
      left: { amount: 0, currency: 'EUR' },
    });
    world.gateway.expect('refund').expect('refund').expect('refund');
    await runTasks(world, orderId);
    expect(await state(orderId)).toMatchObject({ order: 'refunded', refunded: 3_000 });
  });

  it('counts what was refunded in the dashboard of the provider', async () => {
    const { orderId } = await bought();
    await world.rows(
      `INSERT INTO payment_facts (id, order_id, type, reference, amount, currency, status, at)
       VALUES ($1, $2, 'refunded_outside', 're_out', 2500, 'EUR', 'succeeded', clock_timestamp())`,
      [newId(), orderId],
    );
    expect(await outcomeOf(refund(world, orderId, { amount: 501 }))).toBe('more_than_captured');
    expect(await outcomeOf(refund(world, orderId, { amount: 500 }))).toBe('ok');
    world.gateway.expect('refund');
    await runTasks(world, orderId);
    // As after any refund in the dashboard, its goods stay the shop's business.
    expect(await state(orderId)).toMatchObject({ order: 'placed', payment: 'refunded', refunded: 3_000 });
  });

  it('is made once by one key', async () => {
    const { orderId } = await bought();
    const outcomes = await inParallel(
      5,
      Array.from({ length: 5 }, () => () => refund(world, orderId, { amount: 100 }, 'same')),
    );
    expect(
      outcomes.map((one) => one.status === 'fulfilled' && one.value.replayed).filter((one) => !one),
    ).toHaveLength(1);
    expect(await outcomeOf(refund(world, orderId, { amount: 200 }, 'same'))).toBe('idempotency_key_reused');
    world.gateway.expect('refund');
    await runTasks(world, orderId);
    expect(await state(orderId)).toMatchObject({ refunds: ['100 succeeded'] });
  });

  it.each([
    ['an amount and lines', { amount: 1, lines: [{ sku: 'A', quantity: 1 }] }, 'validation_failed'],
    [
      'lines that disagree about restock',
      {
        lines: [
          { sku: 'A', quantity: 1 },
          { sku: 'A', quantity: 1, restock: 'sellable' as const },
        ],
      },
      'validation_failed',
    ],
    ['goods that were not bought', { lines: [{ sku: 'A', quantity: 1 }] }, 'more_than_sold'],
    ['a cent too much', { amount: 3_001 }, 'more_than_captured'],
  ])('is refused for %s', async (_, body, code) => {
    const { orderId } = await bought();
    expect(await outcomeOf(refund(world, orderId, body))).toBe(code);
    expect(await state(orderId)).toMatchObject({ payment: 'captured', refunds: [] });
  });

  it('is refused while the order is not placed, is cancelled or disputed, or belongs to another shop', async () => {
    const { orderId } = await bought();
    const pending = await world.order();
    expect(await refusalOf(refund(world, pending))).toMatchObject({
      code: 'order_not_placed',
      retryable: true,
      retryAfterSeconds: 1,
    });
    const stranger = { name: 'stranger', role: 'client' } as const;
    const body = { reason: 'mine' };
    expect(await outcomeOf(world.refunds.request({ orderId, body, key: newId(), principal: stranger }))).toBe(
      'order_not_found',
    );
    await world.rows(
      `INSERT INTO payment_facts (id, order_id, type, reference, amount, currency, status, at)
       VALUES ($1, $2, 'dispute_opened', 'dp_1', 3000, 'EUR', 'needs_response', clock_timestamp())`,
      [newId(), orderId],
    );
    expect(await outcomeOf(refund(world, orderId, { amount: 1 }))).toBe('payment_disputed');
    await world.rows(`DELETE FROM payment_facts WHERE reference = 'dp_1'`);
    await world.orders.requestCancellation(orderId, 'cancel', newId(), shop);
    expect(await refusalOf(refund(world, orderId, { amount: 1 }))).toMatchObject({
      code: 'order_not_placed',
      retryable: false,
    });
    world.gateway.expect('refund');
    await world.runner().drive(orderId);
  });

  it('leaves the rest to a refund of the whole order', async () => {
    const { sku, orderId } = await bought();
    const gateway = new LedgerGateway();
    await refund(world, orderId, { lines: [{ sku, quantity: 1 }] });
    await runTasks(world, orderId, gateway);
    await world.orders.requestCancellation(orderId, 'refund', newId(), shop);
    await world.runner({ gateway }).drive(orderId);

    expect(gateway.done.map(({ kind, amount }) => [kind, amount])).toEqual([
      ['refund', 1_000],
      ['refund', 2_000],
    ]);
    expect(await state(orderId)).toMatchObject({ order: 'refunded', payment: 'refunded', refunded: 3_000 });
    expect(await world.level(sku)).toEqual({ onHand: 10, reserved: 1 });
  });
});

describe('the provider asked for a refund in part', () => {
  it('gets a key made from the request, and is searched first', async () => {
    const { orderId } = await bought();
    await refund(world, orderId, { amount: 100 }, 'key-1');
    await refund(world, orderId, { amount: 100 }, 'key-2');
    world.gateway.expect('refund').expect('refund');
    const looks = world.gateway.looks.length;
    await runTasks(world, orderId);

    const keys = world.gateway.keys('refund').slice(-2);
    expect(keys[0]).toMatch(/^ord_[0-9a-z]{26}:refund:[0-9a-f]{32}:1$/);
    expect(new Set(keys).size).toBe(2);
    const asked = world.gateway.looks.slice(looks);
    expect(asked.map(({ kind }) => kind)).toEqual(['refund', 'refund']);
    expect(asked[0]!.metadata).toMatchObject({
      kind: 'refund',
      number: '1',
      request: keys[0]!.split(':')[2],
    });
  });

  it('gets the same key again after a restore that lost the request, and another when the key is used again', async () => {
    const { orderId } = await bought();
    const keys: string[] = [];
    const made = async () => {
      await refund(world, orderId, { amount: 100 }, 'again');
      world.gateway.expect('refund');
      await runTasks(world, orderId);
      keys.push(world.gateway.keys('refund').at(-1)!);
    };
    const forget = () => world.rows(`DELETE FROM idempotency_keys WHERE key = 'again'`);
    await made();
    await forget();
    await made();
    await forget();
    await world.rows(`DELETE FROM payment_operations WHERE order_id = $1 AND request IS NOT NULL`, [orderId]);
    await world.rows(`DELETE FROM payment_tasks WHERE order_id = $1`, [orderId]);
    await made();

    expect(keys[1]).toBe(keys[0]!.replace(/:1$/, '.2:1'));
    expect(keys[2]).toBe(keys[0]);
  });

  it('is asked again under the same key after silence, and the customer is paid once', async () => {
    const { orderId } = await bought();
    const gateway = new LedgerGateway();
    gateway.fails = { refund: 'answer lost' };
    await refund(world, orderId, { amount: 700 });
    await runTasks(world, orderId, gateway);
    expect(await state(orderId)).toMatchObject({ payment: 'unknown', refunds: ['700 pending'] });
    expect(await taskOf(orderId)).toMatchObject({ status: 'due', attempt: 1, code: 'no_answer' });

    gateway.fails = {};
    await runTasks(world, orderId, gateway);
    expect(await state(orderId)).toMatchObject({ payment: 'partially_refunded', refunded: 700 });
    expect(gateway.done.filter(({ kind }) => kind === 'refund')).toHaveLength(1);
  });

  it('is asked ten times, then the task is stuck and goes on asking', async () => {
    const { orderId } = await bought();
    const gateway = new LedgerGateway();
    gateway.fails = { refund: 'question lost' };
    await refund(world, orderId, { amount: 700 });
    for (let attempt = 1; attempt <= attemptsMax; attempt++) {
      expect((await state(orderId)).refunds).toEqual(['700 pending']);
      await runTasks(world, orderId, gateway);
    }
    expect(await taskOf(orderId)).toMatchObject({ status: 'stuck', attempt: attemptsMax, due: true });
    gateway.fails = {};
    await runTasks(world, orderId, gateway);
    expect(await taskOf(orderId)).toMatchObject({ status: 'done', due: false });
  });

  it('may be silent to a worker that dies: the lease ends, and another worker asks under the same key', async () => {
    const { orderId } = await bought();
    await refund(world, orderId, { amount: 700 });
    const dead = new LedgerGateway();
    let asked = (): void => undefined;
    const asking = new Promise<void>((resolve) => (asked = resolve));
    dead.whileAsked = () => (asked(), new Promise(() => undefined));
    const { id } = await taskOf(orderId);
    void world.tasks({ gateway: dead }).run({ id, orderId });
    await asking;

    // Its lease has not ended.
    const gateway = new LedgerGateway();
    expect(await world.tasks({ gateway }).run({ id, orderId })).toBe(false);
    await runTasks(world, orderId, gateway);
    expect(gateway.done.map(({ kind }) => kind)).toEqual(['refund']);
    expect(await state(orderId)).toMatchObject({ refunded: 700, refunds: ['700 succeeded'] });
  });

  it('answers a worker whose lease has ended, and that answer changes nothing', async () => {
    const { orderId } = await bought();
    await refund(world, orderId, { amount: 700 });
    const { id } = await taskOf(orderId);
    const slow = new LedgerGateway();
    let goOn = (): void => undefined;
    let asked = (): void => undefined;
    const asking = new Promise<void>((resolve) => (asked = resolve));
    slow.whileAsked = () => (asked(), new Promise<void>((resolve) => (goOn = resolve)));
    slow.fails = { refund: 'error' };
    const late = world.tasks({ gateway: slow }).run({ id, orderId });
    await asking;
    await runTasks(world, orderId, new LedgerGateway());
    goOn();
    await late;
    expect(await state(orderId)).toMatchObject({ payment: 'partially_refunded', refunds: ['700 succeeded'] });
  });

  it('may accept it and decide later: the payment is refunding, and its check is due', async () => {
    const { orderId } = await bought();
    await refund(world, orderId, { amount: 700 });
    world.gateway.expect('refund', { status: 'pending', reference: 're_p', waitsFor: 'provider' });
    await runTasks(world, orderId);
    expect(await state(orderId)).toMatchObject({ payment: 'refunding', refunds: ['700 pending'] });
    expect(await world.rows(`SELECT 1 FROM payment_checks WHERE order_id = $1`, [orderId])).toHaveLength(1);
    expect(await taskOf(orderId)).toMatchObject({ status: 'done' });
    await world.rows(
      `UPDATE payment_operations SET status = 'approved', waits_for = NULL, settled_at = now()
                       WHERE order_id = $1 AND status = 'pending'`,
      [orderId],
    );
  });

  it('may fail it: the customer has nothing, which is a case, and the money can be refunded again', async () => {
    const { orderId } = await bought();
    await refund(world, orderId, { amount: 700 });
    world.gateway.expect('refund', { status: 'failed', reference: 're_f', reason: 'lost_or_stolen_card' });
    await runTasks(world, orderId);
    expect(await state(orderId)).toMatchObject({
      payment: 'refund_failed',
      refunded: 0,
      refunds: ['700 failed'],
    });
    expect(
      await world.rows(
        `SELECT type, amount_at_risk AS risk, is_case FROM payment_facts WHERE order_id = $1`,
        [orderId],
      ),
    ).toEqual([{ type: 'refund_failed', risk: 700, is_case: true }]);
    expect(await messagesAbout(world, orderId, 'order.refund_failed')).toHaveLength(1);
    expect(await outcomeOf(refund(world, orderId, { amount: 3_000 }))).toBe('ok');
    world.gateway.expect('refund');
    await runTasks(world, orderId);
  });

  it('may refuse it: the task waits for an operator', async () => {
    const { orderId } = await bought();
    await refund(world, orderId, { amount: 700 });
    world.gateway.expect('refund', {
      status: 'misused',
      code: 'bad',
      detail: 'no such parameter',
      httpStatus: 400,
    });
    await runTasks(world, orderId);
    expect(await taskOf(orderId)).toMatchObject({ status: 'stuck', due: false, code: 'request_refused' });
    expect(await state(orderId)).toMatchObject({ refunds: ['700 pending'] });
  });
});
