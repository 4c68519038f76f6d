import type Stripe from 'stripe';
import { Receiver, TestSandbox, errorOf, eventually, newOrderId, payment } from './harness';

let receiver: Receiver;
let sandbox: TestSandbox;
let stripe: Stripe;

beforeAll(async () => {
  receiver = await Receiver.start();
  sandbox = await TestSandbox.start({ webhookUrl: receiver.url });
  stripe = sandbox.stripe();
});
afterAll(async () => {
  await sandbox.stop();
  await receiver.stop();
});

const berlin = { stripeAccount: 'acct_berlin' };
const paris = { stripeAccount: 'acct_paris' };

async function captured(orderId = newOrderId()) {
  const intent = await stripe.paymentIntents.create(payment(orderId), berlin);
  await stripe.paymentIntents.capture(intent.id, {}, berlin);
  const refund = await stripe.refunds.create({ payment_intent: intent.id, amount: 500 }, berlin);
  return { id: intent.id, charge: intent.latest_charge as string, refund: refund.id };
}

describe('the objects of a connected account', () => {
  it('are found from it, and from nowhere else', async () => {
    const { id, charge, refund } = await captured();
    const reads: ((account?: Stripe.RequestOptions) => Promise<{ id: string }>)[] = [
      (account) => stripe.paymentIntents.retrieve(id, {}, account),
      (account) => stripe.charges.retrieve(charge, {}, account),
      (account) => stripe.refunds.retrieve(refund, {}, account),
    ];
    for (const read of reads) {
      expect(await read(berlin)).toMatchObject({ id: expect.any(String) });
      for (const other of [paris, undefined])
        expect(await errorOf(read(other))).toMatchObject({ statusCode: 404, code: 'resource_missing' });
    }
  });

  it('are moved from it alone', async () => {
    const { id } = await stripe.paymentIntents.create(payment(newOrderId()), berlin);

    for (const account of [paris, undefined]) {
      const moves = [
        stripe.paymentIntents.capture(id, {}, account),
        stripe.paymentIntents.cancel(id, {}, account),
        stripe.refunds.create({ payment_intent: id }, account),
      ];
      for (const moved of moves)
        expect(await errorOf(moved)).toMatchObject({ statusCode: 404, code: 'resource_missing' });
    }
    expect((await stripe.paymentIntents.capture(id, {}, berlin)).status).toBe('succeeded');
  });

  it('are in its lists and searches alone', async () => {
    const orderId = newOrderId();
    const { id } = await captured(orderId);
    const query = `metadata['orderId']:'${orderId}'`;
    const found = async (account?: Stripe.RequestOptions) => [
      (await stripe.paymentIntents.list({ limit: 100 }, account)).data.some((one) => one.id === id),
      (await stripe.paymentIntents.search({ query }, account)).data.some((one) => one.id === id),
      (await stripe.charges.list({ payment_intent: id }, account)).data.length > 0,
      (await stripe.refunds.list({ payment_intent: id }, account)).data.length > 0,
      (await stripe.events.list({ limit: 100 }, account)).data.some(
        ({ data }) => (data.object as { id?: string }).id === id,
      ),
    ];

    expect(await found(berlin)).toEqual([true, true, true, true, true]);
    expect(await found(paris)).toEqual([false, false, false, false, false]);
    expect(await found()).toEqual([false, false, false, false, false]);
  });

  it('are named by account in the ledger, in entries and in webhooks', async () => {
    const [orderId, own] = [newOrderId(), newOrderId()];
    const { id } = await stripe.paymentIntents.create(payment(orderId), berlin);
    const { id: ownId } = await stripe.paymentIntents.create(payment(own));

    expect(await sandbox.row(orderId)).toMatchObject({ account: 'acct_berlin', authorized: 1999 });
    expect(await sandbox.row(own)).toMatchObject({ account: null, authorized: 1999 });
    const entries = await sandbox.get<{ data: object[] }>(`/sandbox/entries?orderId=${orderId}`);
    expect(entries.data).toMatchObject([{ kind: 'authorize', account: 'acct_berlin' }]);
    const eventOf = (intent: string) =>
      eventually(
        () =>
          receiver.delivered.find(({ event }) => (event.data.object as { id?: string }).id === intent)?.event,
      );
    expect(await eventOf(id)).toMatchObject({ account: 'acct_berlin' });
    expect(await eventOf(ownId)).not.toHaveProperty('account');
  });

  it('are known after a restart', async () => {
    const { id } = await stripe.paymentIntents.create(payment(newOrderId()), berlin);
    await sandbox.close();
    await sandbox.open();
    stripe = sandbox.stripe();

    expect((await stripe.paymentIntents.retrieve(id, {}, berlin)).id).toBe(id);
    expect(await errorOf(stripe.paymentIntents.retrieve(id))).toMatchObject({ statusCode: 404 });
  });
});

describe('an idempotency key', () => {
  it('belongs to one account: the same key pays at another one too', async () => {
    const params = payment(newOrderId());
    const key = { idempotencyKey: newOrderId() };
    const one = await stripe.paymentIntents.create(params, { ...key, ...berlin });
    const again = await stripe.paymentIntents.create(params, { ...key, ...berlin });
    const other = await stripe.paymentIntents.create(params, { ...key, ...paris });

    expect(again.id).toBe(one.id);
    expect(other.id).not.toBe(one.id);
  });
});

describe('an account', () => {
  it.each(['acct_revoked_shop', 'nonsense'])(
    'that the key has no access to is refused with 403: %s',
    async (name) => {
      const refused = stripe.paymentIntents.list({}, { stripeAccount: name });

      expect(await errorOf(refused)).toMatchObject({ statusCode: 403, code: 'account_invalid' });
    },
  );
});
