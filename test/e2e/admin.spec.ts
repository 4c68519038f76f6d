import { randomUUID } from 'node:crypto';
import { expectProblem } from '../support/http-client';
import { openShop } from '../support/shop';
import { until } from '../support/until';

describe('the admin', () => {
  const shop = openShop({ queue: 'postgres' });
  const stock = async (sku: string) => (await shop.client.get(`/v1/stock/${sku}`)).body;
  const adjust = (sku: string, delta: number, key?: string) =>
    shop.admin.post(
      `/v1/admin/products/${sku}/adjustments`,
      { delta, reason: 'counted' },
      { headers: key ? { 'idempotency-key': key } : {} },
    );

  it('creates a product and replaces everything but its stock', async () => {
    const path = `/v1/admin/products/SKU-${randomUUID().slice(0, 8)}`;
    const first = {
      name: 'Tee',
      unitPrice: { amount: 1999, currency: 'EUR' },
      strategy: 'row-lock',
      quantityPerOrderMax: 4,
    };
    const created = await shop.admin.put(path, { ...first, onHand: 9 });
    const replaced = await shop.admin.put(
      path,
      { name: 'Tee, black', unitPrice: { amount: 2499, currency: 'EUR' } },
      { headers: { 'if-match': created.headers.get('etag')! } },
    );

    expect(created.status).toBe(201);
    expect(created.body).toMatchObject({
      object: 'product',
      ...first,
      stock: { onHand: 9, reserved: 0, available: 9 },
    });
    expect(replaced.status).toBe(200);
    expect(replaced.body).toMatchObject({
      name: 'Tee, black',
      quantityPerOrderMax: null,
      stock: { onHand: 9 },
    });
    expect((await shop.admin.get(path)).body).toEqual(replaced.body);
  });

  it('lists each product once, at any page size', async () => {
    const mine = [await shop.product(1), await shop.product(1), await shop.product(1)];

    for (const limit of [1, 2, 100]) {
      const skus = (await shop.all('/v1/admin/products', limit)).map((product) => product.sku);
      expect(new Set(skus).size).toBe(skus.length);
      expect(skus).toEqual(expect.arrayContaining(mine));
    }
  });

  it('receives stock and writes it off, but never reserved units', async () => {
    const [sku, other] = [await shop.product(5), await shop.product(5)];
    await shop.reserved(sku, 3);
    await shop.placed(sku, 1);

    expect((await adjust(sku, 10)).body).toMatchObject({ sku, onHand: 15, reserved: 4, available: 11 });
    expect((await adjust(sku, -11)).body).toMatchObject({ onHand: 4, available: 0 });
    const refused = await adjust(sku, -1);
    expectProblem(refused, { status: 409, code: 'below_reserved' });
    expect(await stock(sku)).toMatchObject({ onHand: 4, reserved: 4 });
    expect(await stock(other)).toMatchObject({ onHand: 5, reserved: 0 });
    expectProblem(await adjust('NOPE', 1), { status: 404, code: 'product_not_found' });
  });

  it('moves stock once per idempotency key', async () => {
    const sku = await shop.product(5);
    const key = randomUUID();
    const answers = await Promise.all(Array.from({ length: 10 }, () => adjust(sku, 2, key)));

    for (const answer of answers) expect([answer.status, answer.body.onHand]).toEqual([200, 7]);
    expect(answers.filter(({ headers }) => headers.get('idempotent-replayed') === 'true')).toHaveLength(9);
    expectProblem(await adjust(sku, 3, key), { status: 422, code: 'idempotency_key_reused' });
    expect(await stock(sku)).toMatchObject({ onHand: 7 });
  });

  it('never writes off reserved units when write-offs race with buyers', async () => {
    const sku = await shop.product(20);
    const work = Array.from({ length: 40 }, (_, index) =>
      index % 2 ? adjust(sku, -1) : shop.reserve({ lines: [{ sku, quantity: 1 }] }),
    );
    const answers = await Promise.all(work);

    expect(answers.filter(({ status }) => status < 300)).toHaveLength(20);
    for (const answer of answers.filter(({ status }) => status >= 300))
      expectProblem(answer, { status: 409 });
    const { onHand, reserved } = await stock(sku);
    expect(onHand).toBe(reserved);
  });

  it('lists who has reserved which units', async () => {
    const [sku, other] = [await shop.product(9), await shop.product(9)];
    const soon = await shop.reserved(sku, 1, { customerId: 'cus_soon', ttlSeconds: 50 });
    const later = await shop.reserved(sku, 1, { customerId: 'cus_later', ttlSeconds: 500 });
    const elsewhere = await shop.reserved(other, 1, { customerId: 'cus_soon', ttlSeconds: 500 });
    const gone = await shop.reserved(sku, 1, { customerId: 'cus_gone' });
    await shop.client.post(`/v1/reservations/${gone.id}/release`, {});
    const find = async (query: string) =>
      (await shop.all(`/v1/admin/reservations?${query}`)).map((one) => one.id);

    expect(await find(`sku=${sku}`)).toEqual([gone.id, later.id, soon.id]);
    expect(await find(`sku=${sku}&status=active`)).toEqual([later.id, soon.id]);
    expect(await find(`sku=${sku}&status=active,released`)).toEqual([gone.id, later.id, soon.id]);
    expect(await find('customerId=cus_soon')).toEqual([elsewhere.id, soon.id]);
    expect(await find(`sku=${sku}&expiringWithinSeconds=100`)).toEqual([soon.id]);
    expect((await shop.all(`/v1/admin/reservations?sku=${sku}`, 1)).map((one) => one.id)).toEqual([
      gone.id,
      later.id,
      soon.id,
    ]);
  });

  it('releases a reservation and records the reason', async () => {
    const sku = await shop.product(5);
    const [reservation, bystander] = [await shop.reserved(sku, 2), await shop.reserved(sku, 1)];
    const release = (reason: string, key: string) =>
      shop.admin.post(
        `/v1/admin/reservations/${reservation.id}/release`,
        { reason },
        { headers: { 'idempotency-key': key } },
      );
    const [key, reason] = [randomUUID(), 'customer called'];
    const [first, again, fresh] = [
      await release(reason, key),
      await release(reason, key),
      await release(reason, randomUUID()),
    ];

    for (const answer of [first, again, fresh])
      expect([answer.status, answer.body.status]).toEqual([200, 'released']);
    expect(first.body.endReason).toContain(reason);
    expect([first.headers.has('idempotent-replayed'), again.headers.get('idempotent-replayed')]).toEqual([
      false,
      'true',
    ]);
    expectProblem(await release('another reason', key), { status: 422, code: 'idempotency_key_reused' });
    expect(await stock(sku)).toMatchObject({ reserved: 1 });
    expect((await shop.client.get(`/v1/reservations/${bystander.id}`)).body.status).toBe('active');
    const records = await shop.query('SELECT actor, action, reason FROM admin_actions WHERE object_id = $1', [
      reservation.id,
    ]);
    expect(records).toEqual([{ actor: 'bootstrap-admin', action: 'reservation.release', reason }]);
  });

  it('finds orders by the status of the order and its saga', async () => {
    const sku = await shop.product(20);
    const customerId = 'cus_desk';
    const buy = async (paymentMethod: string) => {
      const { body } = await shop.order({ customerId, paymentMethod, lines: [{ sku, quantity: 1 }] });
      return body.id as string;
    };
    const [good, declined, odd] = [
      await buy('pm_card_visa'),
      await buy('pm_card_chargeDeclined'),
      await buy('pm_sandbox_amount_mismatch'),
    ];
    await Promise.all([shop.untilEnded(good), shop.untilEnded(declined)]);
    await until('the odd one is stuck', async () => (await shop.orderNow(odd)).saga.status === 'stuck');
    const find = async (query: string) =>
      (await shop.all(`/v1/admin/orders?customerId=${customerId}&${query}`)).map((one) => one.id);

    expect(await find('sagaStatus=stuck')).toEqual([odd]);
    expect(await find('sagaStatus=completed,compensated')).toEqual([declined, good]);
    expect(await find('status=placed')).toEqual([good]);
    expect(await find('status=rejected&sagaStatus=completed')).toEqual([]);
    expect(await find('status=pending,placed,rejected')).toEqual([odd, declined, good]);
    await shop.requestCancellation(odd, 'cancel');
  });

  it('reads a saga’s timeline from its first step to its last', async () => {
    const order = await shop.placed(await shop.product(3));
    await shop.requestCancellation(order.id, 'cancel');
    const { body: saga } = await shop.viewer.get(`/v1/admin/orders/${order.id}/saga`);

    expect(saga).toMatchObject({ object: 'saga', orderId: order.id, status: 'compensated' });
    const versions = saga.transitions.map((one: any) => one.version);
    expect(versions).toEqual([...new Set(versions)].sort((a: any, b: any) => a - b));
    const steps = [
      ...new Set(saga.transitions.filter((one: any) => one.to === 'running').map((one: any) => one.step)),
    ];
    expect(steps).toEqual(['reserve-stock', 'authorize-payment', 'capture-payment']);
    expect(saga.transitions.at(-1)).toMatchObject({ to: 'compensated', step: 'reserve-stock' });
    for (const one of saga.transitions) {
      expect(one).toMatchObject({
        attempt: expect.any(Number),
        cause: expect.any(String),
        fencingToken: expect.any(Number),
      });
    }
    const operations = saga.operations.map((one: any) => [one.kind, one.status, one.attempts, one.amount]);
    const amount = { amount: 1999, currency: 'EUR' };
    expect(operations).toEqual(
      ['authorize', 'capture', 'refund'].map((kind) => [kind, 'approved', 1, amount]),
    );
    for (const one of saga.operations) expect(one.providerReference).toMatch(/^(pi|re)_/);
    expectProblem(await shop.admin.get('/v1/admin/orders/ord_01jd3v7q8ne05v7c0kq1e5m9tz/saga'), {
      status: 404,
      code: 'order_not_found',
    });
  });

  it('gets every invariant, with the rows that break one', async () => {
    const sku = await shop.product(3);
    const sound = await shop.viewer.get('/v1/admin/invariants');
    await shop.query('UPDATE stock_levels SET reserved = 2 WHERE sku = $1', [sku]);
    const broken = await shop.admin.get('/v1/admin/invariants');
    await shop.query('UPDATE stock_levels SET reserved = 0 WHERE sku = $1', [sku]);

    expect(sound.body).toMatchObject({ ok: true, checkedAt: expect.any(String) });
    expect(sound.body.invariants.length).toBeGreaterThan(15);
    for (const one of sound.body.invariants)
      expect(one).toMatchObject({ id: expect.stringMatching(/^I\d+$/), promise: expect.any(String) });
    expect([broken.status, broken.body.ok]).toEqual([200, false]);
    const violated = broken.body.invariants.filter((one: any) => one.violations.length > 0);
    expect(violated).toEqual([
      expect.objectContaining({ id: 'I2', violations: [expect.objectContaining({ sku, reserved: 2 })] }),
    ]);
  });

  it('leaves orders, stock and the provider’s ledger in agreement', () => shop.expectAudit());
});
