import Stripe from 'stripe';
import { Faults } from '../../src/sandbox/faults';
import { TestSandbox, errorOf, newOrderId, patienceMs, payment } from './harness';

let sandbox: TestSandbox;
beforeEach(async () => {
  sandbox = await TestSandbox.start();
});
afterEach(() => sandbox.stop());

/** A seed whose first timeout comes after execution. */
function seedThatCarriesOut(): number {
  const faults = new Faults();
  for (let seed = 0; ; seed++) {
    faults.set({ timeoutRate: 1, seed });
    if (faults.judge() === 'timeout-after') return seed;
  }
}

/** The answers to a row of reads, one letter each: 500, never, or an answer. */
async function weather(requests: number): Promise<string> {
  const stripe = sandbox.stripe({ timeout: patienceMs });
  let seen = '';
  for (let i = 0; i < requests; i++) {
    try {
      await stripe.events.list();
      seen += 'o';
    } catch (error) {
      seen += error instanceof Stripe.errors.StripeConnectionError ? 't' : 'e';
    }
  }
  return seen;
}

describe('faults', () => {
  it('come in the same order when the seed is the same', async () => {
    await sandbox.setFaults({ errorRate: 0.5, seed: 42 });
    const first = await weather(40);
    await sandbox.setFaults({ errorRate: 0.5, seed: 42 });
    expect(await weather(40)).toBe(first);
    expect(first).toMatch(/o.*e|e.*o/);

    await sandbox.setFaults({ errorRate: 0.5, seed: 43 });
    expect(await weather(40)).not.toBe(first);
  });

  it('name the seed that was drawn, so that a run can be repeated', async () => {
    const { body } = await sandbox.setFaults({ errorRate: 0.5 });
    const first = await weather(40);
    await sandbox.setFaults({ errorRate: 0.5, seed: body.seed });
    expect(await weather(40)).toBe(first);
  });

  it('are shown as they are in force', async () => {
    await sandbox.setFaults({ latencyMs: 3, timeoutRate: 0.25, seed: 7 });
    expect(await sandbox.get('/sandbox/faults')).toEqual({
      latencyMs: 3,
      errorRate: 0,
      timeoutRate: 0.25,
      down: false,
      seed: 7,
    });
  });

  it('are gone after DELETE', async () => {
    await sandbox.setFaults({ errorRate: 1 });
    expect(await weather(2)).toBe('ee');
    await fetch(`${sandbox.url}/sandbox/faults`, { method: 'DELETE' });
    expect(await weather(2)).toBe('oo');
  });

  it('leave the witness alone', async () => {
    await sandbox.setFaults({ errorRate: 1, latencyMs: 100_000, down: true });
    expect((await fetch(`${sandbox.url}/sandbox/health`)).status).toBe(200);
    expect(await sandbox.get('/sandbox/ledger')).toEqual({ object: 'list', data: [] });
  });

  it.each<[string, object, string | undefined]>([
    ['a rate above one', { errorRate: 1.5 }, 'errorRate'],
    ['a negative rate', { timeoutRate: -0.1 }, 'timeoutRate'],
    ['a rate in words', { errorRate: 'half' }, 'errorRate'],
    ['half a millisecond', { latencyMs: 0.5 }, 'latencyMs'],
    ['a seed beyond 32 bits', { seed: 2 ** 32 }, 'seed'],
    ['a switch that is neither on nor off', { down: 1 }, 'down'],
    ['an unknown field', { erorRate: 1 }, 'erorRate'],
    ['a list', [], undefined],
  ])('with %s are refused, and change nothing', async (_what, faults, param) => {
    await sandbox.setFaults({ errorRate: 0.5, seed: 1 });
    const { status, body } = await sandbox.setFaults(faults);
    expect(status).toBe(400);
    expect(body.error).toMatchObject({ type: 'invalid_request_error', ...(param && { param }) });
    expect(await sandbox.get('/sandbox/faults')).toMatchObject({ errorRate: 0.5, seed: 1 });
  });
});

describe('an injected error', () => {
  it('comes before execution, counts as an attempt, and leaves the key free', async () => {
    const orderId = newOrderId();
    const ask = () => sandbox.stripe().paymentIntents.create(payment(orderId), { idempotencyKey: orderId });
    await sandbox.setFaults({ errorRate: 1 });
    expect(await errorOf(ask())).toMatchObject({ statusCode: 500, rawType: 'api_error' });
    expect(await sandbox.row(orderId)).toMatchObject({ authorized: 0, attempts: 1 });

    await sandbox.setFaults({});
    expect((await ask()).lastResponse.headers['idempotent-replayed']).toBeUndefined();
    expect(await sandbox.row(orderId)).toMatchObject({ authorized: 1999, attempts: 2 });
  });
});

describe('an injected timeout', () => {
  it('is carried out about half of the time, and the repeat always leaves one authorization', async () => {
    const orderIds = Array.from({ length: 40 }, newOrderId);
    const ask = (orderId: string, timeout: number) =>
      sandbox.stripe({ timeout }).paymentIntents.create(payment(orderId), { idempotencyKey: orderId });
    await sandbox.setFaults({ timeoutRate: 1, seed: 1 });
    const errors = await Promise.all(orderIds.map((orderId) => errorOf(ask(orderId, 4 * patienceMs))));

    for (const error of errors) expect(error).toBeInstanceOf(Stripe.errors.StripeConnectionError);
    const rows = await Promise.all(orderIds.map((orderId) => sandbox.row(orderId)));
    const carriedOut = rows.filter((row) => row?.authorized === 1999).length;
    expect(carriedOut).toBeGreaterThan(5);
    expect(carriedOut).toBeLessThan(35);

    await sandbox.setFaults({});
    const answers = await Promise.all(orderIds.map((orderId) => ask(orderId, 20_000)));
    expect(
      answers.filter(({ lastResponse }) => lastResponse.headers['idempotent-replayed'] === 'true'),
    ).toHaveLength(carriedOut);
    for (const orderId of orderIds)
      expect(await sandbox.row(orderId)).toMatchObject({ authorized: 1999, attempts: 2 });
  });

  it('also swallows a decline', async () => {
    const orderId = newOrderId();
    await sandbox.setFaults({ timeoutRate: 1, seed: seedThatCarriesOut() });
    const ask = (timeout: number) =>
      sandbox
        .stripe({ timeout })
        .paymentIntents.create(payment(orderId, 'pm_card_chargeDeclined'), { idempotencyKey: orderId });
    expect(await errorOf(ask(patienceMs))).toBeInstanceOf(Stripe.errors.StripeConnectionError);

    await sandbox.setFaults({});
    const error = await errorOf(ask(20_000));
    expect(error).toBeInstanceOf(Stripe.errors.StripeCardError);
    expect(error.headers?.['idempotent-replayed']).toBe('true');
  });
});

describe('injected latency', () => {
  it('comes before every answer', async () => {
    await sandbox.setFaults({ latencyMs: 60 });
    const startedAt = performance.now();
    await sandbox.stripe().events.list();
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(59);
  });
});

describe('a provider that is down', () => {
  it('resets connections, moves nothing, and comes back', async () => {
    const orderId = newOrderId();
    const stripe = sandbox.stripe();
    await stripe.events.list();
    await sandbox.setFaults({ down: true });
    const error = await errorOf(stripe.paymentIntents.create(payment(orderId)));
    expect(error).toBeInstanceOf(Stripe.errors.StripeConnectionError);
    expect((error as { detail?: unknown }).detail).toMatchObject({ code: 'ECONNRESET' });
    expect(await sandbox.row(orderId)).toBeUndefined();

    await sandbox.setFaults({});
    expect((await stripe.paymentIntents.create(payment(orderId))).status).toBe('requires_capture');
  });
});
