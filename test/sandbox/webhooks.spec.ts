import Stripe from 'stripe';
import { Receiver, TestSandbox, errorOf, eventually, newOrderId, payment, webhookSecret } from './harness';

let receiver: Receiver;
let sandbox: TestSandbox;
let stripe: Stripe;

beforeEach(async () => {
  receiver = await Receiver.start();
  sandbox = await TestSandbox.start({ webhookUrl: receiver.url, reorderQuietMs: 1_000 });
  stripe = sandbox.stripe();
});
afterEach(async () => {
  await sandbox.stop();
  await receiver.stop();
});

async function captured(paymentMethod?: string): Promise<string> {
  const { id } = await stripe.paymentIntents.create(payment(newOrderId(), paymentMethod));
  await stripe.paymentIntents.capture(id);
  return id;
}

const arrived = (count: number) => eventually(() => receiver.delivered.length >= count);

describe('webhooks', () => {
  it('have a signature that the official client accepts', async () => {
    const intent = await stripe.paymentIntents.create(payment(newOrderId()), { idempotencyKey: 'the-cause' });
    await arrived(1);

    const { body, signature } = receiver.delivered[0]!;
    const event = stripe.webhooks.constructEvent(body, signature, webhookSecret);
    expect(event).toMatchObject({
      object: 'event',
      type: 'payment_intent.amount_capturable_updated',
      livemode: false,
      data: { object: { ...intent } },
      request: { id: intent.lastResponse.requestId, idempotency_key: 'the-cause' },
    });
    expect(await stripe.events.retrieve(event.id)).toEqual(event);
  });

  it('fail verification when a digit is changed or the secret is another one', async () => {
    await captured();
    await arrived(1);
    const { body, signature } = receiver.delivered[0]!;

    const verify = (payload: string, secret: string) => () =>
      stripe.webhooks.constructEvent(payload, signature, secret);
    expect(verify(body, webhookSecret)).not.toThrow();
    expect(verify(body.replace('1999', '1998'), webhookSecret)).toThrow(
      Stripe.errors.StripeSignatureVerificationError,
    );
    expect(verify(body, 'whsec_another')).toThrow(Stripe.errors.StripeSignatureVerificationError);
  });

  it.each<[string, () => Promise<unknown>, string[]]>([
    ['a capture', () => captured(), ['payment_intent.amount_capturable_updated', 'payment_intent.succeeded']],
    [
      'a decline',
      () => errorOf(stripe.paymentIntents.create(payment(newOrderId(), 'pm_card_chargeDeclined'))),
      ['payment_intent.payment_failed'],
    ],
    [
      'a void',
      async () => {
        const { id } = await stripe.paymentIntents.create(payment(newOrderId()));
        await stripe.paymentIntents.cancel(id);
      },
      ['payment_intent.amount_capturable_updated', 'charge.refunded', 'payment_intent.canceled'],
    ],
    [
      'a refund',
      async () => stripe.refunds.create({ payment_intent: await captured() }),
      [
        'payment_intent.amount_capturable_updated',
        'payment_intent.succeeded',
        'refund.created',
        'charge.refunded',
      ],
    ],
  ])('report every step of %s, in order', async (_what, act, types) => {
    await act();
    await arrived(types.length);
    expect(receiver.types).toEqual(types);
  });

  it('are not sent for a replay', async () => {
    const orderId = newOrderId();
    for (let i = 0; i < 3; i++)
      await stripe.paymentIntents.create(payment(orderId), { idempotencyKey: orderId });
    await captured();
    await arrived(3);
    expect(new Set(receiver.delivered.map(({ event }) => event.id)).size).toBe(3);
    expect(receiver.delivered).toHaveLength(3);
  });

  it('are retried until accepted, and the next event of the intent waits', async () => {
    receiver.statuses.push(500, 503, 404);
    await captured();
    await arrived(5);

    expect(receiver.types).toEqual([
      ...Array<string>(4).fill('payment_intent.amount_capturable_updated'),
      'payment_intent.succeeded',
    ]);
    expect(new Set(receiver.delivered.map(({ event }) => event.id)).size).toBe(2);
  });

  it('of one intent do not wait for those of another', async () => {
    receiver.isHolding = true;
    await captured();
    await arrived(1);
    receiver.isHolding = false;
    const other = await captured();

    await eventually(
      () =>
        receiver.delivered.filter(({ event }) => (event.data.object as { id?: string }).id === other)
          .length === 2,
    );
  });

  it('that are not accepted do not delay responses', async () => {
    receiver.isHolding = true;
    for (let i = 0; i < 20; i++) await captured();
    expect((await stripe.paymentIntents.list({ limit: 20 })).data.map(({ status }) => status)).toEqual(
      Array(20).fill('succeeded'),
    );
  });

  it('arrive before the response with slow_answer', async () => {
    let hasResponse = false;
    const response = stripe.paymentIntents
      .create(payment(newOrderId(), 'pm_sandbox_slow_answer_1000'))
      .then(() => {
        hasResponse = true;
      });
    await arrived(1);
    expect(hasResponse).toBe(false);
    await response;
  });
});

describe('webhooks by payment method', () => {
  it('duplicate_webhooks_<n> sends each n times at once', async () => {
    receiver.isHolding = true;
    await stripe.paymentIntents.create(payment(newOrderId(), 'pm_sandbox_duplicate_webhooks_5'));
    // The receiver has answered none of them, so all five were sent at once.
    await arrived(5);
    expect(new Set(receiver.delivered.map(({ event }) => event.id)).size).toBe(1);
  });

  it('reordered_webhooks reverses the order, and that of no other intent', async () => {
    const id = await captured('pm_sandbox_reordered_webhooks');
    await stripe.refunds.create({ payment_intent: id });
    const other = await captured();
    await arrived(6);

    const typesOf = (intentId: string) =>
      receiver.delivered
        .filter(({ event }) => {
          const object = event.data.object as { id: string; payment_intent?: string };
          return object.id === intentId || object.payment_intent === intentId;
        })
        .map(({ event }) => event.type);
    expect(typesOf(id)).toEqual([
      'charge.refunded',
      'refund.created',
      'payment_intent.succeeded',
      'payment_intent.amount_capturable_updated',
    ]);
    expect(typesOf(other)).toEqual(['payment_intent.amount_capturable_updated', 'payment_intent.succeeded']);
  });

  it('reordered_webhooks reverses the order although the capture follows late', async () => {
    const { id } = await stripe.paymentIntents.create(payment(newOrderId(), 'pm_sandbox_reordered_webhooks'));
    // Longer than the quiet time of an intent that is captured or voided.
    const patientUntil = Date.now() + 1_500;
    await eventually(() => Date.now() >= patientUntil);
    await stripe.paymentIntents.capture(id);
    await arrived(2);
    expect(receiver.types).toEqual(['payment_intent.succeeded', 'payment_intent.amount_capturable_updated']);
  });

  it('no_webhook sends none, and the events can still be read', async () => {
    const silent = await captured('pm_sandbox_no_webhook');
    await captured();
    await arrived(2);

    expect(receiver.delivered.map(({ event }) => (event.data.object as { id?: string }).id)).not.toContain(
      silent,
    );
    const { data } = await stripe.events.list({ limit: 4 });
    expect(data.filter((event) => (event.data.object as { id?: string }).id === silent)).toHaveLength(2);
  });
});
