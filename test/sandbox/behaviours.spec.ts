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

/** A function that sends the same request with the same key each time, as the saga does. */
function operation(kind: 'authorize' | 'capture', orderId: string, paymentMethod: string, intentId?: string) {
  const idempotencyKey = randomUUID();
  return (timeout?: number) => {
    const options = { idempotencyKey, ...(timeout !== undefined && { timeout }) };
    return kind === 'authorize'
      ? stripe.paymentIntents.create(payment(orderId, paymentMethod), options)
      : stripe.paymentIntents.capture(intentId!, {}, options);
  };
}

/** Retries until the authorization gets a response. */
async function authorized(orderId: string, paymentMethod: string): Promise<string> {
  const ask = operation('authorize', orderId, paymentMethod);
  return eventually(async () => {
    try {
      return (await ask(patienceMs)).id;
    } catch {
      return undefined;
    }
  });
}

describe.each(['authorize', 'capture'] as const)('%s', (kind) => {
  const moved = async (orderId: string) =>
    (await sandbox.row(orderId))?.[kind === 'authorize' ? 'authorized' : 'captured'] ?? 0;

  async function given(paymentMethod: string) {
    const orderId = newOrderId();
    const intentId = kind === 'capture' ? await authorized(orderId, paymentMethod) : undefined;
    return { orderId, ask: operation(kind, orderId, paymentMethod, intentId) };
  }

  it('executes once without a response with timeout_after_commit, and the retry gets it', async () => {
    const { orderId, ask } = await given('pm_sandbox_timeout_after_commit');

    expect(await errorOf(ask(patienceMs))).toBeInstanceOf(Stripe.errors.StripeConnectionError);
    await eventually(async () => (await moved(orderId)) === 1999);

    expect((await ask()).lastResponse.headers['idempotent-replayed']).toBe('true');
    expect(await moved(orderId)).toBe(1999);
  });

  it('neither executes nor answers with timeout_before_commit, and the retry executes', async () => {
    const { orderId, ask } = await given('pm_sandbox_timeout_before_commit');

    expect(await errorOf(ask(patienceMs))).toBeInstanceOf(Stripe.errors.StripeConnectionError);
    expect(await moved(orderId)).toBe(0);

    expect((await ask()).lastResponse.headers['idempotent-replayed']).toBeUndefined();
    expect(await moved(orderId)).toBe(1999);
  });

  it('executes once, later and without a response, with late_commit', async () => {
    const { orderId, ask } = await given(`pm_sandbox_late_commit_${6 * patienceMs}`);

    expect(await errorOf(ask(patienceMs))).toBeInstanceOf(Stripe.errors.StripeConnectionError);
    expect(await moved(orderId)).toBe(0);
    const answer = await eventually(async () => {
      try {
        return await ask();
      } catch (error) {
        expect(error).toMatchObject({ statusCode: 409, code: 'idempotency_key_in_use' });
        return undefined;
      }
    });
    expect(answer.lastResponse.headers['idempotent-replayed']).toBe('true');
    expect(await moved(orderId)).toBe(1999);
  });

  it('executes and answers after the delay with slow', async () => {
    const { orderId, ask } = await given('pm_sandbox_slow_60');
    const startedAt = performance.now();
    await ask();
    // A timer may fire up to a millisecond early by this clock.
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(59);
    expect(await moved(orderId)).toBe(1999);
  });

  it('executes before the delay with slow_answer', async () => {
    const orderId = newOrderId();
    const paymentMethod = `pm_sandbox_slow_answer_${patienceMs}`;
    const intentId =
      kind === 'capture'
        ? (await stripe.paymentIntents.create(payment(orderId, paymentMethod))).id
        : undefined;
    const answer = operation(kind, orderId, paymentMethod, intentId)();

    await eventually(async () => (await moved(orderId)) === 1999);
    expect((await answer).lastResponse.headers['idempotent-replayed']).toBeUndefined();
  });

  it('fails n times with error_then_ok_<n>, then executes once', async () => {
    const { orderId, ask } = await given('pm_sandbox_error_then_ok_2');

    for (let i = 0; i < 2; i++) {
      const error = await errorOf(ask());
      expect(error).toBeInstanceOf(Stripe.errors.StripeAPIError);
      expect(error).toMatchObject({ statusCode: 500, rawType: 'api_error' });
      expect(await moved(orderId)).toBe(0);
    }
    await ask();
    expect(await moved(orderId)).toBe(1999);
  });

  it('answers 429 with Retry-After n times with rate_limited_<n>, then executes once', async () => {
    const { orderId, ask } = await given('pm_sandbox_rate_limited_2');

    for (let i = 0; i < 2; i++) {
      const error = await errorOf(ask());
      expect(error).toBeInstanceOf(Stripe.errors.StripeRateLimitError);
      expect(Number(error.headers?.['retry-after'])).toBeGreaterThan(0);
      expect(await moved(orderId)).toBe(0);
    }
    await ask();
    expect(await moved(orderId)).toBe(1999);
  });
});

describe('void and refund', () => {
  it.each([
    'pm_sandbox_timeout_after_commit',
    'pm_sandbox_timeout_before_commit',
    'pm_sandbox_error_then_ok_1',
    'pm_sandbox_rate_limited_1',
  ])('succeed at once with %s', async (paymentMethod) => {
    const [voidedId, refundedId] = [newOrderId(), newOrderId()];
    const [voided, refunded] = [
      await authorized(voidedId, paymentMethod),
      await authorized(refundedId, paymentMethod),
    ];
    const capture = operation('capture', refundedId, paymentMethod, refunded);
    await errorOf(capture(patienceMs));
    await capture();

    expect((await stripe.paymentIntents.cancel(voided)).status).toBe('canceled');
    expect((await stripe.refunds.create({ payment_intent: refunded })).status).toBe('succeeded');
    expect(await sandbox.row(voidedId)).toMatchObject({ authorized: 1999, voided: 1999, captured: 0 });
    expect(await sandbox.row(refundedId)).toMatchObject({ captured: 1999, refunded: 1999, voided: 0 });
  });
});

describe('an order with two idempotency keys', () => {
  it('is charged twice, and the ledger shows it', async () => {
    const orderId = newOrderId();
    await errorOf(
      stripe.paymentIntents.create(payment(orderId, 'pm_sandbox_timeout_after_commit'), {
        timeout: patienceMs,
      }),
    );
    await stripe.paymentIntents.create(payment(orderId, 'pm_sandbox_timeout_after_commit'));

    expect(await sandbox.row(orderId)).toMatchObject({ authorized: 2 * 1999, attempts: 2 });
  });
});

describe('a late capture', () => {
  it('is refused when the authorization was voided before it', async () => {
    const orderId = newOrderId();
    const id = await authorized(orderId, `pm_sandbox_late_commit_${2 * patienceMs}`);
    const capture = operation('capture', orderId, '', id);
    await errorOf(capture(patienceMs / 5));
    await stripe.paymentIntents.cancel(id);

    await eventually(async () => (await errorOf(capture())).code === 'payment_intent_unexpected_state');
    expect(await sandbox.row(orderId)).toMatchObject({ captured: 0, voided: 1999 });
  });
});
