import Stripe from 'stripe';
import { RateLimit } from '../../sandbox/faults/rate-limit';
import { seeded } from '../support/seeded';
import { TestSandbox, eventually, newOrderId, payment } from './harness';

let sandbox: TestSandbox;
beforeEach(async () => {
  sandbox = await TestSandbox.start();
});
afterEach(() => sandbox.stop());

describe('rateLimitPerSecond', () => {
  const read = () => sandbox.stripe().events.list();

  it('answers 429 with Retry-After above the limit', async () => {
    await sandbox.setFaults({ rateLimitPerSecond: 5 });
    const startedAt = performance.now();
    const answers = await Promise.allSettled(Array.from({ length: 40 }, read));
    const seconds = Math.ceil((performance.now() - startedAt) / 1_000);

    const refused = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason] : []));
    expect(answers.length - refused.length).toBeGreaterThanOrEqual(5);
    expect(answers.length - refused.length).toBeLessThanOrEqual(5 * seconds);
    for (const error of refused) {
      expect(error).toBeInstanceOf(Stripe.errors.StripeRateLimitError);
      expect(error.headers['retry-after']).toBe('1');
    }
    await eventually(() => read().catch(() => undefined));
  });

  it('refuses before execution, counts the attempt, and leaves the key free', async () => {
    const ask = (orderId: string) =>
      sandbox.stripe().paymentIntents.create(payment(orderId), { idempotencyKey: orderId });
    await sandbox.setFaults({ rateLimitPerSecond: 1 });
    // One of two requests at once is refused, unless the machine takes a second between them.
    const orderId = await eventually(async () => {
      const orderIds = [newOrderId(), newOrderId()];
      const answers = await Promise.allSettled(orderIds.map(ask));
      return orderIds.find((_, i) => answers[i]!.status === 'rejected');
    });
    expect(await sandbox.row(orderId)).toMatchObject({ authorized: 0, attempts: 1 });

    await sandbox.clearFaults();
    expect((await ask(orderId)).lastResponse.headers['idempotent-replayed']).toBeUndefined();
    expect(await sandbox.row(orderId)).toMatchObject({ authorized: 1999, attempts: 2 });
  });

  it(
    'admits exactly the limit in every sliding second',
    seeded(async (random) => {
      const perSecond = random.integer(1, 20);
      const limit = new RateLimit(perSecond);
      const admitted: number[] = [];
      for (let now = 0; now < 20_000; now += random.integer(0, 120)) {
        const within = admitted.filter((at) => now - at < 1_000).length;
        expect(limit.admits(now)).toBe(within < perSecond);
        if (within < perSecond) admitted.push(now);
      }
    }),
  );
});

describe('requestsAtOnceMax', () => {
  it('answers 429 without Retry-After while that many requests are in progress, and admits others after them', async () => {
    await sandbox.setFaults({ requestsAtOnceMax: 2, latencyMs: 400 });
    const read = () => sandbox.stripe().events.list();
    const answers = await Promise.allSettled(Array.from({ length: 5 }, read));
    const refused = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason] : []));
    expect(refused).toHaveLength(3);
    for (const error of refused) {
      expect(error).toBeInstanceOf(Stripe.errors.StripeRateLimitError);
      expect(error.headers['retry-after']).toBeUndefined();
    }
    const later = await Promise.allSettled([read(), read()]);
    expect(later.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
  });
});
