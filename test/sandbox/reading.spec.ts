import type Stripe from 'stripe';
import { TestSandbox, errorOf, eventually, newOrderId, payment } from './harness';

let sandbox: TestSandbox;
let stripe: Stripe;

beforeAll(async () => {
  sandbox = await TestSandbox.start();
  stripe = sandbox.stripe();
});
afterAll(() => sandbox.stop());

async function captured(orderId = newOrderId(), metadata: Record<string, string> = {}) {
  const params = payment(orderId);
  const { id, latest_charge } = await stripe.paymentIntents.create({
    ...params,
    metadata: { ...params.metadata, ...metadata },
  });
  await stripe.paymentIntents.capture(id);
  return { id, charge: latest_charge as string };
}

describe('lists', () => {
  it('show charges and disputes of one payment, and each by its id', async () => {
    const [one, other] = [await captured(), await captured()];
    const { body: dispute } = await sandbox.post<{ id: string }>('/disputes', {
      payment_intent: one.id,
      amount: 700,
    });
    await sandbox.post('/disputes', { payment_intent: other.id });

    const charges = (await stripe.charges.list({ payment_intent: one.id })).data;
    expect(charges.map(({ id }) => id)).toEqual([one.charge]);
    expect(await stripe.charges.retrieve(one.charge)).toEqual(charges[0]);
    expect(charges[0]).toMatchObject({ captured: true, disputed: true, amount_captured: 1999 });

    const disputes = (await stripe.disputes.list({ charge: one.charge })).data;
    expect(disputes.map(({ id, amount }) => [id, amount])).toEqual([[dispute.id, 700]]);
    expect(await stripe.disputes.retrieve(dispute.id)).toEqual(disputes[0]);
    expect((await stripe.disputes.list({ payment_intent: one.id })).data).toEqual(disputes);
  });

  it('are whole when they are paged, and bounded by created', async () => {
    const own = await TestSandbox.start();
    try {
      const client = own.stripe();
      const makeSome = async (count: number) => {
        for (let i = 0; i < count; i++) await client.paymentIntents.create(payment(newOrderId()));
      };
      await makeSome(3);
      const [{ created: first }] = (await client.paymentIntents.list({ limit: 1 })).data as [
        Stripe.PaymentIntent,
      ];
      await eventually(() => Date.now() / 1_000 >= first + 1);
      await makeSome(4);

      const idsOf = async (created?: Stripe.RangeQueryParam) => {
        const ids: string[] = [];
        for await (const { id } of client.paymentIntents.list({ limit: 2, ...(created && { created }) }))
          ids.push(id);
        return ids;
      };
      const all = await idsOf();
      expect(new Set(all).size).toBe(7);
      expect(await idsOf({ gt: first })).toEqual(all.slice(0, 4));
      expect(await idsOf({ gte: first + 1 })).toEqual(all.slice(0, 4));
      expect(await idsOf({ lte: first })).toEqual(all.slice(4));
      expect(await idsOf({ lt: first + 1 })).toEqual(all.slice(4));
      expect(await errorOf(idsOf({ since: 1 } as object))).toMatchObject({ code: 'parameter_unknown' });
    } finally {
      await own.stop();
    }
  });

  it('refuse filters that they do not know', async () => {
    const list = stripe.refunds.list({ customer: 'cus_1' } as object);
    expect(await errorOf(list)).toMatchObject({ code: 'parameter_unknown', param: 'customer' });
  });
});

describe('search', () => {
  const search = (query: string, more: object = {}) => stripe.paymentIntents.search({ query, ...more });

  it('finds an operation by order, kind and number', async () => {
    const orderId = newOrderId();
    const [first, second] = [
      await captured(orderId, { kind: 'authorize', number: '1' }),
      await captured(orderId, { kind: 'authorize', number: '2' }),
    ];
    await captured(newOrderId(), { kind: 'authorize', number: '2' });
    const found = await search(
      `metadata['orderId']:'${orderId}' AND metadata['kind']:'authorize' AND metadata['number']:'2'`,
    );
    expect(found.data.map(({ id }) => id)).toEqual([second.id]);
    expect((await search(`metadata['orderId']:'${orderId}'`)).data.map(({ id }) => id)).toEqual([
      second.id,
      first.id,
    ]);
  });

  it('finds payments of one installation by status, page by page', async () => {
    const installation = `inst_${newOrderId()}`;
    const made: string[] = [];
    for (let i = 0; i < 3; i++) made.unshift((await captured(newOrderId(), { installation })).id);
    const query = `metadata["installation"]:"${installation}" AND status:"succeeded"`;
    const first = await search(query, { limit: 2 });
    expect(first.has_more).toBe(true);
    const second = await search(query, { limit: 2, page: first.next_page });
    expect(second.has_more).toBe(false);
    expect([...first.data, ...second.data].map(({ id }) => id)).toEqual(made);
  });

  it('does not find what was made within its lag, and a test can set the lag', async () => {
    const own = await TestSandbox.start({ searchLagMs: 3_600_000 });
    try {
      const orderId = newOrderId();
      const { id } = await own.stripe().paymentIntents.create(payment(orderId));
      const found = async () =>
        (await own.stripe().paymentIntents.search({ query: `metadata['orderId']:'${orderId}'` })).data;
      expect(await found()).toEqual([]);
      expect((await own.stripe().paymentIntents.retrieve(id)).id).toBe(id);

      await own.setFaults({ searchLagMs: 0 });
      expect((await found()).map((intent) => intent.id)).toEqual([id]);
      await own.clearFaults();
      expect(await found()).toEqual([]);
    } finally {
      await own.stop();
    }
  });

  it('refuses a query that it does not understand', async () => {
    for (const query of ['amount>100', "metadata['a']:'b' OR metadata['a']:'c'", '']) {
      const error = await errorOf(search(query));
      expect([error.statusCode, error.param]).toEqual([400, 'query']);
    }
  });
});
