import { HttpClient } from '../support/http-client';
import { inParallel, openShop, tally } from '../support/shop';
import { until } from '../support/until';

const placed = 'placed';
const rejected = 'rejected';

/** Payment method, the order's final status, and how much of 1999 the provider keeps. */
const methods: [method: string, ends: string, kept: number][] = [
  ['pm_card_visa', placed, 1999],
  ['pm_card_chargeDeclined', rejected, 0],
  ['pm_card_chargeDeclinedInsufficientFunds', rejected, 0],
  ['pm_card_nobodyKnows', rejected, 0],
  ['pm_sandbox_slow_300', placed, 1999],
  ['pm_sandbox_slow_1500', placed, 1999],
  ['pm_sandbox_timeout_after_commit', placed, 1999],
  ['pm_sandbox_timeout_before_commit', placed, 1999],
  ['pm_sandbox_late_commit_1200', placed, 1999],
  ['pm_sandbox_error_then_ok_1', placed, 1999],
  ['pm_sandbox_rate_limited_2', placed, 1999],
  ['pm_sandbox_capture_declined', rejected, 0],
  ['pm_sandbox_duplicate_webhooks_9', placed, 1999],
  ['pm_sandbox_reordered_webhooks', placed, 1999],
  ['pm_sandbox_no_webhook', placed, 1999],
];

describe('orders by payment method', () => {
  const env = { PAYMENT_TIMEOUT_MS: '400', SAGA_LEASE_MS: '2000', SWEEP_MS: '100' };
  const shop = openShop({ queue: 'postgres', env });
  const faults = () => new HttpClient(shop.service.sandboxUrl);
  const orders = new Map<string, string>();
  let sku: string;

  // All of them wait for the provider at the same time, so the suite takes as long as the slowest.
  beforeAll(async () => {
    sku = await shop.product(100);
    await inParallel(methods.length, methods.length, async (index) => {
      const [paymentMethod] = methods[index]!;
      const answer = await shop.order({ paymentMethod, lines: [{ sku, quantity: 1 }] });
      orders.set(paymentMethod, answer.body.id);
    });
  });

  it.each(methods)('with %s an order ends %s, and the provider keeps %i', async (method, ends, kept) => {
    const id = orders.get(method)!;
    const order = await shop.untilEnded(id);

    expect([order.status, order.saga.status]).toEqual([ends, ends === placed ? 'completed' : 'compensated']);
    const { authorized = 0, captured = 0, refunded = 0, voided = 0 } = (await shop.ledgerRow(id)) ?? {};
    expect({ captured, refunded, setAside: authorized - captured - voided }).toEqual({
      captured: kept,
      refunded: 0,
      setAside: 0,
    });
  });

  it('any payment method reserves exactly the sold units', async () => {
    for (const id of orders.values()) await shop.untilEnded(id);
    const sold = methods.filter(([, ends]) => ends === placed).length;

    expect((await shop.client.get(`/v1/stock/${sku}`)).body).toMatchObject({
      reserved: sold,
      available: 100 - sold,
    });
  });

  it('a method with nine copies of each webhook stores each once', async () => {
    const duplicates = await verdictsOf('pm_sandbox_duplicate_webhooks_9', 2);
    expect(tally(duplicates, (event) => event.type)).toEqual({
      'payment_intent.amount_capturable_updated': 1,
      'payment_intent.succeeded': 1,
    });
  });

  it('a method with webhooks in the wrong order stores both', async () => {
    const reordered = await verdictsOf('pm_sandbox_reordered_webhooks', 2);
    expect(reordered.map((event) => event.type)).toEqual([
      'payment_intent.succeeded',
      'payment_intent.amount_capturable_updated',
    ]);
  });

  it('a method without webhooks stores none', async () => {
    expect(await verdictsOf('pm_sandbox_no_webhook', 0)).toEqual([]);
  });

  it('a result by webhook only is applied before the next attempt', async () => {
    const events = await verdictsOf('pm_sandbox_late_commit_1200', 2);
    expect(events.map((event) => event.verdict)).toContain('saga woken');
  });

  it('a failing provider keeps its stock and stays pending until the provider works', async () => {
    const sku30 = await shop.product(30);
    await faults().post('/sandbox/faults', { errorRate: 1 });
    try {
      const during = await inParallel(
        25,
        25,
        async () => (await shop.order({ lines: [{ sku: sku30, quantity: 1 }] })).body.id as string,
      );
      // Not all of them: the circuit opens after this many errors in a row, and the others are held back.
      await until('most charges are in doubt', async () => {
        const now = await Promise.all(during.map((id) => shop.orderNow(id)));
        expect(now.filter((order) => order.status !== 'pending')).toEqual([]);
        return now.filter((order) => order.payment.status === 'unknown').length >= 15;
      });

      expect(await shop.available(sku30)).toBe(5);
      expect((await faults().send('DELETE', '/sandbox/faults')).status).toBeLessThan(300);
      const ended = await Promise.all(during.map((id) => shop.untilEnded(id)));
      expect(tally(ended, (order) => `${order.status} ${order.payment.status}`)).toEqual({
        'placed captured': 25,
      });
    } finally {
      await faults().send('DELETE', '/sandbox/faults');
    }
  });

  it('every payment method passes the audit against the provider’s ledger', () => shop.expectAudit());

  /** The stored webhooks of the method, in order of arrival, once there are this many. */
  function verdictsOf(method: string, count: number): Promise<{ type: string; verdict: string }[]> {
    return until(`${count} webhooks of ${method} are processed`, async () => {
      const events = await shop.query<{ type: string; verdict: string; orderId: string }>(
        `SELECT type, verdict, raw_body::json #>> '{data,object,metadata,orderId}' AS "orderId"
           FROM provider_events WHERE verdict IS NOT NULL ORDER BY received_at`,
      );
      const own = events.filter((event) => event.orderId === orders.get(method));
      return own.length >= count && own;
    });
  }
});
