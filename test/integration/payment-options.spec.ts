import { newId } from '../../src/ids';
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
