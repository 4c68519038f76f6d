import Stripe from 'stripe';
import { Receiver, TestSandbox, errorOf, eventually, newOrderId, patienceMs, payment } from './harness';

let receiver: Receiver;
let sandbox: TestSandbox;

beforeEach(async () => {
  receiver = await Receiver.start();
  sandbox = await TestSandbox.start({ webhookUrl: receiver.url, reorderQuietMs: 300 });
});
afterEach(async () => {
  await sandbox.stop();
  await receiver.stop();
});

/** Closing is as abrupt as a kill: it waits for nothing and writes nothing. */
async function restart(whileDown: () => unknown = () => undefined): Promise<void> {
  await sandbox.close();
  await whileDown();
  await sandbox.open();
}

const authorize = (orderId: string, paymentMethod?: string, timeout?: number) =>
  sandbox
    .stripe({ timeout })
    .paymentIntents.create(payment(orderId, paymentMethod), { idempotencyKey: orderId });

const capture = (id: string, timeout?: number) =>
  sandbox.stripe({ timeout }).paymentIntents.capture(id, {}, { idempotencyKey: `capture ${id}` });

const clock = (ms: number) => eventually(() => Date.now() >= ms);

const movementsOf = async (orderId: string) =>
  (await sandbox.get<{ data: object[] }>(`/sandbox/entries?orderId=${orderId}`)).data;

describe.each(['late_commit', 'slow'])('a request with %s', (method) => {
  const longMs = 6 * patienceMs;

  async function begun(ms: number): Promise<{ orderId: string; dueFrom: number; dueUntil: number }> {
    const orderId = newOrderId();
    const sentAt = Date.now();
    const error = await errorOf(authorize(orderId, `pm_sandbox_${method}_${ms}`, patienceMs));
    expect(error).toBeInstanceOf(Stripe.errors.StripeConnectionError);
    await eventually(async () => (await sandbox.row(orderId))?.attempts === 1);
    return { orderId, dueFrom: sentAt + ms, dueUntil: Date.now() + ms };
  }

  it('is executed at the start when it fell due while the sandbox was down', async () => {
    const { orderId, dueUntil } = await begun(2 * patienceMs);
    await restart(() => clock(dueUntil));
    expect(await sandbox.row(orderId)).toMatchObject({ authorized: 1999, attempts: 1 });
  });

  it('is executed once, at its time, when the sandbox is up before', async () => {
    const { orderId, dueFrom } = await begun(longMs);
    await restart();
    expect(await sandbox.row(orderId)).toMatchObject({ authorized: 0, attempts: 1 });

    await eventually(async () => (await sandbox.row(orderId))?.authorized === 1999);
    expect(Date.now()).toBeGreaterThanOrEqual(dueFrom);
    await restart();
    expect(await movementsOf(orderId)).toHaveLength(1);
  });

  it('keeps its key in use over a restart, and then replays the response under it', async () => {
    const { orderId } = await begun(longMs);
    await restart();
    const ask = () => authorize(orderId, `pm_sandbox_${method}_${longMs}`);
    expect(await errorOf(ask())).toMatchObject({ statusCode: 409, code: 'idempotency_key_in_use' });

    await eventually(async () => (await sandbox.row(orderId))?.authorized === 1999);
    expect((await ask()).lastResponse.headers['idempotent-replayed']).toBe('true');
    expect(await sandbox.row(orderId)).toMatchObject({ authorized: 1999 });
  });

  it('sends its webhook although another process began it', async () => {
    const { dueUntil } = await begun(2 * patienceMs);
    await restart(() => clock(dueUntil));
    await eventually(async () => (await sandbox.stats()).webhooks.pending === 0);
    expect(receiver.types).toEqual(['payment_intent.amount_capturable_updated']);
  });
});

describe('a late capture', () => {
  it('is executed after a restart unless the authorization was voided', async () => {
    const paymentMethod = `pm_sandbox_late_commit_${4 * patienceMs}`;
    const orderIds = [newOrderId(), newOrderId()];
    const ids: string[] = [];
    for (const orderId of orderIds)
      ids.push(
        await eventually(() =>
          authorize(orderId, paymentMethod, patienceMs).then(
            ({ id }) => id,
            () => undefined,
          ),
        ),
      );
    for (const id of ids) await errorOf(capture(id, patienceMs / 3));
    await restart();
    await sandbox.stripe().paymentIntents.cancel(ids[1]!);

    await eventually(async () => (await sandbox.row(orderIds[0]!))?.captured === 1999);
    expect(
      await eventually(() => errorOf(capture(ids[1]!)).then((e) => e.statusCode === 400 && e)),
    ).toMatchObject({
      code: 'payment_intent_unexpected_state',
    });
    expect(await sandbox.row(orderIds[1]!)).toMatchObject({ captured: 0, voided: 1999 });
  });
});

describe('requests counted by a payment method', () => {
  it.each([
    ['error_then_ok_2', 500],
    ['rate_limited_2', 429],
  ])('keep their count over a restart: %s', async (method, status) => {
    const orderId = newOrderId();
    const statuses: (number | undefined)[] = [];
    for (let i = 0; i < 3; i++) {
      const answer = authorize(orderId, `pm_sandbox_${method}`);
      statuses.push(
        await answer.then(
          () => 200,
          (error: Stripe.errors.StripeError) => error.statusCode,
        ),
      );
      await restart();
    }
    expect(statuses).toEqual([status, status, 200]);
    expect(await sandbox.row(orderId)).toMatchObject({ authorized: 1999, attempts: 3 });
  });

  it.each(['timeout_before_commit', 'timeout_after_commit'])(
    'time out once, not once per process: %s',
    async (method) => {
      const orderId = newOrderId();
      await errorOf(authorize(orderId, `pm_sandbox_${method}`, patienceMs));
      await restart();
      const { id } = await authorize(orderId, `pm_sandbox_${method}`);
      await errorOf(capture(id, patienceMs));
      await restart();
      await capture(id);
      expect(await sandbox.row(orderId)).toMatchObject({ authorized: 1999, captured: 1999, attempts: 4 });
    },
  );
});

describe('an event', () => {
  const restartWithReceiverBack = () =>
    restart(() => {
      receiver.isHolding = false;
      receiver.delivered.length = 0;
    });

  it('that was not accepted is sent again after a restart, in order', async () => {
    receiver.isHolding = true;
    const { id } = await authorize(newOrderId());
    await capture(id);
    await eventually(() => receiver.delivered.length === 1);
    await restartWithReceiverBack();
    await eventually(() => receiver.delivered.length === 2);
    expect(receiver.types).toEqual(['payment_intent.amount_capturable_updated', 'payment_intent.succeeded']);
    expect(receiver.delivered.map(({ event }) => event.data.object)).toEqual([
      expect.objectContaining({ id, status: 'requires_capture' }),
      expect.objectContaining({ id, status: 'succeeded' }),
    ]);
  });

  it('that was accepted is not sent again', async () => {
    const { id } = await authorize(newOrderId());
    await eventually(async () => (await sandbox.stats()).webhooks.pending === 0);
    receiver.isHolding = true;
    const other = await authorize(newOrderId());
    await eventually(() => receiver.delivered.length === 2);
    await restartWithReceiverBack();

    await eventually(async () => (await sandbox.stats()).webhooks.pending === 0);
    const sentIds = receiver.delivered.map(({ event }) => (event.data.object as { id: string }).id);
    expect([sentIds.includes(other.id), sentIds.includes(id)]).toEqual([true, false]);
  });

  it('that failed ten times is not sent again', async () => {
    receiver.statuses.push(...Array<number>(10).fill(500));
    await authorize(newOrderId());
    await eventually(async () => (await sandbox.stats()).webhooks.pending === 0);
    expect((await sandbox.stats()).webhooks).toMatchObject({ sent: 0, failed: 10 });
    await restartWithReceiverBack();

    await authorize(newOrderId(), 'pm_sandbox_duplicate_webhooks_2');
    await eventually(() => receiver.delivered.length >= 2);
    expect(new Set(receiver.delivered.map(({ event }) => event.id)).size).toBe(1);
    expect((await sandbox.stats()).webhooks.pending).toBe(0);
  });

  it('is still sent twice, reversed or never, as its payment method says', async () => {
    receiver.isHolding = true;
    await authorize(newOrderId(), 'pm_sandbox_no_webhook');
    await authorize(newOrderId(), 'pm_sandbox_duplicate_webhooks_2');
    const { id } = await authorize(newOrderId(), 'pm_sandbox_reordered_webhooks');
    await capture(id);
    await eventually(() => receiver.delivered.length === 2);
    await restartWithReceiverBack();

    await eventually(() => receiver.delivered.length === 4);
    expect(receiver.types).toEqual([
      'payment_intent.amount_capturable_updated',
      'payment_intent.amount_capturable_updated',
      'payment_intent.succeeded',
      'payment_intent.amount_capturable_updated',
    ]);
    await eventually(async () => (await sandbox.stats()).webhooks.pending === 0);
  });
});

describe('faults and statistics', () => {
  it('are reset by a restart', async () => {
    await sandbox.setFaults({ errorRate: 1, rateLimitPerSecond: 1, seed: 5 });
    await errorOf(sandbox.stripe().events.list());
    await restart();
    expect(await sandbox.get('/sandbox/faults')).toMatchObject({ errorRate: 0, seed: 0 });
    expect(await sandbox.get('/sandbox/faults')).not.toHaveProperty('rateLimitPerSecond');
    expect((await sandbox.stats()).requests.total).toBe(0);
  });
});
