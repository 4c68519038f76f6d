import Stripe from 'stripe';
import { SettingsError, readSettings } from '../../sandbox/settings';
import { TestSandbox, errorOf, newOrderId, payment, secretKey } from './harness';

let sandbox: TestSandbox;
let stripe: Stripe;

beforeAll(async () => {
  sandbox = await TestSandbox.start();
  stripe = sandbox.stripe();
});
afterAll(() => sandbox.stop());

describe('an amount', () => {
  const create = (amount: number, currency: string) =>
    stripe.paymentIntents.create({ ...payment(newOrderId()), amount, currency });

  it.each([
    ['below the minimum', 49, 'eur', 'amount_too_small'],
    ['below the minimum of its currency', 17_499, 'huf', 'amount_too_small'],
    ['above the maximum', 100_000_000, 'usd', 'amount_too_large'],
    ['with half a króna', 150, 'isk', 'parameter_invalid_integer'],
    ['with a third decimal', 1_001, 'kwd', 'parameter_invalid_integer'],
  ])('%s is refused: %i %s', async (_what, amount, currency, code) => {
    expect(await errorOf(create(amount, currency))).toMatchObject({ statusCode: 400, code, param: 'amount' });
  });

  it.each([
    [50, 'eur'],
    [17_500, 'huf'],
    [100, 'isk'],
    [1_010, 'kwd'],
    [50, 'jpy'],
    [999_999_999_999, 'idr'],
  ])('that can be charged is: %i %s', async (amount, currency) => {
    expect(await create(amount, currency)).toMatchObject({ amount, currency, status: 'requires_capture' });
  });

  it('of a capture or a refund obeys the multiple of its currency, and no minimum', async () => {
    const { id } = await create(1_000, 'isk');
    expect(await errorOf(stripe.paymentIntents.capture(id, { amount_to_capture: 150 }))).toMatchObject({
      param: 'amount_to_capture',
    });
    await stripe.paymentIntents.capture(id);
    const refund = (amount: number) => stripe.refunds.create({ payment_intent: id, amount });
    expect(await errorOf(refund(50))).toMatchObject({ param: 'amount' });
    expect((await refund(100)).amount).toBe(100);
  });
});

describe('a parameter', () => {
  it.each([
    [
      'of an older API version',
      { payment_method_types: ['card'] },
      'parameter_unknown',
      'payment_method_types',
    ],
    ['that is no customer', { customer: 'somebody' }, 'resource_missing', 'customer'],
    [
      'for a redirect is missing when any payment method is allowed, and the request',
      { allowed_payment_method_types: undefined },
      undefined,
      'return_url',
    ],
    ['that is no URL', { return_url: 'back' }, undefined, 'return_url'],
    ['that is no e-mail address', { receipt_email: 'x' }, undefined, 'receipt_email'],
    [
      'that is too long for a statement',
      { statement_descriptor_suffix: 'x'.repeat(23) },
      undefined,
      'statement_descriptor_suffix',
    ],
  ])('%s is refused: %j', async (_what, params, code, param) => {
    const error = await errorOf(
      stripe.paymentIntents.create({ ...payment(newOrderId()), ...(params as object) }),
    );
    expect(error).toMatchObject({ statusCode: 400, rawType: 'invalid_request_error', param });
    expect(error.code).toBe(code);
  });
});

describe('a response', () => {
  it('names its request and the API version', async () => {
    const { lastResponse } = await stripe.paymentIntents.create(payment(newOrderId()));
    expect(lastResponse.headers).toMatchObject({
      'request-id': expect.stringMatching(/^req_/) as string,
      'stripe-version': '2026-10-28.endive',
    });
  });

  it('to a request of another API version is 400', async () => {
    const old = stripe.paymentIntents.list({}, { apiVersion: '2019-12-03' });
    expect(await errorOf(old)).toMatchObject({
      statusCode: 400,
      message: expect.stringMatching(/2019/) as string,
    });
  });

  it('that is an error links to its code and its request', async () => {
    const error = await errorOf(stripe.paymentIntents.retrieve('pi_nowhere'));
    expect(error.raw).toMatchObject({
      doc_url: 'https://docs.stripe.com/error-codes#resource-missing',
      request_log_url: expect.stringContaining(error.requestId!) as string,
    });
  });

  it('that is a saved 500 advises against a retry, and one of a key in use is for it', async () => {
    const orderId = newOrderId();
    const failed = await errorOf(
      stripe.paymentIntents.create(payment(orderId, 'pm_sandbox_saved_500_authorize'), {
        idempotencyKey: orderId,
      }),
    );
    expect(failed.headers).toMatchObject({ 'stripe-should-retry': 'false' });

    const params = payment(orderId, 'pm_sandbox_slow_3600000');
    const ask = () =>
      stripe.paymentIntents.create(params, { idempotencyKey: `busy ${orderId}`, timeout: 300 });
    await errorOf(ask());
    expect((await errorOf(ask())).headers).toMatchObject({ 'stripe-should-retry': 'true' });
  });
});

describe('an API key', () => {
  const restrict = (body: object) => sandbox.post('/restricted-keys', body);

  it('of a live account is refused and not repeated', async () => {
    for (const key of ['sk_live_abcdef', 'rk_live_abcdef']) {
      const error = await errorOf(sandbox.stripe({ key }).paymentIntents.list());
      expect(error).toBeInstanceOf(Stripe.errors.StripeAuthenticationError);
      expect(error.message).toMatch(/live key/);
      expect(error.message).not.toContain('abcdef');
      expect(() => readSettings({ STRIPE_SECRET_KEY: key })).toThrow(SettingsError);
      expect(() => readSettings({ STRIPE_SECRET_KEY: key })).toThrow(/live key/);
    }
  });

  it('that is restricted gets 403 with the permission that it lacks', async () => {
    const key = 'rk_test_reader';
    expect(await errorOf(sandbox.stripe({ key }).events.list())).toMatchObject({ statusCode: 401 });
    await restrict({ key, permissions: ['rak_payment_intent_write', 'rak_charge_read'] });
    const restricted = sandbox.stripe({ key });

    const { id } = await restricted.paymentIntents.create(payment(newOrderId()));
    await restricted.paymentIntents.retrieve(id);
    await restricted.refunds.list();
    const lacking: [Promise<unknown>, string][] = [
      [restricted.refunds.create({ payment_intent: id }), 'rak_charge_write'],
      [restricted.disputes.list(), 'rak_dispute_read'],
      [restricted.events.list(), 'rak_event_read'],
    ];
    for (const [call, permission] of lacking) {
      const error = await errorOf(call);
      expect(error).toBeInstanceOf(Stripe.errors.StripePermissionError);
      expect(error.message).toContain(`'${permission}'`);
    }
    await restrict({ key, permissions: ['rak_event_read'] });
    await restricted.events.list();
    expect(await errorOf(restricted.paymentIntents.retrieve(id))).toMatchObject({ statusCode: 403 });
  });

  it.each([
    ['a key of another kind', { key: secretKey, permissions: [] }, 'key'],
    ['an unknown permission', { key: 'rk_test_x', permissions: ['rak_everything'] }, 'permissions'],
  ])('cannot be restricted with %s', async (_what, body, param) => {
    const response = await restrict(body);
    expect(response.status).toBe(400);
    expect(response.body).toMatchObject({ error: { param } });
  });
});
