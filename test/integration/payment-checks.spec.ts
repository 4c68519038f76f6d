import { PaymentCheckWorker } from '../../src/background/payment-check.worker';
import { ProviderEventWorker } from '../../src/background/provider-event.worker';
import { newId, publicId } from '../../src/ids';
import { orderView } from '../../src/orders/orders.responses';
import { PaymentCases } from '../../src/orders/payment-check/payment-cases';
import { PaymentCheck } from '../../src/orders/payment-check/payment-check';
import { Installation } from '../../src/payment/installation';
import { claimChecks, finishCheck, requestChecks } from '../../src/payment/payment-checks.repository';
import { type FactType, saveFacts } from '../../src/payment/payment-facts.repository';
import { ProviderAway } from '../../src/payment/provider-away';
import { storeProviderEvents } from '../../src/payment/webhooks/provider-events.repository';
import { findCase, listCases } from '../../src/reporting/review/review';
import { caseView } from '../../src/reporting/review/review-formatting';
import { type World, createWorld, expectInvariants, operator, outcomeOf, shop } from '../support/fixtures';
import { PaymentsStub, disputeOf, paymentOf, refundOf } from '../support/provider-payments';
import { endOf } from '../support/sagas';
import { silence } from '../support/scripted-gateway';

let world: World;
let provider: PaymentsStub;
let installation: string;
beforeAll(async () => {
  world = await createWorld({ PAYMENT_CHECK_MS: '10', PAYMENT_CHECK_MS_MAX: '40' });
  installation = await new Installation(world.db).id();
});
beforeEach(() => {
  provider = new PaymentsStub();
});
afterEach(async () => {
  world.gateway.expectSpoken();
  await expectInvariants(world);
  await world.rows('DELETE FROM payment_checks');
});
afterAll(() => world.close());

const check = (db = world.db) =>
  new PaymentCheck(world.config, db, provider, new Installation(db), world.relay());
const cases = () => new PaymentCases(world.db, provider);
const sweep = () => new PaymentCheckWorker(world.config, world.db, check()).sweep();
const clock = async () => (await world.row<{ now: Date }>('SELECT clock_timestamp() AS now')).now;

async function placed(): Promise<{ orderId: string; intent: string }> {
  const orderId = await world.order();
  world.gateway.expect('authorize').expect('capture');
  await world.runner().drive(orderId);
  return { orderId, intent: `ref_${publicId('ord', orderId)}:authorize:1` };
}

/** Its refund was accepted and is under way at the provider. */
async function refunding() {
  const order = await placed();
  await world.orders.requestCancellation(order.orderId, 'refund', `refund ${order.orderId}`, shop);
  const refund = `ref_${publicId('ord', order.orderId)}:refund:1`;
  world.gateway.expect('refund', { status: 'pending', reference: refund, waitsFor: 'provider' });
  await world.runner().drive(order.orderId);
  expect(await dueOf(order.orderId)).toEqual([{ attempt: 0, leased: false }]);
  return { ...order, refund };
}

/** Due since a moment after everything that is recorded, as a webhook would make it. */
async function checkNow(...orderIds: string[]): Promise<void> {
  await requestChecks(world.db, orderIds, await clock());
  await sweep();
}

const claim = (limit: number, leaseMs = 60_000) =>
  world.db.transaction('claim-checks', (tx) => claimChecks(tx, { limit, leaseMs }));

const operationOf = (orderId: string, kind: string) =>
  world.row<{ status: string; failure_reason: string | null; provider_reference: string | null }>(
    `SELECT status, failure_reason, provider_reference FROM payment_operations WHERE order_id = $1 AND kind = $2`,
    [orderId, kind],
  );
const factsOf = async (orderId: string) =>
  (
    await world.rows<{ line: string }>(
      `SELECT type || ' ' || reference || coalesce(' ' || status, '')
              || CASE WHEN is_case AND settled_at IS NULL THEN ', ' || amount_at_risk || ' at risk' ELSE '' END AS line
         FROM payment_facts WHERE order_id = $1 ORDER BY id`,
      [orderId],
    )
  ).map(({ line }) => line);
const eventsOf = async (orderId: string) =>
  (
    await world.rows<{ type: string }>(
      `SELECT type FROM outbox WHERE aggregate_id = $1 AND type ~ 'refund_(s|f)|dispute|authorization' ORDER BY sequence`,
      [orderId],
    )
  ).map(({ type }) => type);
const dueOf = (orderId: string) =>
  world.rows<{ attempt: number; leased: boolean }>(
    `SELECT attempt, lease_expires_at IS NOT NULL AS leased FROM payment_checks WHERE order_id = $1`,
    [orderId],
  );
const waitUntilDue = () =>
  world.rows(`UPDATE payment_checks SET due_at = clock_timestamp() WHERE lease_expires_at IS NULL`);

describe('the check of a refund', () => {
  it('P17: follows a pending refund until the provider says that it succeeded (woocommerce-payments#1195)', async () => {
    const { orderId, intent, refund } = await refunding();
    const other = await placed();
    const pending = refundOf(refund, { status: 'pending' });
    provider.put(paymentOf(intent, { refunds: [pending] })).put(paymentOf(other.intent));

    await checkNow(orderId, other.orderId);
    expect(await operationOf(orderId, 'refund')).toMatchObject({ status: 'pending' });
    expect(await dueOf(orderId)).toEqual([{ attempt: 1, leased: false }]);
    expect(await dueOf(other.orderId)).toEqual([]);

    provider.put(paymentOf(intent, { refunds: [refundOf(refund)] }));
    await waitUntilDue();
    await sweep();
    expect(await operationOf(orderId, 'refund')).toMatchObject({ status: 'approved' });
    expect(await eventsOf(orderId)).toEqual(['order.refund_succeeded']);
    expect(await dueOf(orderId)).toEqual([]);
    expect(await eventsOf(other.orderId)).toEqual([]);
  });

  it.each(['pending', 'approved'])(
    'P18: records a refund that failed while we call it %s, as a case, an event and never as refunded (woocommerce-gateway-stripe#4405)',
    async (status) => {
      const { orderId, intent, refund } = await refunding();
      await world.rows(
        `UPDATE payment_operations SET status = $2, settled_at = CASE WHEN $2 = 'approved' THEN clock_timestamp() END
          WHERE order_id = $1 AND kind = 'refund'`,
        [orderId, status],
      );
      const before = await endOf(world, orderId);
      const failed = refundOf(refund, { status: 'failed', failureReason: 'lost_or_stolen_card' });
      provider.put(paymentOf(intent, { refunds: [failed] }));

      await checkNow(orderId);
      await checkNow(orderId);

      expect(await operationOf(orderId, 'refund')).toMatchObject({
        status: 'failed',
        failure_reason: 'lost_or_stolen_card',
      });
      expect(await factsOf(orderId)).toEqual([`refund_failed ${refund} failed, 1000 at risk`]);
      expect(await eventsOf(orderId)).toEqual(['order.refund_failed']);
      expect(await endOf(world, orderId)).toEqual(before);
    },
  );
});

describe('a fact that begins at the provider', () => {
  it('P25: a refund from the dashboard is recorded once, with the money at risk, and moves neither stock nor order', async () => {
    const { orderId, intent } = await placed();
    const before = await endOf(world, orderId);
    provider.put(paymentOf(intent, { refunds: [refundOf('re_outside_1', { amount: 400 })] }));

    await checkNow(orderId);
    await checkNow(orderId);

    expect(await factsOf(orderId)).toEqual([
      'refunded_outside re_outside_1 succeeded, 400 at risk'.replace('1000', '400'),
    ]);
    expect(await eventsOf(orderId)).toEqual(['order.refund_succeeded']);
    expect(await endOf(world, orderId)).toEqual(before);
  });

  it('P25: a dispute is a case until it is won', async () => {
    const { orderId, intent } = await placed();
    provider.put(paymentOf(intent, { disputes: [disputeOf('dp_won')] }));
    await checkNow(orderId);
    expect(await factsOf(orderId)).toEqual(['dispute_opened dp_won needs_response, 1000 at risk']);

    provider.put(paymentOf(intent, { disputes: [disputeOf('dp_won', { status: 'won' })] }));
    await checkNow(orderId);
    expect(await factsOf(orderId)).toEqual(['dispute_opened dp_won won', 'dispute_won dp_won won']);
    expect(await eventsOf(orderId)).toEqual(['order.dispute_opened', 'order.dispute_closed']);
  });

  it('P25: a lost dispute stays a case', async () => {
    const { orderId, intent } = await placed();
    provider.put(paymentOf(intent, { disputes: [disputeOf('dp_lost', { status: 'lost' })] }));
    await checkNow(orderId);
    expect((await factsOf(orderId)).sort().reverse()).toEqual([
      'dispute_opened dp_lost lost',
      'dispute_lost dp_lost lost, 1000 at risk',
    ]);
  });

  it('P7: a late authorization of an order that has ended is voided under a stable key, once', async () => {
    const orderId = await world.order();
    await world.orders.requestCancellation(orderId, 'cancel', `cancel ${orderId}`, shop);
    await world.runner().drive(orderId);
    const held = { status: 'requires_capture', received: 0, capturable: 1_000 };
    provider.put(paymentOf('pi_late', { ...held, orderId, installation }));
    provider.put(paymentOf('pi_copy', { ...held, orderId, installation: 'ins_of_the_original' }));

    await checkNow(orderId);
    await checkNow(orderId);

    expect(provider.voids).toEqual([
      { reference: 'pi_late', key: `${publicId('ord', orderId)}:void:pi_late` },
    ]);
    expect((await factsOf(orderId)).sort()).toEqual([
      'stray_authorization pi_copy requires_capture, 1000 at risk',
      'stray_authorization pi_late canceled',
    ]);
  });
});

describe('an order with facts of the provider', () => {
  const view = async (orderId: string) => orderView(await world.orders.get(orderId, shop));
  const versionOf = async (orderId: string) => (await world.orders.get(orderId, shop)).version;
  const refuse = (orderId: string, by: 'cancel' | 'refund') =>
    outcomeOf(world.orders.requestCancellation(orderId, by, `${by} ${newId()}`, shop));

  it('P17: is refunding, then refunded, and changes its version', async () => {
    const { orderId, intent, refund } = await refunding();
    expect((await view(orderId)).payment.status).toBe('refunding');
    const before = await versionOf(orderId);
    provider.put(paymentOf(intent, { refunds: [refundOf(refund)] }));
    await checkNow(orderId);
    expect((await view(orderId)).payment.status).toBe('refunded');
    expect(await versionOf(orderId)).toBeGreaterThan(before);
  });

  it('P18: is refund_failed until an operator settles it', async () => {
    const { orderId, intent, refund } = await refunding();
    provider.put(paymentOf(intent, { refunds: [refundOf(refund, { status: 'failed' })] }));
    await checkNow(orderId);
    expect((await view(orderId)).payment).toMatchObject({
      status: 'refund_failed',
      facts: [{ type: 'refund_failed', amount: { amount: 1_000, currency: 'EUR' }, reference: refund }],
    });
    const all = await listCases(world.db, { kinds: ['payment'], sort: 'money', limit: 90, after: null });
    const found = all.find(({ aggregateId }) => aggregateId === orderId);
    expect(caseView(found!)).toMatchObject({
      id: expect.stringMatching(/^fct_/) as string,
      orderId: publicId('ord', orderId),
      title: 'A refund failed',
      moneyAtRisk: { amount: 1_000, currency: 'EUR' },
      waitsFor: 'operator',
    });
    const before = await versionOf(orderId);
    const settle = () =>
      cases().settle(caseView(found!).id, { reason: 'paid by bank transfer', key: 'settle-1' }, operator);
    expect((await settle()).replayed).toBe(false);
    expect((await settle()).replayed).toBe(true);
    expect((await view(orderId)).payment.status).toBe('refunded');
    expect(await versionOf(orderId)).toBe(before + 1);
    expect(await findCase(world.db, found!.id)).toBeUndefined();
    // The customer has the money: another refund would pay twice.
    const again = world.sagaActions.perform('retry', orderId, { reason: 'once more' }, operator);
    expect(await outcomeOf(again)).toBe('saga_settled');
    await world.runner().drive(orderId);
  });

  it.each([
    ['partially_refunded', [refundOf('re_part', { amount: 300 })]],
    ['refunded', [refundOf('re_one', { amount: 300 }), refundOf('re_rest', { amount: 700 })]],
    ['refunding', [refundOf('re_slow', { status: 'pending' })]],
  ])('P25: is %s by what the dashboard refunded, and still placed', async (status, refunds) => {
    const { orderId, intent } = await placed();
    provider.put(paymentOf(intent, { refunds }));
    await checkNow(orderId);
    expect(await view(orderId)).toMatchObject({ status: 'placed', payment: { status } });
  });

  it('P26: can be neither refunded nor cancelled while its dispute is open or lost, and can when it is won', async () => {
    const [disputed, lost, other] = [await placed(), await placed(), await placed()];
    const open = disputeOf('dp_open');
    provider.put(paymentOf(disputed.intent, { disputes: [open] }));
    provider.put(paymentOf(lost.intent, { disputes: [disputeOf('dp_gone', { status: 'lost' })] }));
    await checkNow(disputed.orderId, lost.orderId);

    expect((await view(disputed.orderId)).payment.dispute).toEqual({
      status: 'needs_response',
      amount: { amount: 1_000, currency: 'EUR' },
      dueBy: '2026-12-01T10:00:00.000Z',
    });
    for (const { orderId } of [disputed, lost]) {
      expect(await refuse(orderId, 'refund')).toBe('payment_disputed');
      expect(await refuse(orderId, 'cancel')).toBe('payment_disputed');
    }
    expect(await refuse(other.orderId, 'refund')).toBe('ok');
    expect((await view(other.orderId)).payment.dispute).toBeNull();

    provider.put(paymentOf(disputed.intent, { disputes: [{ ...open, status: 'won' }] }));
    await checkNow(disputed.orderId);
    expect(await refuse(disputed.orderId, 'refund')).toBe('ok');
    world.gateway.expect('refund').expect('refund');
    await world.runner().drive(other.orderId);
    await world.runner().drive(disputed.orderId);
  });

  it('P26: may be refunded while the bank only inquires', async () => {
    const { orderId, intent } = await placed();
    provider.put(
      paymentOf(intent, { disputes: [disputeOf('dp_ask', { status: 'warning_needs_response' })] }),
    );
    await checkNow(orderId);
    expect(await refuse(orderId, 'refund')).toBe('ok');
    world.gateway.expect('refund');
    await world.runner().drive(orderId);
  });
});

describe('the case of an authorization that no order keeps', () => {
  const caseOf = async (type: FactType, reference: string) => {
    const about = { amount: 700, currency: 'EUR', amountAtRisk: 700, isCase: true };
    const fact = {
      ...about,
      orderId: null,
      type,
      reference,
      status: null,
      dueBy: null,
      data: {},
      at: await clock(),
    };
    const [id] = await world.db.transaction('check-payment', (tx) => saveFacts(tx, [fact]));
    return publicId('fct', id!);
  };
  const held = { status: 'requires_capture', received: 0, capturable: 700 };
  const lift = (id: string) => cases().void(id, { reason: 'made by a test', key: undefined }, operator);

  it('P30: is voided at the provider and settled', async () => {
    const id = await caseOf('unknown_order', 'pi_unknown');
    provider.put(paymentOf('pi_unknown', held));
    expect((await lift(id)).fact.settledBy).toBe(operator.name);
    await lift(id);
    expect(provider.voids).toEqual([{ reference: 'pi_unknown', key: `${id}:void` }]);
  });

  it('stays open when the provider shows it captured, or when it is about something else', async () => {
    const [captured, refund] = [
      await caseOf('unknown_order', 'pi_captured'),
      await caseOf('refund_failed', 're_x'),
    ];
    provider.put(paymentOf('pi_captured'));
    for (const id of [captured, refund]) expect(await outcomeOf(lift(id))).toBe('payment_case_not_voidable');
    expect(await outcomeOf(lift('fct_unknown'))).toBe('payment_case_not_found');
    const open = await listCases(world.db, { kinds: ['payment'], sort: 'age', limit: 90, after: null });
    expect(open.map((one) => caseView(one).id)).toEqual(expect.arrayContaining([captured, refund]));
  });
});

describe('a payment check', () => {
  it('is made by one of four workers', async () => {
    const { orderId, intent } = await placed();
    provider.put(paymentOf(intent));
    await requestChecks(world.db, [orderId], await clock());
    const claims = await Promise.all(Array.from({ length: 4 }, () => claim(10)));
    expect(claims.flat().map((one) => one.orderId)).toEqual([orderId]);
  });

  it('is made again when the order is named during it', async () => {
    const { orderId, intent } = await placed();
    provider.put(paymentOf(intent));
    provider.whileAsked = async () => requestChecks(world.db, [orderId], await clock());
    await requestChecks(world.db, [orderId], await clock());
    const [claimed] = await claim(1);
    await check().run(claimed!);
    expect(await dueOf(orderId)).toEqual([{ attempt: 0, leased: false }]);
  });

  it('changes nothing when its lease was taken over', async () => {
    const { orderId } = await placed();
    await requestChecks(world.db, [orderId], await clock());
    const [lost] = await claim(1);
    await world.rows(`UPDATE payment_checks SET lease_expires_at = clock_timestamp() - interval '1 second'`);
    // Its lease ends at another time, as one that begins after the end of the first does.
    expect(await claim(1, 90_000)).toHaveLength(1);
    await finishCheck(world.db, lost!, null);
    expect(await dueOf(orderId)).toEqual([{ attempt: 2, leased: true }]);
  });

  it('is not compared with an answer that is older than our records', async () => {
    const { orderId, intent, refund } = await refunding();
    provider.put(paymentOf(intent, { refunds: [refundOf(refund, { status: 'failed' })] }));
    provider.whileAsked = () =>
      world.rows(
        `UPDATE payment_operations SET sent_at = clock_timestamp() WHERE order_id = $1 AND kind = 'refund'`,
        [orderId],
      );
    await checkNow(orderId);
    expect(await factsOf(orderId)).toEqual([]);
    expect(await dueOf(orderId)).toHaveLength(1);

    provider.whileAsked = async () => undefined;
    await waitUntilDue();
    await sweep();
    expect(await factsOf(orderId)).toHaveLength(1);
  });

  it('waits for a provider that is away, and asks for no other order until then', async () => {
    const orders = [await placed(), await placed(), await placed(), await placed(), await placed()];
    provider.away = new ProviderAway(new Error('503'), 7_000);
    await requestChecks(
      world.db,
      orders.map(({ orderId }) => orderId),
      await clock(),
    );
    expect(await sweep()).toBe(7_000);
    expect(provider.asked).toHaveLength(4);
    expect(await world.rows('SELECT FROM payment_checks')).toHaveLength(5);
  });
});

describe('a webhook', () => {
  const hear = async (event: {
    type: string;
    reference?: string | null;
    orderId?: string | null;
    metadata?: object;
  }) => {
    const { type, reference = null, orderId = null, metadata = {} } = event;
    const id = `evt_${newId()}`;
    const rawBody = JSON.stringify({ id, type, data: { object: { metadata } } });
    await storeProviderEvents(world.db, [
      { id, type, providerReference: reference, orderId, rawBody, stripeAccount: null },
    ]);
    return id;
  };
  const process = async () => {
    const runner = world.runner();
    await new ProviderEventWorker(world.db, runner).sweep();
    await runner.idle();
  };
  const verdictOf = async (id: string) =>
    (await world.row<{ verdict: string }>('SELECT verdict FROM provider_events WHERE id = $1', [id])).verdict;

  it('P25: is matched by the payment of an operation when it has none of our metadata', async () => {
    const { orderId, intent } = await placed();
    const other = await placed();
    const id = await hear({ type: 'charge.dispute.created', reference: intent });
    await process();
    expect(await verdictOf(id)).toBe('payments checked');
    expect(await dueOf(orderId)).toHaveLength(1);
    expect(await dueOf(other.orderId)).toEqual([]);
  });

  it('causes no check when it reports what our own request did', async () => {
    const { orderId, intent } = await placed();
    const id = await hear({ type: 'payment_intent.succeeded', reference: intent, orderId });
    await process();
    expect(await verdictOf(id)).toBe('nothing waited for it');
    expect(await dueOf(orderId)).toEqual([]);
  });

  it('P7: causes a check when it names another payment of the order', async () => {
    const { orderId } = await placed();
    await hear({ type: 'payment_intent.amount_capturable_updated', reference: 'pi_other', orderId });
    await process();
    expect(await dueOf(orderId)).toHaveLength(1);
  });

  it.each([
    ['P3: gives an authorization in doubt its reference', { kind: 'authorize', number: '1' }, 'pi_named'],
    ['gives an authorization no reference of another number', { kind: 'authorize', number: '2' }, null],
    ['gives an authorization no reference of another kind', { kind: 'refund', number: '1' }, null],
  ])('%s', async (_, metadata, expected) => {
    const orderId = await world.order();
    world.gateway.expect('authorize', silence);
    await world.runner().drive(orderId);
    await hear({
      type: 'payment_intent.amount_capturable_updated',
      reference: 'pi_named',
      orderId,
      metadata,
    });
    world.gateway.expect('authorize', silence);
    await process();
    expect(await operationOf(orderId, 'authorize')).toMatchObject({ provider_reference: expected });
    await world.rows(
      `UPDATE sagas SET next_run_at = clock_timestamp() + interval '1 hour' WHERE order_id = $1`,
      [orderId],
    );
  });
});
