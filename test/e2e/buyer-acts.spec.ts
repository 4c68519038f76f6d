import { randomUUID } from 'node:crypto';
import { HttpClient, expectProblem } from '../support/http-client';
import { openShop } from '../support/shop';
import { until } from '../support/until';

describe('a buyer who acts', () => {
  const shop = openShop({ queue: 'postgres', env: { SWEEP_MS: '100' } });
  const provider = () => new HttpClient(shop.service.sandboxUrl);
  const nextAction = (id: string, by = shop.client) => by.get(`/v1/orders/${id}/next-action`);
  let sku: string;
  beforeAll(async () => (sku = await shop.product(100)));

  const order = (body: Record<string, unknown>, key = randomUUID()) =>
    shop.order({ lines: [{ sku, quantity: 1 }], ...body }, { waitSeconds: 30, key });
  const pay = (id: string, method: string, key = randomUUID()) =>
    shop.client.post(
      `/v1/orders/${id}/payments`,
      { payment: { method } },
      { headers: { 'idempotency-key': key, prefer: 'wait=30' } },
    );
  /** The buyer comes back from the bank's page. */
  const authenticate = async (reference: string, outcome: 'success' | 'failure') => {
    const answer = await provider().post(`/sandbox/payment_intents/${reference}/authenticate`, { outcome });
    expect(answer.status).toBe(200);
  };

  it('authenticates with a secret that only the owner of the order gets, and that is kept nowhere', async () => {
    const { status, body } = await order({ paymentMethod: 'pm_sandbox_requires_action' });
    expect([status, body.status, body.payment.status, body.saga.status]).toEqual([
      202,
      'pending',
      'requires_action',
      'running',
    ]);
    const action = await nextAction(body.id);
    expect([action.status, action.headers.get('cache-control')]).toEqual([200, 'no-store']);
    expect(action.body).toEqual({
      object: 'next_action',
      type: 'stripe_payment_intent',
      clientSecret: expect.stringMatching(/^pi_.+_secret_/) as string,
      stripeAccount: null,
      expiresAt: body.payment.actionExpiresAt,
      expiresInSeconds: expect.any(Number) as number,
    });
    expectProblem(await nextAction(body.id, shop.admin), { status: 403, code: 'forbidden' });
    expectProblem(await nextAction(body.id, shop.viewer), { status: 403, code: 'forbidden' });
    expectProblem(await nextAction(body.id, await shop.newClient()), {
      status: 404,
      code: 'order_not_found',
    });

    await provider().post('/sandbox/faults', { down: true });
    const away = await nextAction(body.id);
    expectProblem(away, { status: 503, code: 'unavailable' });
    expect(away.headers.get('retry-after')).toBe('1');
    await provider().post('/sandbox/faults', {});

    await authenticate(body.payment.reference, 'success');
    expect((await shop.untilEnded(body.id)).status).toBe('placed');
    expectProblem(await nextAction(body.id), { status: 404, code: 'no_action_required' });

    // Webhooks about a canceled payment are kept whole.
    const { body: other } = await order({ paymentMethod: 'pm_sandbox_requires_action' });
    await shop.requestCancellation(other.id, 'cancel');
    const secret: string = action.body.clientSecret;
    const stored = await everythingStored();
    expect(stored).toContain(other.payment.reference);
    for (const kept of [secret, '_secret_']) expect(stored).not.toContain(kept);
    const logs = ['api', 'worker'].flatMap((role) =>
      shop.service.names.filter((name) => name.startsWith(role)).map((name) => shop.service.outputOf(name)),
    );
    expect(logs.join('\n').length).toBeGreaterThan(0);
    expect(logs.join('\n')).not.toContain(secret);
    expect((await shop.admin.get('/metrics')).text).not.toContain(secret);
  });

  /** Every row of every table of ours, as text. */
  async function everythingStored(): Promise<string> {
    const tables = await shop.query<{ name: string }>(
      `SELECT quote_ident(table_schema) || '.' || quote_ident(table_name) AS name FROM information_schema.tables
        WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')`,
    );
    const texts = await Promise.all(
      tables.map(({ name }) => shop.query<{ row: string }>(`SELECT t::text AS row FROM ${name} t`)),
    );
    return texts.flatMap((rows) => rows.map(({ row }) => row)).join('\n');
  }

  it('pays with another card after a decline and a failed authentication', async () => {
    const key = randomUUID();
    const body = {
      customerId: 'cus_second',
      paymentMethod: 'pm_card_chargeDeclinedInsufficientFunds',
      onDecline: { holdSeconds: 300, attemptsMax: 3 },
    };
    const declined = await order(body, key);
    expectProblem(declined, { status: 402, code: 'payment_declined' });
    const { id } = declined.body.order;
    expect(declined.body).toMatchObject({
      declineCode: 'insufficient_funds',
      mayTryAnotherCard: true,
      attemptsLeft: 2,
      retryUntil: declined.body.order.expiresAt,
      order: { status: 'pending', payment: { status: 'declined', attempts: 1, attemptsLeft: 2 } },
    });
    const again = await order(body, key);
    expectProblem(again, { status: 402, code: 'payment_declined' });
    expect(again.headers.get('idempotent-replayed')).toBe('true');

    const second = await pay(id, 'pm_sandbox_requires_action');
    expect([second.status, second.body.payment.status, second.body.payment.attempts]).toEqual([
      202,
      'requires_action',
      2,
    ]);
    expectProblem(await pay(id, 'pm_card_visa'), { status: 409, code: 'payment_in_progress' });
    await authenticate(second.body.payment.reference, 'failure');
    // Until the webhook has come, the order waits for the buyer, and nothing waits for the order.
    await until('the failure is known', async () => (await shop.orderNow(id)).payment.status === 'declined');
    const third = await order(body, key);
    expectProblem(third, { status: 402, code: 'payment_declined' });
    expect(third.body).toMatchObject({
      declineCode: 'payment_intent_authentication_failure',
      attemptsLeft: 1,
    });

    const last = await pay(id, 'pm_card_visa');
    expect([last.status, last.body.status, last.body.payment]).toMatchObject([
      201,
      'placed',
      { status: 'captured', attempts: 3, attemptsLeft: 0, declineCode: null },
    ]);
    expectProblem(await pay(id, 'pm_card_visa'), { status: 409, code: 'order_not_pending' });
    expect(await shop.ledgerRow(id)).toMatchObject({ captured: 1999, voided: 0, refunded: 0 });
  });

  it.each([
    [{ holdSeconds: 0, attemptsMax: 3 }, '/onDecline/holdSeconds'],
    [{ holdSeconds: 3_601, attemptsMax: 3 }, '/onDecline/holdSeconds'],
    [{ holdSeconds: 60, attemptsMax: 1 }, '/onDecline/attemptsMax'],
    [{ holdSeconds: 60, attemptsMax: 6 }, '/onDecline/attemptsMax'],
    [{ holdSeconds: 60 }, '/onDecline/attemptsMax'],
    ['soon', '/onDecline'],
  ])('is not promised a hold of %j', async (onDecline, pointer) => {
    expectProblem(await order({ onDecline }), { status: 422, code: 'validation_failed', pointer });
  });

  it('leaves no money and no stock behind', () => shop.expectAudit());
});
