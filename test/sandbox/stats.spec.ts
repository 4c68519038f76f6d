import { Stats } from '../../sandbox/stats';
import { seeded } from '../support/seeded';
import {
  Receiver,
  TestSandbox,
  errorOf,
  eventually,
  newOrderId,
  patienceMs,
  payment,
  type SandboxStats,
} from './harness';

let sandbox: TestSandbox;
beforeEach(async () => {
  sandbox = await TestSandbox.start();
});
afterEach(() => sandbox.stop());

const nothing = { ok: 0, declined: 0, refused: 0, error5xx: 0, rateLimited: 0, timedOut: 0, cutOff: 0 };
const sum = (counts: Record<string, number>) => Object.values(counts).reduce((a, b) => a + b, 0);
const create = (paymentMethod: string, timeout = 20_000) =>
  sandbox.stripe({ timeout }).paymentIntents.create(payment(newOrderId(), paymentMethod));

describe('GET /sandbox/stats', () => {
  it('counts requests by path and by result', async () => {
    const stripe = sandbox.stripe();
    const ids = [await create('pm_card_visa'), await create('pm_card_visa')].map(({ id }) => id);
    for (const id of ids) await stripe.paymentIntents.capture(id);
    await stripe.refunds.create({ payment_intent: ids[0]! });
    await errorOf(stripe.paymentIntents.cancel(ids[1]!));
    await errorOf(create('pm_card_chargeDeclined'));
    await errorOf(create('pm_sandbox_error_then_ok_1'));
    await errorOf(create('pm_sandbox_rate_limited_1'));
    await errorOf(create('pm_sandbox_timeout_after_commit', patienceMs));
    await errorOf(sandbox.stripe({ key: 'sk_test_somebody_else' }).events.list());
    await errorOf(stripe.customers.list());

    const { requests, answered } = await sandbox.stats();
    expect(requests).toMatchObject({
      total: 12,
      byPath: {
        'GET (unknown path)': 1,
        'GET /v1/events': 1,
        'POST /v1/payment_intents': 6,
        'POST /v1/payment_intents/:id/cancel': 1,
        'POST /v1/payment_intents/:id/capture': 2,
        'POST /v1/refunds': 1,
      },
    });
    expect(answered).toEqual({
      ...nothing,
      ok: 5,
      declined: 1,
      refused: 3,
      error5xx: 1,
      rateLimited: 1,
      timedOut: 1,
    });
    expect(sum(requests.byPath)).toBe(requests.total);
  });

  it('counts requests while down, including the retry of the official client', async () => {
    await sandbox.setFaults({ down: true });
    await errorOf(create('pm_card_visa'));
    expect(await sandbox.stats()).toMatchObject({
      requests: { total: 2 },
      answered: { ...nothing, cutOff: 2 },
    });
  });

  it.each<[string, object, string]>([
    ['dropped', { dropAnswersRate: 1 }, 'cutOff'],
    ['never sent', { timeoutRate: 1 }, 'timedOut'],
    ['replaced by an error', { errorRate: 1 }, 'error5xx'],
  ])('counts separately a response that was %s', async (_what, faults, answer) => {
    await sandbox.setFaults(faults);
    await errorOf(create('pm_card_visa', patienceMs));
    const { requests, answered } = await sandbox.stats();
    expect(answered).toEqual({ ...nothing, [answer]: requests.total });
  });

  it('counts a request as timed out when its client left before the response', async () => {
    await errorOf(create(`pm_sandbox_slow_answer_${2 * patienceMs}`, patienceMs));
    const answered = await eventually(async () => {
      const now = (await sandbox.stats()).answered;
      return sum(now) === 1 && now;
    });
    expect(answered).toEqual({ ...nothing, timedOut: 1 });
  });

  it('shows the current second last, and the highest count as the peak', async () => {
    for (let i = 0; i < 20; i++) await sandbox.stripe().events.list();
    const { total, lastMinute, perSecondPeak } = (await sandbox.stats()).requests;
    expect(lastMinute).toHaveLength(60);
    expect(lastMinute.reduce((a, b) => a + b, 0)).toBe(total);
    expect(perSecondPeak).toBe(Math.max(...lastMinute));
  });

  it('is zero after DELETE, without the requests in progress', async () => {
    await create('pm_card_visa');
    const slow = create(`pm_sandbox_slow_${patienceMs}`);
    await eventually(async () => (await sandbox.stats()).requests.total === 2);

    const response = await fetch(`${sandbox.url}/sandbox/stats`, { method: 'DELETE' });
    const zero = {
      requests: { total: 0, byPath: {}, perSecondPeak: 0, lastMinute: Array<number>(60).fill(0) },
      answered: nothing,
    };
    expect(await response.json()).toMatchObject(zero);
    await slow;
    expect(await sandbox.stats()).toMatchObject(zero);
  });

  it('does not count requests to /sandbox', async () => {
    for (const path of ['ledger', 'faults', 'stats', 'health']) await sandbox.get(`/sandbox/${path}`);
    expect((await sandbox.stats()).requests.total).toBe(0);
  });
});

describe('webhooks in GET /sandbox/stats', () => {
  it('counts each try, and the events that are not accepted yet', async () => {
    const receiver = await Receiver.start();
    await sandbox.stop();
    sandbox = await TestSandbox.start({ webhookUrl: receiver.url });
    try {
      receiver.statuses.push(500, 503);
      await create('pm_sandbox_duplicate_webhooks_3');
      await eventually(async () => (await sandbox.stats()).webhooks.pending === 0);
      expect((await sandbox.stats()).webhooks).toEqual({ sent: 3, failed: 2, pending: 0 });

      receiver.isHolding = true;
      await create('pm_card_visa');
      await create('pm_sandbox_no_webhook');
      await eventually(() => receiver.delivered.length === 6);
      expect((await sandbox.stats()).webhooks).toEqual({ sent: 3, failed: 2, pending: 1 });

      await fetch(`${sandbox.url}/sandbox/stats`, { method: 'DELETE' });
      expect((await sandbox.stats()).webhooks).toEqual({ sent: 0, failed: 0, pending: 1 });
    } finally {
      await receiver.stop();
    }
  });
});

describe('lastMinute', () => {
  it(
    'has the count of each second, whatever the pauses between requests',
    seeded(async (random) => {
      let nowMs = random.integer(0, 1_000_000);
      const stats = new Stats(() => nowMs);
      const perSecond = new Map<number, number>();
      for (let i = 0; i < 2_000; i++) {
        nowMs += random.pick([0, 1, 30, 400, 1_000, 2_500, random.integer(0, 90_000)]);
        const second = Math.floor(nowMs / 1_000);
        if (random.next() < 0.8) {
          stats.begin('GET /v1/events');
          perSecond.set(second, (perSecond.get(second) ?? 0) + 1);
        }
        const expected = Array.from({ length: 60 }, (_, age) => perSecond.get(second - 59 + age) ?? 0);
        const { requests } = stats.render(0) as SandboxStats;
        expect(requests.lastMinute).toEqual(expected);
        expect(requests.perSecondPeak).toBe(Math.max(0, ...perSecond.values()));
      }
    }),
  );
});
