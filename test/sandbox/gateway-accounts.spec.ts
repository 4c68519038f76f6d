import { newId, publicId } from '../../src/ids';
import { StripeGateway } from '../../src/payment/gateways/stripe.gateway';
import { StripeRecords } from '../../src/payment/provider-lookup';
import { StripePayments } from '../../src/payment/provider-payments';
import { TestSandbox, secretKey } from './harness';

/** Everything that is asked about a payment of a connected account is asked there. */

let sandbox: TestSandbox;
let gateway: StripeGateway;
let payments: StripePayments;
let records: StripeRecords;

beforeAll(async () => {
  sandbox = await TestSandbox.start();
  const config = { stripeApiUrl: sandbox.url, stripeSecretKey: secretKey, paymentTimeoutMs: 20_000 };
  gateway = new StripeGateway(config);
  payments = new StripePayments(config);
  records = new StripeRecords(config);
});
afterAll(() => sandbox.stop());

const account = 'acct_berlin';
const money = { amount: 1_999, currency: 'EUR' };

async function authorized() {
  const id = newId();
  const orderId = publicId('ord', id);
  const named = (kind: 'authorize' | 'capture' | 'void' | 'refund') => ({
    account,
    key: `${orderId}:${kind}:1`,
    metadata: { orderId, kind, number: '1' },
    ...money,
  });
  const made = await gateway.authorize({ ...named('authorize'), paymentMethod: 'pm_card_visa', options: {} });
  const authorization = (made as { reference: string }).reference;
  return { id, orderId, named, authorization };
}

describe('a payment at a connected account', () => {
  it('is authorized, looked at, captured and refunded there', async () => {
    const { orderId, named, authorization } = await authorized();
    const about = { ...money, authorization };
    const look = (kind: 'authorize' | 'refund', at: string | null) =>
      gateway.look({ kind, account: at, authorization, metadata: named(kind).metadata });

    expect(await look('authorize', account)).toMatchObject({ status: 'approved' });
    expect(await look('authorize', null)).toMatchObject({ status: 'misused', code: 'resource_missing' });
    expect(await gateway.capture({ ...named('capture'), ...about })).toMatchObject({ status: 'approved' });
    expect(await gateway.refund({ ...named('refund'), ...about })).toMatchObject({ status: 'approved' });
    expect(await look('refund', account)).toMatchObject({ status: 'approved' });
    expect(await sandbox.row(orderId)).toMatchObject({ account, captured: 1_999, refunded: 1_999 });
  });

  it('is voided there', async () => {
    const { orderId, named, authorization } = await authorized();

    expect(await gateway.void({ ...named('void'), authorization })).toMatchObject({ status: 'approved' });
    expect(await sandbox.row(orderId)).toMatchObject({ account, voided: 1_999 });
  });

  it('is read for comparison there, and not found from our own account', async () => {
    const { id, authorization } = await authorized();
    const there = payments.at(account);
    const [from, to] = [new Date(Date.now() - 60_000), new Date(Date.now() + 60_000)];
    const listed = async (at: string | null) => {
      const found: string[] = [];
      for await (const page of payments.at(at).createdBetween(from, to))
        found.push(...page.map(({ reference }) => reference));
      return found.includes(authorization);
    };

    expect(await there.get(authorization)).toMatchObject({ account, orderId: id });
    expect(await there.ofOrder(id, [])).toMatchObject([{ account, reference: authorization }]);
    expect(await payments.ofOrder(id, [authorization])).toEqual([]);
    expect([await listed(account), await listed(null)]).toEqual([true, false]);
    expect(await there.void(authorization, 'stray')).toMatchObject({ account, status: 'canceled' });
  });

  it('is shown to operators from there', async () => {
    const { orderId, authorization: reference } = await authorized();

    expect(await records.find({ orderId, reference, account })).toMatchObject({ authorized: 1_999 });
    expect(await records.find({ orderId, reference: null, account })).toMatchObject({ reference });
    expect(await records.find({ orderId, reference: null })).toBeNull();
  });
});
