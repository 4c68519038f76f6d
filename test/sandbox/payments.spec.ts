import Stripe from 'stripe';
import { TestSandbox, errorOf, newOrderId, payment } from './harness';

let sandbox: TestSandbox;
let stripe: Stripe;

beforeAll(async () => {
  sandbox = await TestSandbox.start();
  stripe = sandbox.stripe();
});
afterAll(() => sandbox.stop());

const authorize = (orderId: string, paymentMethod?: string) =>
  stripe.paymentIntents.create(payment(orderId, paymentMethod));

describe('POST /v1/payment_intents', () => {
  it('authorizes the whole amount without capturing it', async () => {
    const intent = await authorize(newOrderId());

    expect(intent).toMatchObject({
      object: 'payment_intent',
      status: 'requires_capture',
      amount: 1999,
      amount_capturable: 1999,
      amount_received: 0,
      currency: 'eur',
      livemode: false,
      payment_method: 'pm_card_visa',
    });
    expect(intent.id).toMatch(/^pi_/);
    expect(intent.latest_charge).toMatch(/^ch_/);
    expect(intent.lastResponse.requestId).toMatch(/^req_/);
  });

  it('makes an intent that GET finds by its id', async () => {
    const intent = await authorize(newOrderId());
    expect(await stripe.paymentIntents.retrieve(intent.id)).toEqual(intent);
  });

  it('makes an intent that the search finds by its order, beside other orders', async () => {
    const orderId = newOrderId();
    const [intent] = await Promise.all([authorize(orderId), authorize(newOrderId())]);

    const found = await stripe.paymentIntents.search({ query: `metadata['orderId']:'${orderId}'` });
    expect(found.data.map(({ id }) => id)).toEqual([intent.id]);
  });

  it('captures at once with capture_method=automatic', async () => {
    const orderId = newOrderId();
    const intent = await stripe.paymentIntents.create({ ...payment(orderId), capture_method: 'automatic' });

    expect(intent).toMatchObject({ status: 'succeeded', amount_capturable: 0, amount_received: 1999 });
    expect(await sandbox.row(orderId)).toMatchObject({ authorized: 1999, captured: 1999, voided: 0 });
  });

  it('authorizes one minor unit too much with pm_sandbox_amount_mismatch', async () => {
    const orderId = newOrderId();
    expect(await authorize(orderId, 'pm_sandbox_amount_mismatch')).toMatchObject({
      amount: 2000,
      amount_capturable: 2000,
    });
    expect(await sandbox.row(orderId)).toMatchObject({ authorized: 2000 });
  });

  it('shows the charge instead of its id with expand', async () => {
    const intent = await stripe.paymentIntents.create({
      ...payment(newOrderId()),
      expand: ['latest_charge'],
    });
    expect(intent.latest_charge).toMatchObject({ object: 'charge', captured: false, amount: 1999 });
  });
});

describe('declines', () => {
  it.each([
    ['pm_card_chargeDeclined', 'generic_decline'],
    ['pm_card_chargeDeclinedInsufficientFunds', 'insufficient_funds'],
  ])('answers 402 to an authorization with %s: %s', async (paymentMethod, declineCode) => {
    const orderId = newOrderId();
    const error = await errorOf(authorize(orderId, paymentMethod));

    expect(error).toBeInstanceOf(Stripe.errors.StripeCardError);
    expect(error).toMatchObject({ statusCode: 402, code: 'card_declined', decline_code: declineCode });
    expect(error.payment_intent).toMatchObject({
      status: 'requires_payment_method',
      last_payment_error: { code: 'card_declined', decline_code: declineCode },
    });
    expect(await sandbox.row(orderId)).toMatchObject({ authorized: 0, captured: 0, attempts: 1 });
  });

  it('leaves an authorization that can be voided when the capture is declined', async () => {
    const orderId = newOrderId();
    const { id } = await authorize(orderId, 'pm_sandbox_capture_declined');

    const error = await errorOf(stripe.paymentIntents.capture(id));
    expect(error).toBeInstanceOf(Stripe.errors.StripeCardError);
    expect(await sandbox.row(orderId)).toMatchObject({ authorized: 1999, captured: 0, voided: 0 });

    expect(await stripe.paymentIntents.cancel(id)).toMatchObject({
      status: 'canceled',
      amount_capturable: 0,
    });
    expect(await sandbox.row(orderId)).toMatchObject({
      authorized: 1999,
      captured: 0,
      voided: 1999,
      attempts: 3,
    });
  });
});

describe('the states of an intent', () => {
  type Step = 'capture' | 'void' | 'refund' | 'part of a refund' | 'part of a capture';
  const steps: Record<Step, (id: string) => Promise<unknown>> = {
    capture: (id) => stripe.paymentIntents.capture(id),
    'part of a capture': (id) => stripe.paymentIntents.capture(id, { amount_to_capture: 999 }),
    void: (id) => stripe.paymentIntents.cancel(id),
    refund: (id) => stripe.refunds.create({ payment_intent: id }),
    'part of a refund': (id) => stripe.refunds.create({ payment_intent: id, amount: 1000 }),
  };

  it.each<[Step[], string, [number, number, number]]>([
    // taken              becomes              captured, refunded, voided
    [[], 'requires_capture', [0, 0, 0]],
    [['capture'], 'succeeded', [1999, 0, 0]],
    [['part of a capture'], 'succeeded', [999, 0, 1000]],
    [['void'], 'canceled', [0, 0, 1999]],
    [['capture', 'refund'], 'succeeded', [1999, 1999, 0]],
    [['capture', 'part of a refund'], 'succeeded', [1999, 1000, 0]],
    [['capture', 'part of a refund', 'refund'], 'succeeded', [1999, 1999, 0]],
  ])(
    'after %j: %s with captured, refunded, voided %j',
    async (taken, status, [captured, refunded, voided]) => {
      const [orderId, other] = [newOrderId(), newOrderId()];
      const [{ id }] = await Promise.all([authorize(orderId), authorize(other)]);
      for (const step of taken) await steps[step](id);

      expect(await stripe.paymentIntents.retrieve(id)).toMatchObject({ status, amount_received: captured });
      expect(await sandbox.row(orderId)).toEqual({
        orderId,
        currency: 'EUR',
        authorized: 1999,
        captured,
        refunded,
        voided,
        account: null,
        refundsFailed: 0,
        refundedByOperator: 0,
        disputed: 0,
        attempts: 1 + taken.length,
      });
      expect(await sandbox.row(other)).toMatchObject({
        authorized: 1999,
        captured: 0,
        refunded: 0,
        voided: 0,
      });
    },
  );

  it.each<[Step[], Step, string | undefined]>([
    [['capture'], 'capture', 'payment_intent_unexpected_state'],
    [['capture'], 'void', 'payment_intent_unexpected_state'],
    [['void'], 'capture', 'payment_intent_unexpected_state'],
    [['void'], 'void', 'payment_intent_unexpected_state'],
    [['capture', 'refund'], 'refund', 'charge_already_refunded'],
    [['capture', 'part of a refund'], 'part of a refund', undefined],
    [[], 'refund', undefined],
  ])('after %j: refuses %s with code %s and moves no money', async (taken, refused, code) => {
    const orderId = newOrderId();
    const { id } = await authorize(orderId);
    for (const step of taken) await steps[step](id);
    const { attempts: _, ...before } = (await sandbox.row(orderId))!;

    const error = await errorOf(steps[refused](id));
    expect(error).toBeInstanceOf(Stripe.errors.StripeInvalidRequestError);
    expect(error).toMatchObject({ statusCode: 400, payment_intent: { id } });
    expect(error.code).toBe(code);
    expect(await sandbox.row(orderId)).toMatchObject(before);
  });

  it('refuses a capture above the authorized amount', async () => {
    const { id } = await authorize(newOrderId());
    const error = await errorOf(stripe.paymentIntents.capture(id, { amount_to_capture: 2000 }));
    expect(error).toMatchObject({ statusCode: 400, code: 'amount_too_large' });
  });

  it('refunds captured money, and GET finds the refund by its id', async () => {
    const { id } = await authorize(newOrderId());
    await stripe.paymentIntents.capture(id);
    const refund = await stripe.refunds.create({ payment_intent: id, metadata: { operationId: 'op_back' } });

    expect(refund).toMatchObject({ object: 'refund', status: 'succeeded', amount: 1999, payment_intent: id });
    expect(await stripe.refunds.retrieve(refund.id)).toEqual(refund);
  });
});

describe('lists', () => {
  it('show intents newest first, page by page', async () => {
    const made: string[] = [];
    for (let i = 0; i < 5; i++) made.unshift((await authorize(newOrderId())).id);

    const first = await stripe.paymentIntents.list({ limit: 3 });
    expect(first.has_more).toBe(true);
    const second = await stripe.paymentIntents.list({ limit: 2, starting_after: first.data[2]!.id });
    expect([...first.data, ...second.data].map(({ id }) => id)).toEqual(made);
  });

  it('show the refunds of one intent newest first, without those of another', async () => {
    const [one, other] = [await authorize(newOrderId()), await authorize(newOrderId())];
    for (const { id } of [one, other]) await stripe.paymentIntents.capture(id);
    const refund = (payment_intent: string, amount: number) =>
      stripe.refunds.create({ payment_intent, amount });
    const made = [await refund(one.id, 1), await refund(one.id, 2)];
    const another = await refund(other.id, 3);

    expect((await stripe.refunds.list({ payment_intent: one.id })).data.map(({ id }) => id)).toEqual(
      made.map(({ id }) => id).reverse(),
    );
    expect((await stripe.refunds.list({ limit: 1 })).data[0]).toEqual(
      expect.objectContaining({ id: another.id }),
    );
  });

  it('show events with the state right after their cause', async () => {
    const { id } = await authorize(newOrderId());
    await stripe.paymentIntents.capture(id);

    const [captured, authorized] = (await stripe.events.list({ limit: 2 })).data;
    expect(captured).toMatchObject({
      type: 'payment_intent.succeeded',
      data: { object: { id, status: 'succeeded' } },
    });
    expect(authorized).toMatchObject({
      type: 'payment_intent.amount_capturable_updated',
      data: { object: { id, status: 'requires_capture' } },
    });
    expect(await stripe.events.retrieve(captured!.id)).toEqual(captured);
  });
});

describe('invalid requests', () => {
  const valid = payment('ord_unreadable');
  it.each<[string, object, string | undefined, string]>([
    ['no amount', { ...valid, amount: undefined }, 'parameter_missing', 'amount'],
    ['half a minor unit', { ...valid, amount: 19.99 }, 'parameter_invalid_integer', 'amount'],
    ['a negative amount', { ...valid, amount: -1 }, 'parameter_invalid_integer', 'amount'],
    ['an amount of zero', { ...valid, amount: 0 }, 'parameter_invalid_integer', 'amount'],
    ['a currency that does not exist', { ...valid, currency: 'xyz' }, undefined, 'currency'],
    ['an unknown parameter', { ...valid, amuont: 1 }, 'parameter_unknown', 'amuont'],
    ['no confirmation', { ...valid, confirm: false }, 'parameter_missing', 'confirm'],
    [
      'another kind of payment',
      { ...valid, allowed_payment_method_types: ['sepa_debit'] },
      undefined,
      'allowed_payment_method_types',
    ],
    [
      'an unknown payment method',
      { ...valid, payment_method: 'pm_card_mastercat' },
      'resource_missing',
      'payment_method',
    ],
    [
      'a behaviour without its number',
      { ...valid, payment_method: 'pm_sandbox_slow_' },
      'resource_missing',
      'payment_method',
    ],
    [
      'a payment method named like a JavaScript member',
      { ...valid, payment_method: 'constructor' },
      'resource_missing',
      'payment_method',
    ],
    [
      'metadata that is too long',
      { ...valid, metadata: { orderId: 'x'.repeat(501) } },
      undefined,
      'metadata[orderId]',
    ],
  ])('names the wrong parameter: %s', async (_what, params, code, param) => {
    const error = await errorOf(stripe.paymentIntents.create(params as Stripe.PaymentIntentCreateParams));
    expect(error).toBeInstanceOf(Stripe.errors.StripeInvalidRequestError);
    expect(error).toMatchObject({ statusCode: 400, param });
    expect(error.code).toBe(code);
  });

  it.each([
    ['an intent', () => stripe.paymentIntents.retrieve('pi_nowhere')],
    ['the capture of an intent', () => stripe.paymentIntents.capture('pi_nowhere')],
    ['a refund', () => stripe.refunds.retrieve('re_nowhere')],
    ['an event', () => stripe.events.retrieve('evt_nowhere')],
  ])('answers 404 for %s that does not exist', async (_what, ask) => {
    expect(await errorOf(ask())).toMatchObject({ statusCode: 404, code: 'resource_missing' });
  });

  it("answers 404 in Stripe's shape for an unknown path", async () => {
    expect(await errorOf(stripe.customers.list())).toMatchObject({
      statusCode: 404,
      rawType: 'invalid_request_error',
    });
  });
});

describe('a wrong API key', () => {
  it('gets 401, and the message does not repeat the key', async () => {
    const error = await errorOf(sandbox.stripe({ key: 'sk_test_somebody_else' }).paymentIntents.list());
    expect(error).toBeInstanceOf(Stripe.errors.StripeAuthenticationError);
    expect(error.message).not.toContain('somebody');
  });

  it('moves nothing', async () => {
    const orderId = newOrderId();
    await errorOf(sandbox.stripe({ key: 'sk_test_somebody_else' }).paymentIntents.create(payment(orderId)));
    expect(await sandbox.row(orderId)).toBeUndefined();
  });

  it('gets 401 in Basic authentication too', async () => {
    const ask = (key: string) =>
      fetch(`${sandbox.url}/v1/events`, {
        headers: { authorization: `Basic ${Buffer.from(`${key}:`).toString('base64')}` },
      });
    expect((await ask('sk_test_holdfast_sandbox')).status).toBe(200);
    expect((await ask('sk_test_somebody_else')).status).toBe(401);
  });
});
