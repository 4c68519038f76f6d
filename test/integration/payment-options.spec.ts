import type { Principal } from '../../src/auth/auth.guard';
import { newId } from '../../src/ids';
import { requestedPayment } from '../../src/orders/payment.dto';
import { createWorld, expectInvariants, shop, type World } from '../support/fixtures';
import { approvalOf, silence } from '../support/scripted-gateway';
import { endOf, passTime } from '../support/sagas';

/** The account and the options of each request to the provider. */

let world: World;
beforeAll(async () => (world = await createWorld()));
afterAll(async () => {
  await expectInvariants(world);
  await world.close();
});
afterEach(() => world.gateway.expectSpoken());

const options = { customer: 'cus_9s6XKzkNRiz8i3', offSession: true, receiptEmail: 'buyer@example.com' };
const berlin = 'acct_berlin';

async function drive(orderId: string): Promise<void> {
  await passTime(world, orderId);
  await world.runner().drive(orderId);
}

/** What was sent for this order since `from`. */
const sentSince = (from: number) =>
  world.gateway.calls.slice(from).map(({ kind, request }) => ({
    kind,
    account: request.account,
    ...('options' in request && { options: request.options }),
  }));

const accountsOf = (orderId: string) =>
  world.rows(
    `SELECT kind, stripe_account AS account FROM payment_operations WHERE order_id = $1 ORDER BY id`,
    [orderId],
  );

describe('the requests of an order', () => {
  it('carry its options and its account, the same with every repeat', async () => {
    const from = world.gateway.calls.length;
    const orderId = await world.order(undefined, { payment: { ...options, stripeAccount: berlin } });
    world.gateway.expect('authorize', silence);
    await drive(orderId);
    world.gateway.expect('authorize').expect('capture', silence);
    await drive(orderId);
    world.gateway.expect('capture');
    await drive(orderId);
    await world.orders.requestCancellation(orderId, 'refund', newId(), shop);
    world.gateway.expect('refund');
    await drive(orderId);

    expect(sentSince(from)).toEqual([
      { kind: 'authorize', account: berlin, options },
      { kind: 'authorize', account: berlin, options },
      { kind: 'capture', account: berlin },
      { kind: 'capture', account: berlin },
      { kind: 'refund', account: berlin },
    ]);
    expect(world.gateway.looks.map(({ kind, account }) => ({ kind, account }))).toEqual([
      { kind: 'capture', account: berlin },
    ]);
    expect(await accountsOf(orderId)).toEqual(
      ['authorize', 'capture', 'refund'].map((kind) => ({ kind, account: berlin })),
    );
    expect(await endOf(world, orderId)).toMatchObject({ order: 'refunded' });
  });

  it('go to our own account without options when there are none', async () => {
    const from = world.gateway.calls.length;
    const orderId = await world.order();
    world.gateway.expect('authorize').expect('capture');
    await drive(orderId);

    expect(sentSince(from)).toEqual([
      { kind: 'authorize', account: null, options: {} },
      { kind: 'capture', account: null },
    ]);
  });

  it('go where the authorization was made, whatever account the order names since', async () => {
    const from = world.gateway.calls.length;
    const orderId = await world.order(undefined, { payment: { stripeAccount: berlin } });
    world.gateway.expect('authorize', async (request) => {
      await world.rows(`UPDATE orders SET payment = '{"stripeAccount": "acct_paris"}' WHERE id = $1`, [
        orderId,
      ]);
      return approvalOf(request);
    });
    world.gateway.expect('capture', { status: 'declined', code: 'generic_decline' }).expect('void');
    await drive(orderId);

    expect(sentSince(from).map(({ kind, account }) => [kind, account])).toEqual([
      ['authorize', berlin],
      ['capture', berlin],
      ['void', berlin],
    ]);
  });
});

describe('a payment that an operator makes for a shop', () => {
  const admin: Principal = { name: 'bootstrap-admin', role: 'admin' };
  const paymentOf = (orderId: string) => world.row(`SELECT payment FROM orders WHERE id = $1`, [orderId]);

  it('is made at the account of the shop: an order on its reservation', async () => {
    await world.rows(
      `INSERT INTO api_keys (id, name, role, key_sha256, stripe_account)
       VALUES (gen_random_uuid(), $1::text, 'client', sha256('key'), $2)`,
      [shop.name, berlin],
    );
    const reservationId = await world.reserve([{ sku: await world.product(), quantity: 1 }]);
    const claim = { ...world.claim(), principal: admin.name };
    const checkout = world.checkout([], {
      claim,
      owner: null,
      reservationId,
      payment: { customer: 'cus_1' },
    });
    const { orderId } = await world.intake.accept(checkout);

    expect(await paymentOf(orderId)).toEqual({ payment: { customer: 'cus_1', stripeAccount: berlin } });
    world.gateway.expect('authorize').expect('capture');
    await drive(orderId);
  });

  it.each([
    ['the account of the order', admin, berlin],
    ['the account of the key that owns it', shop, 'acct_paris'],
  ])('is made at %s: another card', async (_, caller, account) => {
    const onDecline = { holdSeconds: 60, attemptsMax: 2 };
    const orderId = await world.order(undefined, { payment: { stripeAccount: berlin }, onDecline });
    world.gateway.expect('authorize', { status: 'declined', code: 'no_money', mayTryAnotherCard: true });
    await drive(orderId);
    const sent = { method: 'pm_card_visa' };
    const payment = requestedPayment(sent, caller === shop ? 'acct_paris' : null);
    await world.paymentAttempts.payAgain({ orderId, key: newId(), sent, payment }, caller);

    expect(await paymentOf(orderId)).toEqual({ payment: { stripeAccount: account } });
    const from = world.gateway.calls.length;
    world.gateway.expect('authorize').expect('capture');
    await drive(orderId);
    expect(sentSince(from)).toMatchObject([
      { kind: 'authorize', account },
      { kind: 'capture', account },
    ]);
  });
});
