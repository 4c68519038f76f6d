import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Stripe from 'stripe';
import { Faults } from '../../sandbox/faults/faults';
import {
  Receiver,
  TestSandbox,
  errorOf,
  eventually,
  newOrderId,
  patienceMs,
  payment,
  secretKey,
} from './harness';

let sandbox: TestSandbox;
beforeEach(async () => {
  sandbox = await TestSandbox.start();
});
afterEach(() => sandbox.stop());

/** A seed whose first timeout comes after execution. */
function seedWithExecution(): number {
  const faults = new Faults();
  for (let seed = 0; ; seed++) {
    faults.set({ timeoutRate: 1, seed });
    if (faults.judge() === 'timeout-after') return seed;
  }
}

/** The results of a series of reads, one letter each: e (500), t (no response) or o (a response). */
async function resultsOf(requests: number): Promise<string> {
  const stripe = sandbox.stripe();
  let letters = '';
  for (let i = 0; i < requests; i++) {
    try {
      await stripe.events.list();
      letters += 'o';
    } catch (error) {
      letters += error instanceof Stripe.errors.StripeConnectionError ? 't' : 'e';
    }
  }
  return letters;
}

describe('/sandbox/faults', () => {
  it('repeats the same faults for the same seed', async () => {
    await sandbox.setFaults({ errorRate: 0.5, seed: 42 });
    const first = await resultsOf(40);
    await sandbox.setFaults({ errorRate: 0.5, seed: 42 });
    expect(await resultsOf(40)).toBe(first);
    expect(first).toMatch(/o.*e|e.*o/);

    await sandbox.setFaults({ errorRate: 0.5, seed: 43 });
    expect(await resultsOf(40)).not.toBe(first);
  });

  it('shows the random seed so that a run can be repeated', async () => {
    const { body } = await sandbox.setFaults({ errorRate: 0.5 });
    const first = await resultsOf(40);
    await sandbox.setFaults({ errorRate: 0.5, seed: body.seed });
    expect(await resultsOf(40)).toBe(first);
  });

  it('shows the current faults', async () => {
    await sandbox.setFaults({ latencyMs: 3, timeoutRate: 0.25, seed: 7 });
    expect(await sandbox.get('/sandbox/faults')).toEqual({
      latencyMs: 3,
      errorRate: 0,
      timeoutRate: 0.25,
      dropAnswersRate: 0,
      webhookDelayMs: 0,
      down: false,
      seed: 7,
    });
    await sandbox.setFaults({ rateLimitPerSecond: 5, dropAnswersRate: 1, webhookDelayMs: 9, seed: 7 });
    expect(await sandbox.get('/sandbox/faults')).toMatchObject({
      rateLimitPerSecond: 5,
      dropAnswersRate: 1,
      webhookDelayMs: 9,
    });
  });

  it('accepts what it shows', async () => {
    const { body } = await sandbox.setFaults({ rateLimitPerSecond: 5, errorRate: 0.5 });
    expect(await sandbox.setFaults(body)).toEqual({ status: 200, body });
  });

  it('turns all faults off on DELETE', async () => {
    await sandbox.setFaults({ errorRate: 1 });
    expect(await resultsOf(2)).toBe('ee');
    await sandbox.clearFaults();
    expect(await resultsOf(2)).toBe('oo');
  });

  it('does not affect the ledger and the health check', async () => {
    await sandbox.setFaults({ errorRate: 1, latencyMs: 100_000, down: true });
    expect((await fetch(`${sandbox.url}/sandbox/health`)).status).toBe(200);
    expect(await sandbox.get('/sandbox/ledger')).toEqual({ object: 'list', data: [] });
  });

  const aShare = 'must be a number from 0 to 1.';
  it('has a row in docs/sandbox.md for each fault, and notices a wrong row', async () => {
    const { body } = await sandbox.setFaults([]);
    const [, names] = /any of (.*)\.$/.exec((body.error as { message: string }).message)!;
    const page = readFileSync(join(__dirname, '../../docs/sandbox.md'), 'utf8');
    const rowsOf = (markdown: string) =>
      [
        ...markdown
          .split('\n## Faults\n')[1]!
          .split('\n## ')[0]!
          .matchAll(/^\| `(\w+)` \|/gm),
      ].map(([, name]) => name);
    expect(rowsOf(page).sort()).toEqual(names!.split(', ').sort());
    expect(rowsOf(page.replace('| `errorRate` |', '| `erorRate` |')).sort()).not.toEqual(
      names!.split(', ').sort(),
    );
  });

  it.each<[string, object, string | undefined, string]>([
    ['a rate above one', { errorRate: 1.5 }, 'errorRate', aShare],
    ['a negative rate', { timeoutRate: -0.1 }, 'timeoutRate', aShare],
    ['a rate in words', { errorRate: 'half' }, 'errorRate', aShare],
    ['a share of dropped responses above one', { dropAnswersRate: 2 }, 'dropAnswersRate', aShare],
    ['half a millisecond', { latencyMs: 0.5 }, 'latencyMs', 'a whole number from 0 to 600000.'],
    [
      'a negative webhook delay',
      { webhookDelayMs: -1 },
      'webhookDelayMs',
      'a whole number from 0 to 600000.',
    ],
    [
      'a limit of zero requests',
      { rateLimitPerSecond: 0 },
      'rateLimitPerSecond',
      'a whole number from 1 to 10000.',
    ],
    [
      'a limit of one and a half requests',
      { rateLimitPerSecond: 1.5 },
      'rateLimitPerSecond',
      'a whole number from 1 to 10000.',
    ],
    ['a limit of null', { rateLimitPerSecond: null }, 'rateLimitPerSecond', 'a whole number from 1'],
    ['a seed beyond 32 bits', { seed: 2 ** 32 }, 'seed', 'a whole number from 0 to 4294967295.'],
    ['a switch that is neither on nor off', { down: 1 }, 'down', 'must be true or false.'],
    ['an unknown field', { erorRate: 1 }, 'erorRate', 'unknown parameter: erorRate'],
    ['a list', [], undefined, 'Send a JSON object with any of latencyMs, errorRate,'],
  ])('refuses %s and changes nothing', async (_what, faults, param, message) => {
    await sandbox.setFaults({ errorRate: 0.5, seed: 1 });
    const { status, body } = await sandbox.setFaults(faults);
    expect(status).toBe(400);
    expect(body.error).toMatchObject({
      type: 'invalid_request_error',
      message: expect.stringContaining(message),
      ...(param && { param }),
    });
    expect(await sandbox.get('/sandbox/faults')).toMatchObject({ errorRate: 0.5, seed: 1 });
  });
});

describe('errorRate', () => {
  it('answers 500 before execution, counts the attempt, and leaves the key free', async () => {
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

describe('timeoutRate', () => {
  it('executes about half of the requests, and each retry leaves one authorization', async () => {
    const orderIds = Array.from({ length: 40 }, newOrderId);
    const ask = (orderId: string, timeout: number) =>
      sandbox.stripe({ timeout }).paymentIntents.create(payment(orderId), { idempotencyKey: orderId });
    await sandbox.setFaults({ timeoutRate: 1, seed: 1 });
    const errors = await Promise.all(orderIds.map((orderId) => errorOf(ask(orderId, 4 * patienceMs))));

    for (const error of errors) expect(error).toBeInstanceOf(Stripe.errors.StripeConnectionError);
    const rows = await Promise.all(orderIds.map((orderId) => sandbox.row(orderId)));
    const executed = rows.filter((row) => row?.authorized === 1999).length;
    expect(executed).toBeGreaterThan(5);
    expect(executed).toBeLessThan(35);

    await sandbox.setFaults({});
    const answers = await Promise.all(orderIds.map((orderId) => ask(orderId, 20_000)));
    expect(
      answers.filter(({ lastResponse }) => lastResponse.headers['idempotent-replayed'] === 'true'),
    ).toHaveLength(executed);
    for (const orderId of orderIds)
      expect(await sandbox.row(orderId)).toMatchObject({ authorized: 1999, attempts: 2 });
  });

  it('withholds a decline, which the retry gets', async () => {
    const orderId = newOrderId();
    await sandbox.setFaults({ timeoutRate: 1, seed: seedWithExecution() });
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

describe('latencyMs', () => {
  it('delays every response', async () => {
    await sandbox.setFaults({ latencyMs: 60 });
    const startedAt = performance.now();
    await sandbox.stripe().events.list();
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(59);
  });
});

describe('down', () => {
  it('resets connections and moves nothing until it is turned off', async () => {
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

describe('dropAnswersRate', () => {
  it('executes the request and closes the connection, and the retry gets the response', async () => {
    const orderId = newOrderId();
    const ask = () => sandbox.stripe().paymentIntents.create(payment(orderId), { idempotencyKey: orderId });
    await sandbox.setFaults({ dropAnswersRate: 1 });

    const error = await errorOf(ask());
    expect(error).toBeInstanceOf(Stripe.errors.StripeConnectionError);
    expect((error as { detail?: unknown }).detail).toMatchObject({ code: 'ECONNRESET' });
    expect(await sandbox.row(orderId)).toMatchObject({ authorized: 1999 });

    await sandbox.clearFaults();
    expect((await ask()).lastResponse.headers['idempotent-replayed']).toBe('true');
    expect(await sandbox.row(orderId)).toMatchObject({ authorized: 1999 });
  });

  it('drops the same responses for the same seed', async () => {
    // Not with the official client: it retries once by itself when its connection is closed.
    const dropped = async (seed: number) => {
      await sandbox.setFaults({ dropAnswersRate: 0.5, seed });
      let letters = '';
      for (let i = 0; i < 40; i++) {
        const headers = { authorization: `Bearer ${secretKey}`, connection: 'close' };
        letters += await fetch(`${sandbox.url}/v1/events`, { headers }).then(
          () => 'o',
          () => 'd',
        );
      }
      return letters;
    };
    const first = await dropped(42);
    expect(await dropped(42)).toBe(first);
    expect(first).toMatch(/o.*d|d.*o/);
    expect(await dropped(43)).not.toBe(first);
  });

  it('does not change which requests get errors and timeouts', () => {
    const verdictsWith = (dropAnswersRate: number) => {
      const faults = new Faults();
      faults.set({ errorRate: 0.3, timeoutRate: 0.3, dropAnswersRate, seed: 1 });
      return Array.from({ length: 200 }, () => faults.judge());
    };
    const [without, having] = [verdictsWith(0), verdictsWith(0.5)];
    expect(having.map((verdict) => (verdict === 'drop-response' ? 'pass' : verdict))).toEqual(without);
    expect(having).toContain('drop-response');
  });
});

describe('webhookDelayMs', () => {
  let receiver: Receiver;
  beforeEach(async () => {
    receiver = await Receiver.start();
    await sandbox.stop();
    sandbox = await TestSandbox.start({ webhookUrl: receiver.url });
  });
  afterEach(() => receiver.stop());

  it('delays the delivery of an event', async () => {
    await sandbox.setFaults({ webhookDelayMs: 200 });
    const startedAt = performance.now();
    await sandbox.stripe().paymentIntents.create(payment(newOrderId()));
    await eventually(() => receiver.delivered.length === 1);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(199);
  });

  it('delays only events that happen while it is set', async () => {
    await sandbox.setFaults({ webhookDelayMs: 600_000 });
    await sandbox.stripe().paymentIntents.create(payment(newOrderId()));
    await sandbox.clearFaults();
    const later = await sandbox.stripe().paymentIntents.create(payment(newOrderId()));

    await eventually(async () => (await sandbox.stats()).webhooks.pending === 1);
    expect(receiver.delivered.map(({ event }) => event.data.object)).toEqual([
      expect.objectContaining({ id: later.id }),
    ]);
  });

  it('keeps the order of an intent’s events, without further delay for the next one', async () => {
    await sandbox.setFaults({ webhookDelayMs: 400 });
    const { id } = await sandbox.stripe().paymentIntents.create(payment(newOrderId()));
    await sandbox.clearFaults();
    await sandbox.stripe().paymentIntents.capture(id);
    await sandbox.setFaults({ webhookDelayMs: 600_000 });

    await eventually(() => receiver.delivered.length === 2);
    expect(receiver.types).toEqual(['payment_intent.amount_capturable_updated', 'payment_intent.succeeded']);
  });
});
