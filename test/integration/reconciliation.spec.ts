import { publicId, newId } from '../../src/ids';
import { PaymentCheck } from '../../src/orders/payment-check/payment-check';
import { Installation } from '../../src/payment/installation';
import { ProviderAway } from '../../src/payment/provider-away';
import { LostPayments } from '../../src/reconciliation/lost-payments';
import { NightlyReconciliation, reconciledUntil } from '../../src/reconciliation/nightly-reconciliation';
import { PeriodComparison } from '../../src/reconciliation/period-comparison';
import { Reconciliations } from '../../src/reconciliation/reconciliations';
import { type World, createWorld, expectInvariants, operator, shop } from '../support/fixtures';
import { PaymentsStub, disputeOf, paymentOf, refundOf } from '../support/provider-payments';

let world: World;
let provider: PaymentsStub;
let installation: string;
beforeAll(async () => {
  world = await createWorld();
  installation = await new Installation(world.db).id();
});
beforeEach(async () => {
  provider = new PaymentsStub();
  await world.rows('DELETE FROM reconciliations');
  await world.rows(`DELETE FROM payment_facts WHERE type <> 'refund_failed'`);
  await world.rows('DELETE FROM payment_checks');
  // Orders of earlier tests are not at this test's provider.
  await world.rows(`UPDATE payment_operations SET provider_reference = NULL`);
});
afterEach(async () => {
  world.gateway.expectSpoken();
  await expectInvariants(world);
});
afterAll(() => world.close());

function reconciler() {
  const known = new Installation(world.db);
  const checks = new PaymentCheck(world.config, world.db, provider, known, world.relay());
  return new Reconciliations(
    world.db,
    new PeriodComparison(world.db, provider, known),
    checks,
    new LostPayments(world.db),
  );
}

const hourMs = 3_600_000;
const clock = async () => (await world.row<{ now: Date }>('SELECT clock_timestamp() AS now')).now;
const justNow = async () => new Date((await clock()).getTime() - 1_000);

async function reconcile({ hours = 2 } = {}) {
  const to = new Date((await clock()).getTime() + 1_000);
  const id = await reconciler().begin({ from: new Date(to.getTime() - hours * hourMs), to }, 'test');
  return reconciler().run(id!);
}

/** An order that was driven to its end, and its intent at the provider. */
async function placed(more: Parameters<typeof paymentOf>[1] = {}) {
  const orderId = await world.order();
  world.gateway.expect('authorize').expect('capture');
  await world.runner().drive(orderId);
  const intent = `ref_${publicId('ord', orderId)}:authorize:1`;
  provider.put(paymentOf(intent, { orderId, installation, createdAt: await justNow(), ...more }));
  return { orderId, intent };
}

async function rejected() {
  const orderId = await world.order();
  world.gateway.expect('authorize', { status: 'declined', code: 'card_declined' });
  await world.runner().drive(orderId);
  return orderId;
}

const held = { status: 'requires_capture', received: 0, capturable: 1_000 };
const linesOf = ({ differences }: Awaited<ReturnType<typeof reconcile>>) =>
  differences.map(({ kind, orderId, ours, provider: theirs, amountAtRisk, caseId }) =>
    [kind, orderId, `${ours} | ${theirs}`, amountAtRisk.amount, caseId ? 'case' : 'no case'].join(', '),
  );
const cases = () => world.rows(`SELECT FROM payment_facts WHERE type <> 'refund_failed'`);
const statusOf = (reference: string) => provider.payments.get(reference)!.status;

describe('P29: reconciliation of a period', () => {
  it('finds nothing where both sides agree, and asks about no order alone', async () => {
    await placed();
    await placed();
    await placed();
    const asked = provider.asked.length;
    expect(await reconcile()).toMatchObject({ status: 'done', compared: 3, others: 0, differenceCount: 0 });
    // One, to see that the account is the right one.
    expect(provider.asked.length - asked).toBe(1);
  });

  it('finds with webhooks off what happened at the provider without us, each once', async () => {
    const createdAt = await justNow();
    const disputed = await placed({ disputes: [disputeOf('dp_1', { createdAt })] });
    const refunded = await placed({ refunds: [refundOf('re_1', { createdAt, amount: 400 })] });
    await placed();
    const id = (order: { orderId: string }) => publicId('ord', order.orderId);

    const found = await reconcile();
    expect(linesOf(found).sort()).toEqual(
      [
        `dispute_opened, ${id(disputed)}, no dispute | dispute needs_response, 1000, case`,
        `refunded_outside, ${id(refunded)}, no refund | refund succeeded, 400, case`,
      ].sort(),
    );
    expect(found).toMatchObject({ status: 'done', compared: 3, differenceCount: 2 });
    expect(await reconcile()).toMatchObject({ status: 'done', compared: 3, differenceCount: 0 });
    expect(await cases()).toHaveLength(2);
  });

  it('finds a late refund and a late dispute of payments that are much older', async () => {
    const old = new Date((await clock()).getTime() - 90 * 24 * hourMs);
    const createdAt = await justNow();
    await placed({ createdAt: old, disputes: [disputeOf('dp_1', { createdAt })] });
    await placed({ createdAt: old, refunds: [refundOf('re_1', { createdAt })] });
    expect((await reconcile()).differences.map(({ kind }) => kind).sort()).toEqual([
      'dispute_opened',
      'refunded_outside',
    ]);
  });

  it('finds a refund of ours that failed weeks after it was accepted', async () => {
    const { orderId, intent } = await placed();
    await world.orders.requestCancellation(orderId, 'refund', `refund ${orderId}`, shop);
    world.gateway.expect('refund');
    await world.runner().drive(orderId);
    const weeksAgo = new Date((await clock()).getTime() - 21 * 24 * hourMs);
    const refund = refundOf(`ref_${publicId('ord', orderId)}:refund:1`, {
      orderId,
      kind: 'refund',
      number: 1,
      createdAt: weeksAgo,
      status: 'failed',
      failureReason: 'lost_or_stolen_card',
    });
    provider.put(paymentOf(intent, { orderId, installation, createdAt: weeksAgo, refunds: [refund] }));
    // The operations were made in the period, so that the order is looked at for that, too. Not so here.
    await world.rows(
      `UPDATE payment_operations SET id = ($2::text || right(id::text, 23))::uuid WHERE order_id = $1`,
      [orderId, '01900000-0000'],
    );
    const found = await reconcile();
    expect(linesOf(found)).toEqual([
      `refund_failed, ${publicId('ord', orderId)}, refund approved | refund failed (lost_or_stolen_card), 1000, case`,
    ]);
  });

  it('finds a captured payment that the provider does not have', async () => {
    const gone = await placed();
    await placed();
    provider.payments.delete(gone.intent);
    provider.found.clear();
    const found = await reconcile();
    expect(linesOf(found)).toEqual([
      `not_captured, ${publicId('ord', gone.orderId)}, captured | no such payment, 1000, case`,
    ]);
    expect((await reconcile()).differenceCount).toBe(0);
  });

  it('does not take an order for one that differs because its payments are on different pages', async () => {
    const { orderId } = await placed();
    await placed();
    provider.put(
      paymentOf('pi_second', {
        orderId,
        installation,
        createdAt: await justNow(),
        status: 'canceled',
        received: 0,
      }),
    );
    expect(await reconcile()).toMatchObject({ status: 'done', compared: 3, differenceCount: 0 });
  });

  it('fails with what to do when the key belongs to another account', async () => {
    const { intent } = await placed();
    provider.payments.delete(intent);
    provider.found.clear();
    await rejected();
    const failed = await reconcile();
    expect(failed).toMatchObject({ status: 'failed', differenceCount: 0 });
    expect(failed.error).toMatch(/none of our 1 newest payments.*STRIPE_SECRET_KEY/);
    expect(await cases()).toEqual([]);
  });

  it('fails when the provider does not answer, and may run again', async () => {
    await placed();
    provider.away = new ProviderAway(new Error('connect ECONNREFUSED'), 1);
    expect(await reconcile()).toMatchObject({
      status: 'failed',
      error: expect.stringContaining('ECONNREFUSED'),
    });
    provider.away = undefined;
    expect(await reconcile()).toMatchObject({ status: 'done', compared: 1 });
  });

  it('reads on after a pause when the provider refuses some of its reads', async () => {
    const createdAt = await justNow();
    for (let nth = 0; nth < 2; nth++)
      await placed({ disputes: [disputeOf(`dp_busy_${nth}`, { createdAt })] });
    let reads = 0;
    provider.whileAsked = async () => {
      if (reads++ % 2 === 0) throw new ProviderAway(new Error('Too many requests'), 1);
    };
    expect(await reconcile()).toMatchObject({ status: 'done', compared: 2, differenceCount: 2 });
    expect(reads).toBeGreaterThan(4);
  });

  it('compares a week day by day, each payment once', async () => {
    const now = (await clock()).getTime();
    for (let days = 0; days < 7; days++)
      await placed({ createdAt: new Date(now - days * 24 * hourMs - 60_000) });
    expect(await reconcile({ hours: 7 * 24 })).toMatchObject({
      status: 'done',
      compared: 7,
      differenceCount: 0,
    });
  });

  it('is stopped between two orders when its process ends, and says so', async () => {
    const createdAt = await justNow();
    for (let nth = 0; nth < 3; nth++) await placed({ disputes: [disputeOf(`dp_${nth}`, { createdAt })] });
    const to = new Date((await clock()).getTime() + 1_000);
    const running = reconciler();
    const id = (await running.begin({ from: new Date(to.getTime() - hourMs), to }, 'test'))!;
    provider.whileAsked = async () => void running.beforeApplicationShutdown();
    expect(await running.run(id)).toMatchObject({
      status: 'failed',
      error: expect.stringContaining('was stopped'),
    });
  });
});

describe('P30: authorizations that were forgotten at the provider', () => {
  it('are voided when they carry this installation’s id and their order has ended here', async () => {
    const ended = await rejected();
    const order = await placed();
    const createdAt = await justNow();
    provider
      .put(paymentOf('pi_ended', { ...held, orderId: ended, installation, createdAt }))
      .put(paymentOf('pi_second', { ...held, orderId: order.orderId, installation, createdAt }));
    const found = await reconcile();
    expect(linesOf(found).sort()).toEqual(
      [ended, order.orderId]
        .map(
          (id) =>
            `stray_authorization, ${publicId('ord', id)}, order ${id === ended ? 'rejected' : 'placed'} | requires_capture, 0, no case`,
        )
        .sort(),
    );
    expect([statusOf('pi_ended'), statusOf('pi_second'), statusOf(order.intent)]).toEqual([
      'canceled',
      'canceled',
      'succeeded',
    ]);
  });

  it('are left alone while their order is not over', async () => {
    const orderId = await world.order();
    provider.put(paymentOf('pi_1', { ...held, orderId, installation, createdAt: await justNow() }));
    expect(await reconcile()).toMatchObject({ status: 'done', compared: 1, differenceCount: 0 });
    expect(provider.voids).toEqual([]);
  });

  it('are counted and never touched when they are others’', async () => {
    const ended = await rejected();
    const createdAt = await justNow();
    const others = [
      ['pi_other_installation', { orderId: ended, installation: 'ins_other' }],
      ['pi_other_shop', { orderId: null, installation: null }],
      ['pi_other_order', { orderId: newId(), installation: null }],
    ] as const;
    for (const [reference, whose] of others)
      provider.put(paymentOf(reference, { ...held, ...whose, createdAt }));
    expect(await reconcile()).toMatchObject({ status: 'done', compared: 0, others: 3, differenceCount: 0 });
    expect(provider.voids).toEqual([]);
    expect(await cases()).toEqual([]);
  });

  it('become a case when an earlier build sent them without an id', async () => {
    const ended = await rejected();
    provider.put(
      paymentOf('pi_1', { ...held, orderId: ended, installation: null, createdAt: await justNow() }),
    );
    expect(linesOf(await reconcile())).toEqual([
      `stray_authorization, ${publicId('ord', ended)}, order rejected | requires_capture, 1000, case`,
    ]);
    expect(provider.voids).toEqual([]);
  });

  it('become a case and are not voided when their order is not known here', async () => {
    const orderId = newId();
    const createdAt = await justNow();
    provider
      .put(paymentOf('pi_lost', { ...held, orderId, installation, createdAt }))
      .put(
        paymentOf('pi_charged', {
          orderId: newId(),
          installation,
          createdAt,
          refunds: [refundOf('re_1', { amount: 300 })],
        }),
      )
      .put(
        paymentOf('pi_over', { orderId: newId(), installation, createdAt, status: 'canceled', received: 0 }),
      );
    const found = await reconcile();
    expect(found).toMatchObject({ status: 'done', compared: 3, differenceCount: 2 });
    expect(linesOf(found)[0]).toBe(
      `unknown_order, ${publicId('ord', orderId)}, no such order | requires_capture, 1000, case`,
    );
    expect(linesOf(found)[1]).toMatch(/^unknown_order, ord_\w+, no such order \| succeeded, 700, case$/);
    expect(provider.voids).toEqual([]);
    expect((await reconcile()).differenceCount).toBe(0);
  });
});

describe('the nightly reconciliation', () => {
  const nightlyWith = (reconciliations: Reconciliations) =>
    new NightlyReconciliation({ ...world.config, reconcileHour: 0 }, world.db, reconciliations);
  const yesterday = () =>
    world.rows(`UPDATE installation SET created_at = clock_timestamp() - interval '3 days'`);

  it('runs once a night however many workers look', async () => {
    await yesterday();
    const workers = [1, 2, 3].map(() => nightlyWith(reconciler()));
    await Promise.all(workers.map((worker) => worker.runWhenDue()));
    await workers[0]!.runWhenDue();
    const runs = await world.rows<{ status: string; actor: string }>(
      `SELECT status, actor FROM reconciliations`,
    );
    expect(runs).toEqual([{ status: 'done', actor: 'nightly' }]);
  });

  it('reports in a metric until when payments were compared, which a failed night does not move', async () => {
    await yesterday();
    const until = async () => (await reconciledUntil.get()).values[0]!.value * 1_000;
    await placed();
    provider.away = new ProviderAway(new Error('connect ECONNREFUSED'), 1);
    await nightlyWith(reconciler()).runWhenDue();
    const installed = await world.row<{ at: Date }>('SELECT created_at AS at FROM installation');
    expect(await until()).toBe(installed.at.getTime());
    await world.rows('DELETE FROM reconciliations');
    provider.away = undefined;
    await nightlyWith(reconciler()).runWhenDue();
    const { to } = await world.row<{ to: Date }>('SELECT to_at AS to FROM reconciliations');
    expect(await until()).toBe(to.getTime());
  });

  it('goes on where the last night ended', async () => {
    await yesterday();
    await nightlyWith(reconciler()).runWhenDue();
    await world.rows(
      `UPDATE reconciliations SET from_at = from_at - interval '2 days', to_at = to_at - interval '2 days'`,
    );
    await nightlyWith(reconciler()).runWhenDue();
    const runs = await world.rows<{ from_at: Date; to_at: Date }>(
      `SELECT from_at, to_at FROM reconciliations ORDER BY id`,
    );
    expect(runs).toHaveLength(2);
    expect(runs[1]!.from_at).toEqual(runs[0]!.to_at);
    expect(runs[1]!.to_at.getTime() - runs[1]!.from_at.getTime()).toBe(48 * hourMs);
  });
});

describe('Reconciliations.start', () => {
  const request = async (more: { from?: string; key?: string } = {}) => ({
    period: { from: more.from ?? new Date((await clock()).getTime() - hourMs).toISOString() },
    by: { reason: 'restored from a backup', key: more.key, actor: operator },
  });

  it('is kept in the audit log, and its key makes it once', async () => {
    const { period, by } = await request({ key: 'rec-1' });
    const one = reconciler();
    const begun = await one.start(period, by);
    await one.beforeApplicationShutdown();
    expect(await one.start(period, by)).toEqual({ id: begun.id, replayed: true });
    const [action] = await world.rows<{ actor: string; action: string; reason: string }>(
      `SELECT actor, action, reason FROM admin_actions WHERE object_id = $1`,
      [publicId('rec', begun.id)],
    );
    expect(action).toEqual({
      actor: operator.name,
      action: 'reconciliation.start',
      reason: 'restored from a backup',
    });
  });

  it('refuses a second one while one runs, and a period that is empty', async () => {
    const { period, by } = await request();
    const one = reconciler();
    const now = await clock();
    await one.begin({ from: new Date(now.getTime() - hourMs), to: now }, 'test');
    await expect(one.start(period, by)).rejects.toMatchObject({
      code: 'reconciliation_running',
      status: 409,
    });
    const { period: empty } = await request({ from: new Date(now.getTime() + hourMs).toISOString() });
    await expect(one.start(empty, by)).rejects.toMatchObject({ code: 'validation_failed' });
  });
});

describe('P29: reconciliation of connected accounts', () => {
  const account = 'acct_berlin';

  async function placedAt(more: Parameters<typeof paymentOf>[1] = {}) {
    const orderId = await world.order(undefined, { payment: { stripeAccount: account } });
    world.gateway.expect('authorize').expect('capture');
    await world.runner().drive(orderId);
    const intent = `ref_${publicId('ord', orderId)}:authorize:1`;
    const createdAt = await justNow();
    provider.put(paymentOf(intent, { orderId, account, installation, createdAt, ...more }));
    return { orderId, intent };
  }

  it('walks every account that our operations know', async () => {
    const createdAt = await justNow();
    await placed();
    await placedAt();
    const refunded = await placedAt({ refunds: [refundOf('re_there', { createdAt, amount: 400 })] });

    const found = await reconcile();
    expect(linesOf(found)).toEqual([
      `refunded_outside, ${publicId('ord', refunded.orderId)}, no refund | refund succeeded, 400, case`,
    ]);
    expect(found).toMatchObject({ status: 'done', compared: 3 });
  });

  it('leaves a payment alone that names our order at an account that the order is not charged at', async () => {
    const { orderId } = await placed();
    await placedAt();
    const createdAt = await justNow();
    provider.put(paymentOf('pi_planted', { orderId, account, installation, createdAt, ...held }));

    const found = await reconcile();
    expect(found).toMatchObject({ status: 'done', compared: 2, others: 1, differenceCount: 0 });
    expect(statusOf('pi_planted')).toBe('requires_capture');
  });

  it('voids a stray authorization where it is', async () => {
    const { orderId } = await placedAt();
    const createdAt = await justNow();
    provider.put(paymentOf('pi_stray', { orderId, account, installation, createdAt, ...held }));

    expect(await reconcile()).toMatchObject({ status: 'done', differenceCount: 1 });
    expect(statusOf('pi_stray')).toBe('canceled');
  });

  it('goes on without an account that lets us in no more', async () => {
    const createdAt = await justNow();
    await placedAt();
    const refunded = await placed({ refunds: [refundOf('re_here', { createdAt, amount: 400 })] });
    provider.refusing.add(account);
    const found = await reconcile();
    provider.refusing.clear();

    expect(linesOf(found)).toEqual([
      `refunded_outside, ${publicId('ord', refunded.orderId)}, no refund | refund succeeded, 400, case`,
    ]);
    expect(found).toMatchObject({ status: 'done', compared: 1 });
  });
});
