import type Stripe from 'stripe';
import { Receiver, TestSandbox, errorOf, eventually, newOrderId, patienceMs, payment } from './harness';

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

/** Long enough to look at the state before it, short enough to wait for. */
const laterMs = 2 * patienceMs;

async function authorized(paymentMethod: string, orderId = newOrderId()) {
  const intent = await stripe.paymentIntents.create(payment(orderId, paymentMethod), {
    idempotencyKey: `${orderId} authorize`,
  });
  return { orderId, id: intent.id, intent };
}

async function captured(paymentMethod: string) {
  const { orderId, id } = await authorized(paymentMethod);
  await stripe.paymentIntents.capture(id);
  return { orderId, id };
}

const look = (id: string) => stripe.paymentIntents.retrieve(id, { expand: ['latest_charge'] });
const chargeOf = async (id: string) => (await look(id)).latest_charge as Stripe.Charge;

const becomes = (id: string, status: string) =>
  eventually(async () => {
    const intent = await look(id);
    return intent.status === status && intent;
  });

/** The types of the events of one intent that have arrived. */
const eventsOf = (id: string) =>
  receiver.delivered
    .map(({ event }) => ({
      type: event.type,
      object: event.data.object as { id: string; payment_intent?: string },
    }))
    .filter(({ object }) => object.id === id || object.payment_intent === id)
    .map(({ type }) => type);

const arrives = (id: string, type: string) =>
  eventually(() => eventsOf(id).includes(type as Stripe.Event.Type));

describe('a 500 that is saved under its key', () => {
  const kinds = ['authorize', 'capture', 'void', 'refund'] as const;
  type Kind = (typeof kinds)[number];

  /** What the request of this kind moves when it is done. */
  const column = {
    authorize: 'authorized',
    capture: 'captured',
    void: 'voided',
    refund: 'refunded',
  } as const;

  async function given(kind: Kind, paymentMethod: string) {
    const orderId = newOrderId();
    if (kind === 'authorize')
      return {
        orderId,
        ask: (idempotencyKey: string) =>
          stripe.paymentIntents.create(payment(orderId, paymentMethod), { idempotencyKey }),
      };
    const { id } = await authorized(paymentMethod, orderId);
    if (kind === 'refund') await stripe.paymentIntents.capture(id);
    const calls = {
      capture: (idempotencyKey: string) => stripe.paymentIntents.capture(id, {}, { idempotencyKey }),
      void: (idempotencyKey: string) => stripe.paymentIntents.cancel(id, {}, { idempotencyKey }),
      refund: (idempotencyKey: string) => stripe.refunds.create({ payment_intent: id }, { idempotencyKey }),
    };
    return { orderId, ask: calls[kind] as (idempotencyKey: string) => Promise<unknown> };
  }

  it.each(kinds)('is repeated although the %s was done', async (kind) => {
    const { orderId, ask } = await given(kind, `pm_sandbox_saved_500_${kind}`);
    const first = await errorOf(ask('one' + orderId));
    expect(first).toMatchObject({ statusCode: 500, rawType: 'api_error' });
    expect(first.headers?.['idempotent-replayed']).toBeUndefined();
    expect(await sandbox.row(orderId)).toMatchObject({ [column[kind]]: 1999 });

    const again = await errorOf(ask('one' + orderId));
    expect(again).toMatchObject({ statusCode: 500, rawType: 'api_error' });
    expect(again.headers).toMatchObject({
      'idempotent-replayed': 'true',
      'original-request': first.requestId,
    });
    expect(await sandbox.row(orderId)).toMatchObject({ [column[kind]]: 1999 });
  });

  it.each(kinds)('is repeated although the %s was not done, and a new key does it', async (kind) => {
    const { orderId, ask } = await given(kind, `pm_sandbox_saved_500_undone_${kind}`);
    const statuses: unknown[] = [];
    for (let i = 0; i < 2; i++) {
      const error = await errorOf(ask('one' + orderId));
      statuses.push([error.statusCode, error.headers?.['idempotent-replayed']]);
    }
    expect(statuses).toEqual([
      [500, undefined],
      [500, 'true'],
    ]);
    expect((await sandbox.row(orderId))?.[column[kind]] ?? 0).toBe(0);

    await ask('two' + orderId);
    expect(await sandbox.row(orderId)).toMatchObject({ [column[kind]]: 1999 });
  });

  it('leaves webhooks of what was done', async () => {
    const { orderId } = await given('authorize', 'pm_card_visa');
    await errorOf(authorized('pm_sandbox_saved_500_authorize', orderId));
    const { data } = await stripe.paymentIntents.search({ query: `metadata['orderId']:'${orderId}'` });
    await arrives(data[0]!.id, 'payment_intent.amount_capturable_updated');
  });
});

describe('processing', () => {
  it('ends by itself, and the saved response goes on saying processing', async () => {
    const { orderId, id, intent } = await authorized(`pm_sandbox_processing_${laterMs}`);
    expect(intent).toMatchObject({
      status: 'processing',
      amount_capturable: 0,
      processing: { type: 'card' },
    });
    expect(await sandbox.row(orderId)).toMatchObject({ authorized: 0 });
    for (const call of [stripe.paymentIntents.capture(id), stripe.paymentIntents.cancel(id)])
      expect(await errorOf(call)).toMatchObject({ code: 'payment_intent_unexpected_state' });

    expect(await becomes(id, 'requires_capture')).toMatchObject({
      amount_capturable: 1999,
      processing: null,
    });
    expect(await sandbox.row(orderId)).toMatchObject({ authorized: 1999 });
    expect((await authorized(`pm_sandbox_processing_${laterMs}`, orderId)).intent.status).toBe('processing');
    await arrives(id, 'payment_intent.amount_capturable_updated');
    expect(eventsOf(id)).toEqual(['payment_intent.processing', 'payment_intent.amount_capturable_updated']);
  });
});

describe('an intent that requires the buyer to act', () => {
  const method = 'pm_sandbox_requires_action';
  const authenticate = (id: string, body: object) =>
    sandbox.post<Stripe.PaymentIntent & { error?: { code: string } }>(
      `/payment_intents/${id}/authenticate`,
      body,
    );

  it('is authorized when the buyer authenticates', async () => {
    const { orderId, id, intent } = await authorized(method);
    expect(intent).toMatchObject({
      status: 'requires_action',
      next_action: { type: 'use_stripe_sdk' },
      latest_charge: null,
      client_secret: expect.stringMatching(`^${id}_secret_`) as string,
    });
    expect(await sandbox.row(orderId)).toMatchObject({ authorized: 0 });

    expect(await authenticate(id, { outcome: 'success' })).toMatchObject({
      status: 200,
      body: { status: 'requires_capture', next_action: null },
    });
    await stripe.paymentIntents.capture(id);
    expect(await sandbox.row(orderId)).toMatchObject({ authorized: 1999, captured: 1999 });
    await arrives(id, 'payment_intent.succeeded');
    expect(eventsOf(id)).toEqual([
      'payment_intent.requires_action',
      'payment_intent.amount_capturable_updated',
      'payment_intent.succeeded',
    ]);
  });

  it('redirects the buyer to the bank when it was made with a return_url', async () => {
    const intent = await stripe.paymentIntents.create({
      ...payment(newOrderId(), method),
      return_url: 'https://shop.example/back',
    });
    expect(intent.next_action).toMatchObject({
      type: 'redirect_to_url',
      redirect_to_url: { return_url: 'https://shop.example/back' },
    });
  });

  it('can be confirmed with another card after a failed authentication', async () => {
    const { orderId, id } = await authorized(method);
    await authenticate(id, { outcome: 'failure', delayMs: 1 });
    expect(await becomes(id, 'requires_payment_method')).toMatchObject({
      payment_method: null,
      last_payment_error: { type: 'card_error', code: 'payment_intent_authentication_failure' },
    });
    await arrives(id, 'payment_intent.payment_failed');
    expect(await sandbox.row(orderId)).toMatchObject({ authorized: 0 });

    const intent = await stripe.paymentIntents.confirm(id, { payment_method: 'pm_card_visa' });
    expect(intent).toMatchObject({ id, status: 'requires_capture', last_payment_error: null });
    expect(await sandbox.row(orderId)).toMatchObject({ authorized: 1999 });
    expect(
      await errorOf(stripe.paymentIntents.confirm(id, { payment_method: 'pm_card_visa' })),
    ).toMatchObject({
      code: 'payment_intent_unexpected_state',
    });
  });

  it('cannot be authenticated any more after it was canceled, also not late', async () => {
    const { orderId, id } = await authorized(method);
    await authenticate(id, { outcome: 'success', delayMs: laterMs });
    expect((await stripe.paymentIntents.cancel(id)).status).toBe('canceled');
    expect(await authenticate(id, { outcome: 'success' })).toMatchObject({
      status: 400,
      body: { error: { code: 'payment_intent_unexpected_state' } },
    });
    const later = Date.now() + 2 * laterMs;
    await eventually(() => Date.now() >= later);
    expect((await look(id)).status).toBe('canceled');
    expect(await sandbox.row(orderId)).toMatchObject({ authorized: 0, voided: 0 });
  });

  it.each([{ off_session: true }, { error_on_requires_action: true }])(
    'is declined with %j',
    async (extra) => {
      const error = await errorOf(
        stripe.paymentIntents.create({ ...payment(newOrderId(), method), ...extra }),
      );
      expect(error).toMatchObject({ statusCode: 402, code: 'authentication_required' });
      expect(error.payment_intent?.status).toBe('requires_payment_method');
    },
  );
});

describe('a refund that does not succeed at once', () => {
  it('is pending first with refund_pending_<ms>', async () => {
    const { orderId, id } = await captured(`pm_sandbox_refund_pending_${laterMs}`);
    const refund = await stripe.refunds.create({ payment_intent: id });
    expect(refund).toMatchObject({ status: 'pending', pending_reason: 'processing' });
    expect(await sandbox.row(orderId)).toMatchObject({ refunded: 1999 });

    await eventually(async () => (await stripe.refunds.retrieve(refund.id)).status === 'succeeded');
    await arrives(id, 'refund.updated');
    expect(eventsOf(id).slice(2)).toEqual(['refund.created', 'charge.refunded', 'refund.updated']);
  });

  it('fails after it succeeded with refund_fails_<ms>, and the second one stays', async () => {
    const { orderId, id } = await captured(`pm_sandbox_refund_fails_${laterMs}`);
    const refund = await stripe.refunds.create({ payment_intent: id, metadata: { orderId } });
    expect(refund.status).toBe('succeeded');
    expect(await chargeOf(id)).toMatchObject({ amount_refunded: 1999, refunded: true });

    await arrives(id, 'refund.failed');
    expect(await stripe.refunds.retrieve(refund.id)).toMatchObject({
      status: 'failed',
      failure_reason: 'expired_or_canceled_card',
    });
    expect(await chargeOf(id)).toMatchObject({ amount_refunded: 0, refunded: false });
    expect(await sandbox.row(orderId)).toMatchObject({ captured: 1999, refunded: 0, refundsFailed: 1999 });

    const second = await stripe.refunds.create({ payment_intent: id });
    const later = Date.now() + 2 * laterMs;
    await eventually(() => Date.now() >= later);
    expect((await stripe.refunds.retrieve(second.id)).status).toBe('succeeded');
    expect(await sandbox.row(orderId)).toMatchObject({ refunded: 1999, refundsFailed: 1999 });
  });
});

describe('an authorization', () => {
  it('ends by itself with authorization_expires_<ms>', async () => {
    const { orderId, id } = await authorized(`pm_sandbox_authorization_expires_${laterMs}`);
    expect(await chargeOf(id)).toMatchObject({
      payment_method_details: { card: { capture_before: expect.any(Number) as number } },
    });
    expect(await becomes(id, 'canceled')).toMatchObject({
      cancellation_reason: 'automatic',
      amount_capturable: 0,
      amount_received: 0,
      latest_charge: { captured: false, refunded: true, amount_refunded: 1999 },
    });
    expect(await sandbox.row(orderId)).toMatchObject({ authorized: 1999, voided: 1999, captured: 0 });
    await arrives(id, 'payment_intent.canceled');
    expect(eventsOf(id).slice(1)).toEqual(['charge.expired', 'charge.refunded', 'payment_intent.canceled']);
    expect(await errorOf(stripe.paymentIntents.capture(id))).toMatchObject({
      code: 'payment_intent_unexpected_state',
    });
  });

  it('does not end when it was captured before', async () => {
    const { orderId, id } = await captured(`pm_sandbox_authorization_expires_${laterMs}`);
    const later = Date.now() + 2 * laterMs;
    await eventually(() => Date.now() >= later);
    expect((await look(id)).status).toBe('succeeded');
    expect(await sandbox.row(orderId)).toMatchObject({ captured: 1999, voided: 0 });
  });

  it('is for half of the amount with partial_authorization', async () => {
    const { orderId, intent } = await authorized('pm_sandbox_partial_authorization');
    expect(intent).toMatchObject({ status: 'requires_capture', amount: 1999, amount_capturable: 1000 });
    expect(await chargeOf(intent.id)).toMatchObject({
      payment_method_details: { card: { amount_authorized: 1000 } },
    });
    expect(await sandbox.row(orderId)).toMatchObject({ authorized: 1000 });
    await stripe.paymentIntents.cancel(intent.id);
    expect(await sandbox.row(orderId)).toMatchObject({ authorized: 1000, voided: 1000 });
  });

  it('with a saved card needs its customer', async () => {
    const params = payment(newOrderId(), 'pm_sandbox_saved_card');
    const error = await errorOf(stripe.paymentIntents.create(params));
    expect(error).toMatchObject({
      statusCode: 400,
      rawType: 'invalid_request_error',
      param: 'payment_method',
      message: expect.stringContaining('Please include the Customer in the `customer` parameter') as string,
    });
    const intent = await stripe.paymentIntents.create({ ...params, customer: 'cus_1' });
    expect(intent).toMatchObject({ status: 'requires_capture', customer: 'cus_1' });
  });
});

describe('a voided authorization', () => {
  it('looks refunded although nothing was captured, and its refund carries no metadata', async () => {
    const { id } = await authorized('pm_card_visa');
    await stripe.paymentIntents.cancel(id);
    expect(await chargeOf(id)).toMatchObject({ captured: false, refunded: true, amount_refunded: 1999 });
    const { data } = await stripe.refunds.list({ payment_intent: id });
    expect(data).toEqual([expect.objectContaining({ amount: 1999, status: 'succeeded', metadata: {} })]);
  });
});

describe('a dispute', () => {
  it('opens after the capture with disputed_<ms>, and blocks refunds', async () => {
    const { orderId, id } = await captured('pm_sandbox_disputed_1');
    await arrives(id, 'charge.dispute.funds_withdrawn');
    expect((await chargeOf(id)).disputed).toBe(true);
    expect(await sandbox.row(orderId)).toMatchObject({ captured: 1999, disputed: 1999 });
    expect(await errorOf(stripe.refunds.create({ payment_intent: id }))).toMatchObject({
      code: 'charge_disputed',
    });
  });

  it.each([
    ['won', ['charge.dispute.funds_reinstated', 'charge.dispute.closed'], 0],
    ['lost', ['charge.dispute.closed'], 1000],
  ])('is opened by the operator’s route and ends %s', async (outcome, types, disputed) => {
    const { orderId, id } = await captured('pm_card_visa');
    const { body: opened } = await sandbox.post<Stripe.Dispute>('/disputes', {
      payment_intent: id,
      amount: 1000,
      reason: 'product_not_received',
      outcome,
      afterMs: laterMs,
    });
    expect(opened).toMatchObject({ status: 'needs_response', amount: 1000, reason: 'product_not_received' });
    expect(await sandbox.post(`/disputes/${opened.id}`, { status: 'under_review' })).toMatchObject({
      body: { status: 'under_review' },
    });
    await arrives(id, 'charge.dispute.closed');
    expect(eventsOf(id).slice(2)).toEqual([
      'charge.dispute.created',
      'charge.dispute.funds_withdrawn',
      'charge.dispute.updated',
      ...types,
    ]);
    expect(await sandbox.row(orderId)).toMatchObject({ disputed });
    expect((await sandbox.post(`/disputes/${opened.id}`, { status: 'lost' })).status).toBe(400);
  });

  it('is refused for money that was not captured, and the second time', async () => {
    const { id } = await authorized('pm_card_visa');
    expect((await sandbox.post('/disputes', { payment_intent: id })).status).toBe(400);
    await stripe.paymentIntents.capture(id);
    expect((await sandbox.post('/disputes', { payment_intent: id })).status).toBe(200);
    expect((await sandbox.post('/disputes', { payment_intent: id })).status).toBe(400);
  });
});

describe('a refund in the dashboard', () => {
  it('moves money without the client’s metadata, and never more than is left', async () => {
    const { orderId, id } = await captured('pm_card_visa');
    const { body } = await sandbox.post<Stripe.Refund>('/refunds', { payment_intent: id, amount: 500 });
    expect(body).toMatchObject({ object: 'refund', amount: 500, status: 'succeeded', metadata: {} });
    expect(await sandbox.row(orderId)).toMatchObject({ refunded: 500, refundedByOperator: 500 });
    expect((await sandbox.post('/refunds', { payment_intent: id, amount: 1500 })).status).toBe(400);

    await stripe.refunds.create({ payment_intent: id });
    expect(await sandbox.row(orderId)).toMatchObject({ refunded: 1999, refundedByOperator: 500 });
    await arrives(id, 'charge.refunded');
  });
});

describe('a request that is refused for a while', () => {
  it('gets 429 without Retry-After with rate_limited_bare_<n>', async () => {
    const ask = () => authorized('pm_sandbox_rate_limited_bare_1', 'ord_bare');
    const error = await errorOf(ask());
    expect(error).toMatchObject({ statusCode: 429, rawType: 'invalid_request_error', code: 'rate_limit' });
    expect(error.headers).not.toHaveProperty('retry-after');
    await ask();
  });

  it('gets 429 lock_timeout with lock_timeout_<n>, once for each kind', async () => {
    const { id } = await authorized('pm_sandbox_lock_timeout_1');
    for (const ask of [
      () => stripe.paymentIntents.capture(id),
      () => stripe.refunds.create({ payment_intent: id }),
    ]) {
      expect(await errorOf(ask())).toMatchObject({ statusCode: 429, code: 'lock_timeout' });
      await ask();
    }
  });
});

describe('a 500 that is saved under its key, after a restart', () => {
  it.each(['pm_sandbox_saved_500_authorize', 'pm_sandbox_saved_500_undone_authorize'])(
    'is repeated with %s',
    async (paymentMethod) => {
      const own = await TestSandbox.start();
      try {
        const ask = () =>
          errorOf(
            own.stripe().paymentIntents.create(payment('ord_saved', paymentMethod), { idempotencyKey: 'k' }),
          );
        const first = await ask();
        await own.close();
        await own.open();
        expect((await ask()).headers).toMatchObject({
          'idempotent-replayed': 'true',
          'original-request': first.requestId,
        });
      } finally {
        await own.stop();
      }
    },
  );
});

describe('what happens by itself', () => {
  it('still happens after a restart, once', async () => {
    const own = await TestSandbox.start();
    try {
      const ids: Record<string, string> = {};
      for (const method of ['processing', 'authorization_expires', 'refund_fails', 'disputed']) {
        const { id } = await own
          .stripe()
          .paymentIntents.create(payment(method, `pm_sandbox_${method}_${laterMs}`));
        ids[method] = id;
      }
      for (const method of ['refund_fails', 'disputed'])
        await own.stripe().paymentIntents.capture(ids[method]!);
      await own.stripe().refunds.create({ payment_intent: ids.refund_fails! });
      await own.close();
      await own.open();
      await eventually(
        async () =>
          (await own.row('processing'))?.authorized === 1999 &&
          (await own.row('authorization_expires'))?.voided === 1999 &&
          (await own.row('refund_fails'))?.refundsFailed === 1999 &&
          (await own.row('disputed'))?.disputed === 1999,
      );
      const before = await own.get('/sandbox/ledger');
      await own.close();
      await own.open();
      expect(await own.get('/sandbox/ledger')).toEqual(before);
    } finally {
      await own.stop();
    }
  });
});
