import { newId, publicId } from '../../src/ids';
import { orderView } from '../../src/orders/orders.responses';
import { findOrder } from '../../src/orders/shown-orders.repository';
import { findCase, listCases, reviewCounts } from '../../src/reporting/review/review';
import { caseView } from '../../src/reporting/review/review-formatting';
import { createWorld, expectInvariants, operator, outcomeOf, type World } from '../support/fixtures';
import { line } from '../support/intakes';
import { LedgerGateway } from '../support/sagas';
import { silence } from '../support/scripted-gateway';
import { placed, refund, runTasks } from '../support/sold';

let world: World;
beforeAll(async () => (world = await createWorld()));
afterEach(async () => {
  world.gateway.expectSpoken();
  await expectInvariants(world);
});
afterAll(() => world.close());

const refused = {
  status: 'misused',
  code: 'parameter_unknown',
  detail: 'no such parameter',
  httpStatus: 400,
} as const;

const act = (action: 'retry' | 'resolve', id: string, key: string = newId()) =>
  world.taskActions.perform(action, publicId('rfd', id), { reason: 'asked by phone', key }, operator);

/** A placed order with a refund of 7 EUR that stands where `results` leave it. */
async function refunding(...results: Parameters<typeof world.gateway.expect>[1][]) {
  const orderId = await placed(world, [line(await world.product(), 2)]);
  await refund(world, orderId, { amount: 700 });
  for (const result of results) {
    world.gateway.expect('refund', result);
    await runTasks(world, orderId);
  }
  const { id } = await world.row<{ id: string }>(`SELECT id FROM payment_tasks WHERE order_id = $1`, [
    orderId,
  ]);
  return { orderId, id };
}

const stateOf = async (orderId: string) => {
  const { payment, refunds } = orderView((await findOrder(world.db, orderId))!);
  return `${payment.status}: ${refunds.map(({ status }) => status).join(', ')}`;
};

const settle = (orderId: string) =>
  world.rows(`UPDATE payment_facts SET settled_at = now(), settled_by = 'x' WHERE order_id = $1`, [orderId]);

describe('an operator retries a refund in part', () => {
  it('that the provider refused as wrong: it is asked for again under the same key', async () => {
    const { orderId, id } = await refunding(refused);
    const [key] = world.gateway.keys('refund').slice(-1);
    expect(await act('retry', id, 'k1')).toMatchObject({
      replayed: false,
      task: { status: 'due', attempt: 0 },
    });
    expect(await act('retry', id, 'k1')).toMatchObject({ replayed: true });
    world.gateway.expect('refund');
    await runTasks(world, orderId);
    expect(world.gateway.keys('refund').at(-1)).toBe(key);
    expect(await stateOf(orderId)).toBe('partially_refunded: succeeded');
    expect(
      await world.rows(`SELECT action, actor FROM admin_actions WHERE object_id = $1`, [publicId('rfd', id)]),
    ).toEqual([{ action: 'payment-task.retry', actor: operator.name }]);
  });

  it('that did not reach the customer: it is made again under a new key', async () => {
    const { orderId, id } = await refunding({ status: 'failed', reference: 're_1', reason: 'lost_card' });
    expect(await stateOf(orderId)).toBe('refund_failed: failed');
    await act('retry', id);
    expect(await stateOf(orderId)).toBe('refunding: pending');
    world.gateway.expect('refund');
    await runTasks(world, orderId);
    const [first, second] = world.gateway.keys('refund').slice(-2);
    expect(second).toBe(first!.replace(/:1$/, ':2'));
    expect(await stateOf(orderId)).toBe('partially_refunded: succeeded');
  });

  it('only while the customer was not paid in another way', async () => {
    const settled = await refunding({ status: 'failed', reference: 're_2', reason: 'lost_card' });
    await settle(settled.orderId);
    expect(await outcomeOf(act('retry', settled.id))).toBe('payment_task_not_stuck');
    expect(await stateOf(settled.orderId)).toBe('partially_refunded: succeeded');

    const repeated = await refunding({ status: 'failed', reference: 're_3', reason: 'lost_card' });
    await refund(world, repeated.orderId, { amount: 1_500 });
    expect(await outcomeOf(act('retry', repeated.id))).toBe('more_than_captured');
    world.gateway.expect('refund');
    await runTasks(world, repeated.orderId);
  });

  it('and is refused while it is under way, done, or asked for at this moment', async () => {
    const done = await refunding('approved');
    expect(await outcomeOf(act('retry', done.id))).toBe('payment_task_not_stuck');
    const waiting = await refunding(silence);
    expect(await outcomeOf(act('retry', waiting.id))).toBe('payment_task_not_stuck');
    await world.rows(
      `UPDATE payment_tasks SET lease_expires_at = now() + interval '1 minute' WHERE id = $1`,
      [waiting.id],
    );
    expect(await outcomeOf(act('retry', waiting.id))).toBe('payment_task_driven');
    expect(await outcomeOf(act('retry', newId()))).toBe('payment_task_not_found');
    await runTasks(world, waiting.orderId, new LedgerGateway());
  });
});

describe('an operator gives a refund in part up', () => {
  it('that was never sent: it has failed, and its money can be refunded by another', async () => {
    const { orderId, id } = await refunding(refused);
    await act('resolve', id);
    expect(await stateOf(orderId)).toBe('captured: failed');
    await refund(world, orderId, { amount: 2_000 });
    world.gateway.expect('refund');
    await runTasks(world, orderId);
    expect(await stateOf(orderId)).toBe('refunded: failed, succeeded');
  });

  it('but not one that the provider may have made', async () => {
    const { orderId, id } = await refunding(silence);
    await world.rows(`UPDATE payment_tasks SET status = 'stuck' WHERE id = $1`, [id]);
    expect(await outcomeOf(act('resolve', id))).toBe('payment_task_unanswered');
    await runTasks(world, orderId, new LedgerGateway());
    expect(await outcomeOf(act('resolve', id))).toBe('payment_task_not_stuck');
  });
});

describe('the review list', () => {
  const cases = async (orderId: string) =>
    (await listCases(world.db, { kinds: null, sort: 'money', limit: 50, after: null }))
      .map(caseView)
      .filter((one) => one.orderId === publicId('ord', orderId));

  it('shows a refund in part that is stuck, with its money and what to do', async () => {
    const { orderId, id } = await refunding(refused);
    const before = await reviewCounts(world.db);
    const [shown, ...others] = await cases(orderId);
    expect(others).toEqual([]);
    expect(shown).toMatchObject({
      id: publicId('rfd', id),
      kind: 'payment_task',
      title: expect.stringMatching(/^Refund of €.7\.00: the provider refused our request$/),
      moneyAtRisk: { amount: 700, currency: 'EUR' },
      waitsFor: 'operator',
      nextAttemptInSeconds: null,
      step: null,
    });
    expect(shown!.facts.at(-1)).toContain('Retry it');
    expect(caseView((await findCase(world.db, id))!)).toEqual({ ...shown, sinceSeconds: expect.any(Number) });
    await act('resolve', id);
    expect(await cases(orderId)).toEqual([]);
    expect((await reviewCounts(world.db)).paymentCases).toBe(before.paymentCases - 1);
  });

  it('shows one that has no answer after three attempts, once', async () => {
    const { orderId } = await refunding(silence, silence);
    expect(await cases(orderId)).toEqual([]);
    world.gateway.expect('refund', silence);
    await runTasks(world, orderId);
    expect(await cases(orderId)).toMatchObject([
      {
        kind: 'payment_task',
        title: expect.stringMatching(/^Refund of €.7\.00 has no clear answer after 3 attempts$/),
        waitsFor: 'next_run',
      },
    ]);
    await runTasks(world, orderId, new LedgerGateway());
    expect(await cases(orderId)).toEqual([]);
  });
});
