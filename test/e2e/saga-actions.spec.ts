import { randomUUID } from 'node:crypto';
import { parsePublicId } from '../../src/ids';
import type { SagaAction } from '../../src/orders/saga-actions/saga-actions';
import { HttpClient, expectProblem } from '../support/http-client';
import { inParallel, openShop, tally } from '../support/shop';
import { until } from '../support/until';

describe('saga actions over HTTP', () => {
  // No webhook arrives and waiting sagas never retry, so only the operator's actions change anything.
  const shop = openShop({
    queue: 'postgres',
    env: { PAYMENT_TIMEOUT_MS: '300' },
    envOf: { sandbox: { SANDBOX_WEBHOOK_URL: 'http://127.0.0.1:9/nowhere' } },
  });
  const acts: readonly SagaAction[] = ['retry', 'compensate', 'resolve'];

  const act = (
    name: SagaAction,
    orderId: string,
    {
      reason = 'customer called',
      key,
      by = shop.admin,
    }: { reason?: unknown; key?: string; by?: HttpClient } = {},
  ) =>
    by.post(
      `/v1/admin/orders/${orderId}/saga/${name}`,
      { reason },
      { headers: key ? { 'idempotency-key': key } : {} },
    );

  const waitFor = (orderId: string, isSo: (order: any) => boolean, what: string) =>
    until(`order ${orderId} ${what}`, async () => {
      const order = await shop.orderNow(orderId);
      return isSo(order) && order;
    });

  const holdStill = (orderId: string) =>
    shop.query(
      `UPDATE sagas SET next_run_at = clock_timestamp() + interval '1 hour' WHERE order_id = $1 AND attempt > 0`,
      [parsePublicId('ord', orderId)],
    );

  /** An order whose authorization has no result and is not retried. */
  async function unheard(paymentMethod: string, sku: string): Promise<string> {
    const { body } = await shop.order({ paymentMethod, lines: [{ sku, quantity: 1 }] });
    await waitFor(body.id, (order) => order.payment.status === 'unknown', 'has no result');
    await holdStill(body.id);
    return body.id as string;
  }

  /** The same with the capture: a first retry authorizes it, then the capture has no result. */
  async function captureUnheard(paymentMethod: string, sku: string): Promise<string> {
    const orderId = await unheard(paymentMethod, sku);
    await act('retry', orderId);
    await waitFor(
      orderId,
      ({ payment, saga }) => payment.status === 'unknown' && saga.step === 'capture-payment',
      'waits for its capture',
    );
    await holdStill(orderId);
    return orderId;
  }

  const faults = (settings: { down?: boolean }) =>
    new HttpClient(shop.service.sandboxUrl).post('/sandbox/faults', settings);

  const recordsOf = (orderId: string) =>
    shop.query<{ actor: string; action: string; reason: string; before: any; after: any }>(
      'SELECT actor, action, reason, before, after FROM admin_actions WHERE object_id = $1 ORDER BY id',
      [orderId],
    );

  it('retry calls the provider at once, and the order is charged once', async () => {
    const sku = await shop.product(5);
    const orderId = await captureUnheard('pm_sandbox_timeout_after_commit', sku);
    const answer = await act('retry', orderId, { reason: 'the provider is back' });

    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ object: 'saga', orderId });
    expect(answer.body.transitions).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          cause: 'retried',
          detail: 'retry by bootstrap-admin: the provider is back',
        }),
      ]),
    );
    expect((await shop.untilEnded(orderId)).status).toBe('placed');
    expect(await shop.ledgerRow(orderId)).toMatchObject({ authorized: 1999, captured: 1999, refunded: 0 });
    expect(await recordsOf(orderId)).toMatchObject([
      { actor: 'bootstrap-admin', action: 'saga.retry', reason: 'customer called' },
      {
        actor: 'bootstrap-admin',
        action: 'saga.retry',
        reason: 'the provider is back',
        before: { status: 'running', step: 'capture-payment', attempt: 1, endsAs: null },
        after: { status: 'running', step: 'capture-payment', attempt: 1, endsAs: null },
      },
    ]);
  });

  it('compensate retries an unknown capture first, then refunds it', async () => {
    const sku = await shop.product(5);
    const orderId = await captureUnheard('pm_sandbox_timeout_after_commit', sku);
    expect((await act('compensate', orderId)).body).toMatchObject({ object: 'saga', orderId });

    const ended = await shop.untilEnded(orderId);
    expect([ended.status, ended.rejectionReason, ended.payment.status]).toEqual([
      'rejected',
      'cancelled',
      'refunded',
    ]);
    expect(await shop.ledgerRow(orderId)).toMatchObject({ captured: 1999, refunded: 1999 });
    expect(await shop.available(sku)).toBe(5);
  });

  it('resolve ends an order at once, and a late charge places it', async () => {
    const sku = await shop.product(1);
    const orderId = await unheard('pm_sandbox_late_commit_4000', sku);
    expect(await shop.available(sku)).toBe(0);
    await act('resolve', orderId);

    const now = await shop.client.get(`/v1/orders/${orderId}`);
    expect(now.body).toMatchObject({ status: 'rejected', rejectionReason: 'abandoned', placedAt: null });
    expect(await shop.available(sku)).toBe(1);
    const before = now.body.reservationId;

    const ended = await waitFor(orderId, ({ status }) => status === 'placed', 'is placed');
    expect(ended).toMatchObject({ rejectionReason: null, payment: { status: 'captured' } });
    expect(ended.reservationId).not.toBe(before);
    expect(await shop.available(sku)).toBe(0);
    expect(await shop.ledgerRow(orderId)).toMatchObject({ captured: 1999, refunded: 0 });
  });

  it('a late charge of a resolved order is refunded when its stock is sold', async () => {
    const sku = await shop.product(1);
    const orderId = await captureUnheard('pm_sandbox_timeout_after_commit', sku);
    await faults({ down: true });
    await act('resolve', orderId);
    await shop.reserved(sku);
    await faults({});

    const ended = await shop.untilEnded(orderId);
    expect([ended.status, ended.rejectionReason]).toEqual(['rejected', 'abandoned']);
    expect(await shop.ledgerRow(orderId)).toMatchObject({ captured: 1999, refunded: 1999 });
    expect((await shop.admin.get(`/v1/stock/${sku}`)).body).toMatchObject({ onHand: 1, reserved: 1 });
  });

  it('a resolved order answers 409 order_abandoned to its shop', async () => {
    const sku = await shop.product(1);
    const key = randomUUID();
    const order = {
      customerId: 'cus_given_up',
      paymentMethod: 'pm_sandbox_timeout_before_commit',
      lines: [{ sku, quantity: 1 }],
    };
    const { body } = await shop.order(order, { key });
    await waitFor(body.id, ({ payment }) => payment.status === 'unknown', 'has no result');
    await faults({ down: true });
    await act('resolve', body.id);

    const again = await shop.order(order, { key });
    expectProblem(again, { status: 409, code: 'order_abandoned' });
    expect(again.body.order).toMatchObject({ id: body.id, status: 'rejected', rejectionReason: 'abandoned' });
    await faults({});
    expect((await shop.untilEnded(body.id)).status).toBe('placed');
  });

  it('an action is done once when copies arrive at once under one key', async () => {
    const orderId = await unheard('pm_sandbox_timeout_before_commit', await shop.product(5));
    const key = randomUUID();
    const answers = await inParallel(50, 50, () => act('compensate', orderId, { key }));

    expect(tally(answers, ({ status }) => status)).toEqual({ 200: 50 });
    expect(answers.filter(({ headers }) => headers.get('idempotent-replayed') === 'true')).toHaveLength(49);
    expect((await recordsOf(orderId)).map(({ action }) => action)).toEqual(['saga.compensate']);
    expectProblem(await act('compensate', orderId, { key, reason: 'another reason' }), {
      status: 422,
      code: 'idempotency_key_reused',
    });
    await shop.untilEnded(orderId);
  });

  it('a refused action says why', async () => {
    const sku = await shop.product(5);
    const placed = await shop.placed(sku);
    const orderId = await unheard('pm_sandbox_timeout_before_commit', sku);
    const nobody = 'ord_01jd3v7q8ne05v7c0kq1e5m9tz';
    for (const name of acts) {
      expectProblem(await act(name, placed.id), { status: 409, code: 'saga_settled' });
      expectProblem(await act(name, nobody), { status: 404, code: 'order_not_found' });
      expectProblem(await act(name, 'no-such-id'), { status: 404, code: 'order_not_found' });
      expectProblem(await act(name, orderId, { key: 'not a key' }), {
        status: 400,
        code: 'idempotency_key_invalid',
      });
    }
    await act('compensate', orderId);
    const again = await act('compensate', orderId);
    expectProblem(again, { status: 409 });
    expect(['saga_goes_back', 'saga_driven', 'saga_settled']).toContain(again.body.code);
    expect((await recordsOf(orderId)).map(({ action }) => action)).toEqual(['saga.compensate']);
    await shop.untilEnded(orderId);
  });

  it('an action requires a reason of 3 to 500 characters', async () => {
    const orderId = await unheard('pm_sandbox_timeout_before_commit', await shop.product(1));
    for (const reason of [undefined, 42, '     ', 'ok', 'x'.repeat(501), 'cus\u0000tomer']) {
      for (const name of acts) {
        const answer = await shop.admin.post(`/v1/admin/orders/${orderId}/saga/${name}`, { reason });
        expectProblem(answer, { status: 422, code: 'validation_failed', pointer: '/reason' });
      }
    }
    expect(await recordsOf(orderId)).toEqual([]);

    await act('compensate', orderId, { reason: 'x'.repeat(500) });
    expect((await recordsOf(orderId))[0]!.reason).toHaveLength(500);
  });

  it.each(acts)('only an admin may act (%s)', async (name) => {
    const orderId = await unheard('pm_sandbox_timeout_before_commit', await shop.product(1));
    expectProblem(await act(name, orderId, { by: shop.stranger }), { status: 401, code: 'unauthenticated' });
    for (const by of [shop.client, shop.viewer])
      expectProblem(await act(name, orderId, { by }), { status: 403, code: 'forbidden' });
    expect(await recordsOf(orderId)).toEqual([]);
    expect((await shop.orderNow(orderId)).saga).toEqual({ status: 'running', step: 'authorize-payment' });

    expect((await act(name, orderId, { reason: 'yes' })).status).toBe(200);
    expect((await recordsOf(orderId)).map(({ reason }) => reason)).toEqual(['yes']);
  });

  it('orders, stock and the provider’s ledger agree at the end', () => shop.expectAudit());
});
