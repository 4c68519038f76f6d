import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { publicId } from '../../src/ids';
import type { SentOptions } from '../../src/payment/payment-options';
import { StripeGateway } from '../../src/payment/gateways/stripe.gateway';
import { namesOf } from '../../src/payment/operation-names';
import type { OperationKind, PaymentOperation } from '../../src/payment/payment-operations.repository';

/**
 * The requests to Stripe, byte for byte. Later builds and restored databases repeat them, and Stripe rejects a known
 * key with other parameters. When you change a line here, raise `codeVersion` and keep the old line for sagas of the
 * old version.
 */

const orderId = '01936a3e-8f00-7000-8000-000000000001';
const rowId = '01936a3e-8f00-7000-8000-000000000002';
const [ord, pay] = [publicId('ord', orderId), publicId('pay', rowId)];

const operation = (kind: OperationKind, named: 'by row' | 'by purpose'): PaymentOperation => ({
  id: rowId,
  orderId,
  kind,
  number: named === 'by row' ? null : 1,
  request: null,
  taskId: null,
  providerKey: named === 'by row' ? null : `${ord}:${kind}:1`,
  status: 'sent',
  attempt: 1,
  amount: 1999,
  currency: 'EUR',
  providerReference: null,
  declineCode: null,
  detail: null,
  doubt: null,
  looks: 0,
  waitsFor: null,
  failureReason: null,
  stripeAccount: null,
  createdAt: new Date(),
  sentAt: new Date(),
  paymentAttempt: 1,
  actionExpiresAt: null,
  captureBefore: null,
  mayTryAnotherCard: false,
  settledAt: null,
});

let server: Server;
let gateway: StripeGateway;
let sent: string[];
let account: string | string[] | undefined;

beforeAll(async () => {
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (bytes) => (body += bytes));
    request.on('end', () => {
      const parameters = decodeURIComponent(body).split('&').sort();
      sent = [`${request.method} ${request.url}`, String(request.headers['idempotency-key']), ...parameters];
      account = request.headers['stripe-account'];
      response.setHeader('content-type', 'application/json').end('{"id":"pi_1","status":"succeeded"}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  gateway = new StripeGateway({
    stripeApiUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stripeSecretKey: 'sk_test_unit',
    paymentTimeoutMs: 20_000,
  });
});
afterAll(() => new Promise((resolve) => server.close(resolve)));

async function sentFor(
  asked: PaymentOperation,
  installation?: string,
  options: SentOptions = {},
  asksDeadline = false,
): Promise<string[]> {
  const request = { ...namesOf(asked, installation), amount: asked.amount, currency: asked.currency };
  // The result does not matter: the response fits none of the requests.
  if (asked.kind === 'authorize' || asked.kind === 'charge')
    await gateway[asked.kind]({ ...request, paymentMethod: 'pm_card_visa', options, asksDeadline }).catch(
      () => undefined,
    );
  else await gateway[asked.kind]({ ...request, authorization: 'pi_1' }).catch(() => undefined);
  return sent;
}

const payment = [
  'allowed_payment_method_types[0]=card',
  'amount=1999',
  'capture_method=manual',
  'confirm=true',
  'currency=eur',
];

it.each<[OperationKind, string[]]>([
  [
    'authorize',
    [
      'POST /v1/payment_intents',
      `${ord}:authorize:1`,
      ...payment,
      'metadata[kind]=authorize',
      'metadata[number]=1',
      `metadata[orderId]=${ord}`,
      'payment_method=pm_card_visa',
    ],
  ],
  ['capture', ['POST /v1/payment_intents/pi_1/capture', `${ord}:capture:1`, 'amount_to_capture=1999']],
  ['void', ['POST /v1/payment_intents/pi_1/cancel', `${ord}:void:1`, '']],
  [
    'refund',
    [
      'POST /v1/refunds',
      `${ord}:refund:1`,
      'amount=1999',
      'metadata[kind]=refund',
      'metadata[number]=1',
      `metadata[orderId]=${ord}`,
      'payment_intent=pi_1',
    ],
  ],
])('Stripe gets these parameters for the %s of a saga of code version 2', async (kind, expected) => {
  expect(await sentFor(operation(kind, 'by purpose'))).toEqual(expected);
});

it.each<[OperationKind, string[]]>([
  [
    'authorize',
    [
      'POST /v1/payment_intents',
      pay,
      ...payment,
      `metadata[operationId]=${pay}`,
      `metadata[orderId]=${ord}`,
      'payment_method=pm_card_visa',
    ],
  ],
  ['capture', ['POST /v1/payment_intents/pi_1/capture', pay, 'amount_to_capture=1999']],
  ['void', ['POST /v1/payment_intents/pi_1/cancel', pay, '']],
  [
    'refund',
    [
      'POST /v1/refunds',
      pay,
      'amount=1999',
      `metadata[operationId]=${pay}`,
      `metadata[orderId]=${ord}`,
      'payment_intent=pi_1',
    ],
  ],
])('Stripe gets these parameters for the %s of a saga of code version 1', async (kind, expected) => {
  expect(await sentFor(operation(kind, 'by row'))).toEqual(expected);
});

it('Stripe gets one payment that captures itself for a charge', async () => {
  const charged = await sentFor(operation('charge', 'by purpose'), 'ins_1');
  expect(charged).toEqual([
    'POST /v1/payment_intents',
    `${ord}:charge:1`,
    ...payment.map((line) => line.replace('manual', 'automatic')),
    'metadata[installation]=ins_1',
    'metadata[kind]=charge',
    'metadata[number]=1',
    `metadata[orderId]=${ord}`,
    'payment_method=pm_card_visa',
  ]);
});

it('Stripe is asked for the charge too where the deadline of an authorization is needed', async () => {
  const without = await sentFor(operation('authorize', 'by purpose'), 'ins_1');
  const asked = await sentFor(operation('authorize', 'by purpose'), 'ins_1', {}, true);
  expect(asked).toEqual([...without.slice(0, 2), ...[...without.slice(2), 'expand[0]=latest_charge'].sort()]);
});

it('Stripe gets the installation too for a saga of code version 3', async () => {
  const withIt = await sentFor(operation('authorize', 'by purpose'), 'ins_1');
  const without = await sentFor(operation('authorize', 'by purpose'));
  expect(withIt).toEqual([
    ...without.slice(0, 2),
    ...[...without.slice(2), 'metadata[installation]=ins_1'].sort(),
  ]);
});

describe('from code version 4 on', () => {
  const all: SentOptions = {
    customer: 'cus_42',
    offSession: true,
    setupFutureUsage: 'off_session',
    returnUrl: 'https://shop.example/done',
    statementSuffix: 'ORDER 4711',
    receiptEmail: 'buyer@example.com',
  };
  const plain = () => sentFor(operation('authorize', 'by purpose'));
  const addedBy = async (options: SentOptions) => {
    const without = await plain();
    const parameters = await sentFor(operation('authorize', 'by purpose'), undefined, options);
    expect(parameters).toEqual(expect.arrayContaining(without));
    return parameters.filter((parameter) => !without.includes(parameter));
  };

  it('Stripe gets the options of a payment', async () => {
    expect(await addedBy(all)).toEqual([
      'customer=cus_42',
      'off_session=true',
      'receipt_email=buyer@example.com',
      'return_url=https://shop.example/done',
      'setup_future_usage=off_session',
      'statement_descriptor_suffix=ORDER 4711',
    ]);
  });

  it.each<[SentOptions, string[]]>([
    [{}, []],
    [{ offSession: false }, []],
    [{ customer: 'cus_42' }, ['customer=cus_42']],
    [{ receiptEmail: 'buyer@example.com' }, ['receipt_email=buyer@example.com']],
  ])('Stripe gets nothing that the shop left out: %j', async (options, added) => {
    expect(await addedBy(options)).toEqual(added);
  });

  it.each<OperationKind>(['authorize', 'capture', 'void', 'refund'])(
    'the account of an operation is a header of its %s, and changes nothing else',
    async (kind) => {
      const own = await sentFor(operation(kind, 'by purpose'));
      expect(account).toBeUndefined();
      const connected = { ...operation(kind, 'by purpose'), stripeAccount: 'acct_berlin' };

      expect(await sentFor(connected)).toEqual(own);
      expect(account).toBe('acct_berlin');
    },
  );

  it.each<OperationKind>(['authorize', 'capture', 'void', 'refund'])(
    'a look for the %s is made at its account, by reference and by search',
    async (kind) => {
      const { metadata } = namesOf(operation(kind, 'by purpose'));
      const look = { kind, account: 'acct_berlin', metadata };
      for (const authorization of kind === 'refund' ? ['pi_1'] : ['pi_1', null]) {
        account = undefined;
        await gateway.look({ ...look, authorization });
        expect(account).toBe('acct_berlin');
      }
    },
  );
});

it('names the cell in the metadata of an order of another cell than 0, whose payments earlier builds made', () => {
  const inCell = (digits: string) => ({
    ...operation('authorize', 'by purpose'),
    orderId: `01936a3e-8f00-7${digits}0-8000-000000000001`,
  });
  expect(namesOf(inCell('00')).metadata).not.toHaveProperty('cell');
  expect(namesOf(inCell('ab')).metadata).toMatchObject({ cell: '171' });
});
