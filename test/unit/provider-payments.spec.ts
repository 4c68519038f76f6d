import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { publicId } from '../../src/ids';
import { ProviderAway } from '../../src/payment/provider-away';
import { StripePayments } from '../../src/payment/provider-payments';

/** Stripe's objects as its documentation shows them, cut to the fields that are read. */
const orderId = '01936a3e-8f00-7000-8000-000000000001';
const ord = publicId('ord', orderId);

const intent = (id: string, more: object = {}) => ({
  id,
  object: 'payment_intent',
  status: 'succeeded',
  amount: 1999,
  amount_capturable: 0,
  amount_received: 1999,
  currency: 'eur',
  created: 1_790_000_000,
  canceled_at: null,
  cancellation_reason: null,
  metadata: { orderId: ord, kind: 'authorize', number: '1' },
  latest_charge: {
    id: 'ch_1',
    object: 'charge',
    payment_method_details: { card: { capture_before: 1_790_500_000 } },
  },
  ...more,
});
const refund = (id: string, more: object = {}) => ({
  id,
  object: 'refund',
  amount: 500,
  currency: 'eur',
  status: 'failed',
  failure_reason: 'lost_or_stolen_card',
  metadata: {},
  payment_intent: 'pi_1',
  created: 1_790_000_100,
  ...more,
});
const dispute = (id: string, more: object = {}) => ({
  id,
  object: 'dispute',
  amount: 1999,
  currency: 'eur',
  status: 'needs_response',
  reason: 'fraudulent',
  evidence_details: { due_by: 1_791_000_000 },
  payment_intent: 'pi_1',
  created: 1_790_000_200,
  ...more,
});

let server: Server;
let payments: StripePayments;
let asked: string[];
/** Path with its query → what Stripe answers. */
let answers: Record<string, object | undefined>;
/** Answers 503 to everything. */
let isDown = false;
/** Paths that are answered with 429 the first time. */
let busyOnce = new Set<string>();

beforeAll(async () => {
  server = createServer((request, response) => {
    const path = decodeURIComponent(request.url!);
    const key = request.headers['idempotency-key'];
    asked.push([request.method, path, ...(key ? [key] : [])].join(' '));
    const answer = answers[path];
    const refused = { error: { type: 'invalid_request_error', message: `nothing at ${path}` } };
    if (busyOnce.delete(path))
      return void response
        .writeHead(429, { 'retry-after': '0.01' })
        .end(JSON.stringify({ error: { type: 'invalid_request_error', code: 'rate_limit' } }));
    response.statusCode = isDown ? 503 : !answer ? 400 : 'error' in answer ? 404 : 200;
    if (isDown) response.setHeader('retry-after', '0.01');
    response.setHeader('content-type', 'application/json').end(JSON.stringify(answer ?? refused));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  payments = new StripePayments({
    stripeApiUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stripeSecretKey: 'sk_test_unit',
    paymentTimeoutMs: 20_000,
  });
});
beforeEach(() => {
  asked = [];
  answers = {};
});
afterAll(() => new Promise((resolve) => server.close(resolve)));

const list = (data: { id: string }[], hasMore = false) => ({ object: 'list', data, has_more: hasMore });
const intentAt = (id: string) => `/v1/payment_intents/${id}?expand[0]=latest_charge`;
const ofIntent = (kind: string, id: string) => `/v1/${kind}?payment_intent=${id}&limit=100`;

describe('StripePayments.get', () => {
  it('reads an intent with its refunds, its disputes and the end of its authorization', async () => {
    answers = {
      [intentAt('pi_1')]: intent('pi_1'),
      [ofIntent('refunds', 'pi_1')]: list([refund('re_1')]),
      [ofIntent('disputes', 'pi_1')]: list([dispute('dp_1')]),
    };
    expect(await payments.get('pi_1')).toEqual({
      account: null,
      reference: 'pi_1',
      orderId,
      kind: 'authorize',
      number: 1,
      installation: null,
      status: 'succeeded',
      amount: 1999,
      capturable: 0,
      received: 1999,
      currency: 'EUR',
      createdAt: new Date(1_790_000_000_000),
      canceledAt: null,
      cancellationReason: null,
      captureBefore: new Date(1_790_500_000_000),
      refunds: [
        {
          reference: 're_1',
          amount: 500,
          currency: 'EUR',
          status: 'failed',
          failureReason: 'lost_or_stolen_card',
          request: null,
          orderId: null,
          kind: null,
          number: null,
          createdAt: new Date(1_790_000_100_000),
        },
      ],
      disputes: [
        {
          reference: 'dp_1',
          amount: 1999,
          currency: 'EUR',
          status: 'needs_response',
          reason: 'fraudulent',
          dueBy: new Date(1_791_000_000_000),
          createdAt: new Date(1_790_000_200_000),
        },
      ],
    });
  });

  it('asks for no refunds and disputes of an intent that captured nothing', async () => {
    answers = { [intentAt('pi_1')]: intent('pi_1', { status: 'canceled', amount_received: 0 }) };
    expect(await payments.get('pi_1')).toMatchObject({ status: 'canceled', refunds: [], disputes: [] });
    expect(asked).toEqual([`GET ${intentAt('pi_1')}`]);
  });

  it('reads every page of refunds', async () => {
    answers = {
      [intentAt('pi_1')]: intent('pi_1'),
      [ofIntent('refunds', 'pi_1')]: list([refund('re_1')], true),
      [`${ofIntent('refunds', 'pi_1')}&starting_after=re_1`]: list([refund('re_2')]),
      [ofIntent('disputes', 'pi_1')]: list([]),
    };
    const { refunds } = await payments.get('pi_1');
    expect(refunds.map(({ reference }) => reference)).toEqual(['re_1', 're_2']);
  });

  it('takes metadata that name no order or no number for those of somebody else', async () => {
    const metadata = { orderId: '4711', number: 'first' };
    answers = { [intentAt('pi_1')]: intent('pi_1', { amount_received: 0, metadata }) };
    expect(await payments.get('pi_1')).toMatchObject({ orderId: null, kind: null, number: null });
  });

  it('rejects when the provider does not answer', async () => {
    await expect(payments.get('pi_1')).rejects.toThrow('nothing at');
  });
});

describe('StripePayments.ofOrder', () => {
  it('reads intents by reference and by metadata, each once and none from the lagging search', async () => {
    answers = {
      [`/v1/payment_intents/search?query=metadata['orderId']:'${ord}'&limit=100`]: list([
        intent('pi_1', { status: 'requires_capture' }),
        intent('pi_2'),
      ]),
      [intentAt('pi_1')]: intent('pi_1', { status: 'canceled', amount_received: 0 }),
      [intentAt('pi_2')]: intent('pi_2', { status: 'requires_capture', amount_received: 0 }),
    };
    const found = await payments.ofOrder(orderId, ['pi_1']);
    expect(found.map(({ reference, status }) => [reference, status])).toEqual([
      ['pi_1', 'canceled'],
      ['pi_2', 'requires_capture'],
    ]);
  });

  it('leaves out a reference that the provider does not have, and rejects when it does not answer', async () => {
    const search = `/v1/payment_intents/search?query=metadata['orderId']:'${ord}'&limit=100`;
    const missing = {
      error: { type: 'invalid_request_error', code: 'resource_missing', message: 'No such' },
    };
    answers = {
      [search]: list([]),
      [intentAt('pi_1')]: intent('pi_1', { amount_received: 0 }),
      [intentAt('pi_gone')]: missing,
    };
    expect(await payments.ofOrder(orderId, ['pi_1', 'pi_gone'])).toMatchObject([{ reference: 'pi_1' }]);
    await expect(payments.ofOrder(orderId, ['pi_1', 'pi_broken'])).rejects.toThrow('nothing at');
  });
});

describe('StripePayments.createdBetween', () => {
  const [from, to] = [new Date(1_790_000_000_000), new Date(1_790_086_400_000)];
  const since = 'created[gte]=1790000000';
  const period = `${since}&created[lt]=1790086400&limit=100`;
  const pageAfter = (id: string) =>
    `/v1/payment_intents?${period}${id && `&starting_after=${id}`}&expand[0]=data.latest_charge`;
  const page = pageAfter('');

  it('pages through intents, with refunds and disputes that cost no call for each', async () => {
    answers = {
      [page]: list([intent('pi_1')], true),
      [pageAfter('pi_1')]: list([intent('pi_2')]),
      [`/v1/refunds?${period}`]: list([refund('re_1', { payment_intent: 'pi_2' })]),
      [`/v1/disputes?${period}`]: list([dispute('dp_1')]),
    };
    const pages: string[] = [];
    for await (const found of payments.createdBetween(from, to))
      for (const { reference, refunds, disputes } of found)
        pages.push(`${reference}: ${refunds.length} refunds, ${disputes.length} disputes`);
    expect(pages).toEqual(['pi_1: 0 refunds, 1 disputes', 'pi_2: 1 refunds, 0 disputes']);
    expect(asked).toHaveLength(4);
  });

  it('does not take what was set aside and never captured for a refund', async () => {
    const released = (id: string, payment: string, amount: number) =>
      refund(id, { payment_intent: payment, amount, status: 'succeeded', failure_reason: null });
    answers = {
      [page]: list([
        intent('pi_void', { status: 'canceled', amount_received: 0 }),
        intent('pi_part', { amount_received: 1500 }),
      ]),
      [`/v1/refunds?${period}`]: list([
        released('re_void', 'pi_void', 1999),
        released('re_rest', 'pi_part', 499),
        released('re_dashboard', 'pi_part', 500),
      ]),
      [`/v1/disputes?${period}`]: list([]),
    };
    const found: string[] = [];
    for await (const pageOf of payments.createdBetween(from, to))
      for (const { reference, refunds } of pageOf)
        found.push(`${reference}: ${refunds.map((one) => one.reference).join()}`);
    expect(found).toEqual(['pi_void: ', 'pi_part: re_dashboard']);
  });

  it('ends with older intents whose refund or dispute is of the period', async () => {
    answers = {
      [page]: list([]),
      [`/v1/refunds?${period}`]: list([refund('re_1', { payment_intent: 'pi_old' })]),
      [`/v1/disputes?${period}`]: list([dispute('dp_1', { payment_intent: 'pi_older' })]),
      [intentAt('pi_old')]: intent('pi_old', { created: 1_780_000_000 }),
      [ofIntent('refunds', 'pi_old')]: list([refund('re_1'), refund('re_0')]),
      [ofIntent('disputes', 'pi_old')]: list([]),
      [intentAt('pi_older')]: intent('pi_older', { created: 1_770_000_000 }),
      [ofIntent('refunds', 'pi_older')]: list([]),
      [ofIntent('disputes', 'pi_older')]: list([dispute('dp_1')]),
    };
    const found: string[] = [];
    for await (const one of payments.createdBetween(from, to))
      for (const { reference, refunds } of one) found.push(`${reference}: ${refunds.length} refunds`);
    expect(found).toEqual(['pi_old: 2 refunds', 'pi_older: 0 refunds']);
  });

  it('yields after each page that it reads, so that its reader can show that it is alive', async () => {
    const many = Array.from({ length: 100 }, (_, nth) =>
      refund(`re_${nth}`, { payment_intent: `pi_${nth}` }),
    );
    answers = {
      [`/v1/refunds?${period}`]: list(many, true),
      [`/v1/refunds?${period}&starting_after=re_99`]: list([refund('re_100')]),
    };
    const reading = payments.createdBetween(from, to)[Symbol.asyncIterator]();
    expect((await reading.next()).value).toEqual([]);
    expect(asked).toHaveLength(1);
    expect((await reading.next()).value).toEqual([]);
    expect(asked).toHaveLength(2);
  });

  it('reads a page again that the provider refused once, and yields before the pause', async () => {
    answers = {
      [`/v1/refunds?${period}`]: list([]),
      [`/v1/disputes?${period}`]: list([]),
      [page]: list([intent('pi_1')], true),
      [pageAfter('pi_1')]: list([intent('pi_2')]),
    };
    busyOnce = new Set([`/v1/refunds?${period}`, pageAfter('pi_1')]);
    const pages: string[][] = [];
    for await (const found of payments.createdBetween(from, to))
      pages.push(found.map(({ reference }) => reference));
    expect(pages).toEqual([[], [], [], ['pi_1'], [], ['pi_2']]);
  });

  it('throws ProviderAway when a page cannot be read for long', async () => {
    isDown = true;
    const readAll = async () => {
      for await (const found of payments.createdBetween(from, to)) expect(found).toEqual([]);
    };
    await expect(readAll()).rejects.toBeInstanceOf(ProviderAway);
    expect(asked).toHaveLength(9);
    isDown = false;
  });
});

describe('StripePayments.withFailedRefunds', () => {
  it('reads the payments whose refund failed or was cancelled, each once', async () => {
    const [from, to] = [new Date(1_790_000_000_000), new Date(1_790_086_400_000)];
    answers = {
      '/v1/refunds?created[gte]=1790000000&created[lt]=1790086400&limit=100': list([
        refund('re_1', { payment_intent: 'pi_fine', status: 'succeeded' }),
        refund('re_2'),
        refund('re_3', { status: 'canceled' }),
      ]),
      [intentAt('pi_1')]: intent('pi_1'),
      [ofIntent('refunds', 'pi_1')]: list([refund('re_2'), refund('re_3', { status: 'canceled' })]),
      [ofIntent('disputes', 'pi_1')]: list([]),
    };
    const found: string[] = [];
    for await (const one of payments.withFailedRefunds(from, to))
      for (const { reference, refunds } of one) found.push(`${reference}: ${refunds.length} refunds`);
    expect(found).toEqual(['pi_1: 2 refunds']);
  });
});

describe('StripePayments.void', () => {
  it('sends the key and returns what the intent is then', async () => {
    answers = {
      '/v1/payment_intents/pi_1/cancel': intent('pi_1', { status: 'canceled' }),
      [intentAt('pi_1')]: intent('pi_1', { status: 'canceled', amount_received: 0 }),
    };
    expect(await payments.void('pi_1', 'key_1')).toMatchObject({ status: 'canceled' });
    expect(asked).toEqual(['POST /v1/payment_intents/pi_1/cancel key_1', `GET ${intentAt('pi_1')}`]);
  });

  it('returns what the intent is when it cannot be cancelled', async () => {
    answers = { [intentAt('pi_1')]: intent('pi_1', { amount_received: 0, status: 'succeeded' }) };
    expect(await payments.void('pi_1', 'key_1')).toMatchObject({ status: 'succeeded' });
  });
});
