import { randomUUID } from 'node:crypto';
import Stripe from 'stripe';
import { TestSandbox, errorOf, eventually, newOrderId, patienceMs, payment } from './harness';

let sandbox: TestSandbox;
let stripe: Stripe;

beforeAll(async () => {
  sandbox = await TestSandbox.start();
  stripe = sandbox.stripe();
});
afterAll(() => sandbox.stop());

const replayed = (answer: { lastResponse: { headers: Record<string, string> } }) =>
  answer.lastResponse.headers['idempotent-replayed'];

describe('a repeated idempotency key', () => {
  it('returns the same authorization and moves no more money', async () => {
    const [orderId, idempotencyKey] = [newOrderId(), randomUUID()];
    const first = await stripe.paymentIntents.create(payment(orderId), { idempotencyKey });
    const again = await stripe.paymentIntents.create(payment(orderId), { idempotencyKey });

    expect(again).toEqual(first);
    expect([replayed(first), replayed(again)]).toEqual([undefined, 'true']);
    expect(await sandbox.row(orderId)).toMatchObject({ authorized: 1999, attempts: 2 });
  });

  it('returns the first response, not the current state', async () => {
    const [orderId, idempotencyKey] = [newOrderId(), randomUUID()];
    const { id } = await stripe.paymentIntents.create(payment(orderId), { idempotencyKey });
    await stripe.paymentIntents.capture(id);

    const again = await stripe.paymentIntents.create(payment(orderId), { idempotencyKey });
    expect(again.status).toBe('requires_capture');
  });

  it.each(['capture', 'void', 'refund'] as const)(
    'returns the same %s and executes it once',
    async (kind) => {
      const [orderId, idempotencyKey] = [newOrderId(), randomUUID()];
      const { id } = await stripe.paymentIntents.create(payment(orderId));
      if (kind === 'refund') await stripe.paymentIntents.capture(id);
      const ask = {
        capture: () => stripe.paymentIntents.capture(id, {}, { idempotencyKey }),
        void: () => stripe.paymentIntents.cancel(id, {}, { idempotencyKey }),
        refund: () => stripe.refunds.create({ payment_intent: id, amount: 100 }, { idempotencyKey }),
      }[kind];

      const first = await ask();
      expect(await ask()).toEqual(first);
      const { data } = await sandbox.get<{ data: { kind: string }[] }>(`/sandbox/entries?orderId=${orderId}`);
      expect(data.filter((entry) => entry.kind === kind)).toHaveLength(1);
    },
  );

  it('returns the same decline', async () => {
    const [orderId, idempotencyKey] = [newOrderId(), randomUUID()];
    const ask = () =>
      errorOf(stripe.paymentIntents.create(payment(orderId, 'pm_card_chargeDeclined'), { idempotencyKey }));
    const [first, again] = [await ask(), await ask()];

    expect(again).toBeInstanceOf(Stripe.errors.StripeCardError);
    expect(again.payment_intent?.id).toBe(first.payment_intent?.id);
    expect(again.headers?.['idempotent-replayed']).toBe('true');
  });

  it('returns a refusal for the state again, even after the state has changed', async () => {
    const idempotencyKey = randomUUID();
    const { id } = await stripe.paymentIntents.create(payment(newOrderId()));
    const ask = () => errorOf(stripe.refunds.create({ payment_intent: id }, { idempotencyKey }));
    await ask();
    await stripe.paymentIntents.capture(id);

    expect((await ask()).headers?.['idempotent-replayed']).toBe('true');
  });

  it('makes one authorization of fifty copies that arrive at once', async () => {
    const [orderId, idempotencyKey] = [newOrderId(), randomUUID()];
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => stripe.paymentIntents.create(payment(orderId), { idempotencyKey })),
    );

    expect(new Set(answers.map(({ id }) => id)).size).toBe(1);
    expect(await sandbox.row(orderId)).toMatchObject({ authorized: 1999, attempts: 50 });
  });

  it('matches parameters in any order', async () => {
    const [orderId, idempotencyKey] = [newOrderId(), randomUUID()];
    await stripe.paymentIntents.create(payment(orderId), { idempotencyKey });
    const backwards = Object.fromEntries(
      Object.entries(payment(orderId)).reverse(),
    ) as unknown as Stripe.PaymentIntentCreateParams;
    expect(replayed(await stripe.paymentIntents.create(backwards, { idempotencyKey }))).toBe('true');
  });

  it.each<[string, Partial<Stripe.PaymentIntentCreateParams>]>([
    ['another amount', { amount: 2000 }],
    ['another currency', { currency: 'usd' }],
    ['other metadata', { metadata: { orderId: 'ord_another' } }],
  ])('is an idempotency error with %s', async (_what, change) => {
    const [orderId, idempotencyKey] = [newOrderId(), randomUUID()];
    await stripe.paymentIntents.create(payment(orderId), { idempotencyKey });

    const error = await errorOf(
      stripe.paymentIntents.create({ ...payment(orderId), ...change }, { idempotencyKey }),
    );
    expect(error).toBeInstanceOf(Stripe.errors.StripeIdempotencyError);
    expect(error.statusCode).toBe(400);
    expect(await sandbox.row(orderId)).toMatchObject({ authorized: 1999 });
  });

  it('is an idempotency error on another path', async () => {
    const idempotencyKey = randomUUID();
    const [one, two] = await Promise.all(
      [1, 2].map(() => stripe.paymentIntents.create(payment(newOrderId()))),
    );
    await stripe.paymentIntents.capture(one!.id, {}, { idempotencyKey });

    const error = await errorOf(stripe.paymentIntents.capture(two!.id, {}, { idempotencyKey }));
    expect(error).toBeInstanceOf(Stripe.errors.StripeIdempotencyError);
    expect((await stripe.paymentIntents.retrieve(two!.id)).status).toBe('requires_capture');
  });

  it('may be used again after its parameters were refused', async () => {
    const [orderId, idempotencyKey] = [newOrderId(), randomUUID()];
    await errorOf(stripe.paymentIntents.create({ ...payment(orderId), amount: 0 }, { idempotencyKey }));
    expect((await stripe.paymentIntents.create(payment(orderId), { idempotencyKey })).status).toBe(
      'requires_capture',
    );
  });
});

describe('a key whose first request is in progress', () => {
  it.each(['pm_sandbox_slow_3600000', 'pm_sandbox_late_commit_3600000'])(
    'gets 409 (%s)',
    async (paymentMethod) => {
      const [orderId, idempotencyKey] = [newOrderId(), randomUUID()];
      await errorOf(
        stripe.paymentIntents.create(payment(orderId, paymentMethod), {
          idempotencyKey,
          timeout: patienceMs,
        }),
      );

      const error = await errorOf(
        stripe.paymentIntents.create(payment(orderId, paymentMethod), { idempotencyKey }),
      );
      expect(error).toMatchObject({
        statusCode: 409,
        code: 'idempotency_key_in_use',
        rawType: 'idempotency_error',
      });
    },
  );

  it('is an idempotency error with another amount, because waiting would not help', async () => {
    const [orderId, idempotencyKey] = [newOrderId(), randomUUID()];
    const params = payment(orderId, 'pm_sandbox_late_commit_3600000');
    await errorOf(stripe.paymentIntents.create(params, { idempotencyKey, timeout: patienceMs }));

    const error = await errorOf(stripe.paymentIntents.create({ ...params, amount: 1 }, { idempotencyKey }));
    expect(error).toBeInstanceOf(Stripe.errors.StripeIdempotencyError);
  });
});

describe('a forgotten key', () => {
  let own: TestSandbox;
  beforeEach(async () => {
    own = await TestSandbox.start({ keyWindowSeconds: 1 });
  });
  afterEach(() => own.stop());

  const ask = (orderId: string, change: Partial<Stripe.PaymentIntentCreateParams> = {}) =>
    own
      .stripe()
      .paymentIntents.create({ ...payment(orderId), ...change }, { idempotencyKey: `key of ${orderId}` });
  /** Retries until the key is forgotten, and returns the first response that is not a replay. */
  const afterExpiry = (orderId: string) =>
    eventually(async () => {
      const answer = await ask(orderId);
      return replayed(answer) === undefined && answer;
    });

  it('authorizes again, so that the order pays twice', async () => {
    const orderId = newOrderId();
    const first = await ask(orderId);
    expect(replayed(await ask(orderId))).toBe('true');

    const second = await afterExpiry(orderId);
    expect(second.id).not.toBe(first.id);
    expect(await own.row(orderId)).toMatchObject({ authorized: 2 * 1999 });
  });

  it('is saved again, and may be used for another request', async () => {
    const orderId = newOrderId();
    await ask(orderId);
    const second = await afterExpiry(orderId);
    expect((await ask(orderId)).id).toBe(second.id);

    const third = await eventually(() => ask(orderId, { amount: 500 }).catch(() => undefined));
    expect(third.amount).toBe(500);
  });

  it('stays forgotten after a restart', async () => {
    const orderId = newOrderId();
    const first = await ask(orderId);
    const forgottenAt = Date.now() + 1_000;
    await eventually(() => Date.now() >= forgottenAt);
    await own.close();
    await own.open();
    expect((await ask(orderId)).id).not.toBe(first.id);
  });

  it('does not repeat a capture, because the intent is already captured', async () => {
    const orderId = newOrderId();
    const { id } = await ask(orderId);
    const capture = () => own.stripe().paymentIntents.capture(id, {}, { idempotencyKey: `capture of ${id}` });
    await capture();
    const error = await eventually(() =>
      capture().then(
        () => undefined,
        (refused: Stripe.errors.StripeError) => refused,
      ),
    );
    expect(error).toMatchObject({ code: 'payment_intent_unexpected_state' });
    expect(await own.row(orderId)).toMatchObject({ captured: 1999 });
  });
});

describe('idempotency keys after a restart', () => {
  it('return the saved responses', async () => {
    const own = await TestSandbox.start();
    try {
      const [orderId, declinedId] = [newOrderId(), newOrderId()];
      const ask = () =>
        own.stripe().paymentIntents.create(payment(orderId), { idempotencyKey: 'key-of-success' });
      const decline = () =>
        errorOf(
          own.stripe().paymentIntents.create(payment(declinedId, 'pm_card_chargeDeclined'), {
            idempotencyKey: 'key-of-decline',
          }),
        );
      const [first, firstDecline] = [await ask(), await decline()];
      await own.close();
      await own.open();

      const [again, againDeclined] = [await ask(), await decline()];
      expect(again).toEqual(first);
      expect(replayed(again)).toBe('true');
      expect(againDeclined.raw).toMatchObject({
        payment_intent: { id: firstDecline.payment_intent!.id },
        decline_code: 'generic_decline',
      });
      const other = { ...payment(orderId), amount: 1 };
      expect(
        await errorOf(own.stripe().paymentIntents.create(other, { idempotencyKey: 'key-of-success' })),
      ).toBeInstanceOf(Stripe.errors.StripeIdempotencyError);
      expect(await own.row(orderId)).toMatchObject({ authorized: 1999, attempts: 3 });
    } finally {
      await own.stop();
    }
  });
});
