import { randomUUID } from 'node:crypto';
import { expectProblem } from '../support/http-client';
import { openShop } from '../support/shop';

describe('an invalid request', () => {
  const shop = openShop({ queue: 'postgres' });
  let sku: string;
  let order: any;
  let reservation: any;

  beforeAll(async () => {
    sku = await shop.product(10);
    order = await shop.placed(sku);
    reservation = await shop.reserved(sku);
  });

  // One unit sold, one reserved: no request below may change that.
  afterEach(async () => expect(await shop.available(sku)).toBe(8));

  const needKeys: [string, () => [string, object]][] = [
    [
      'an order',
      () => ['/v1/orders', { customerId: 'c', paymentMethod: 'pm_card_visa', lines: [{ sku, quantity: 1 }] }],
    ],
    ['a reservation', () => ['/v1/reservations', { customerId: 'c', lines: [{ sku, quantity: 1 }] }]],
    ['a cancellation', () => [`/v1/orders/${order.id}/cancel`, {}]],
    ['a refund', () => [`/v1/orders/${order.id}/refund`, {}]],
  ];
  const takeKeys: [string, () => [string, object]][] = [
    ['an adjustment', () => [`/v1/admin/products/${sku}/adjustments`, { delta: 1, reason: 'received' }]],
    [
      'a forced release',
      () => [`/v1/admin/reservations/${reservation.id}/release`, { reason: 'customer called' }],
    ],
  ];

  it.each(needKeys)('is refused: %s without an idempotency key', async (_what, call) => {
    const [path, body] = call();
    expectProblem(await shop.client.post(path, body), { status: 400, code: 'idempotency_key_missing' });
    const empty = await shop.client.post(path, body, { headers: { 'idempotency-key': '' } });
    expectProblem(empty, { status: 400, code: 'idempotency_key_missing' });
  });

  it.each([...needKeys, ...takeKeys])(
    'is refused: %s with an invalid idempotency key',
    async (_what, call) => {
      const [path, body] = call();
      const keys = [
        'x'.repeat(300),
        'x'.repeat(256),
        `"${'x'.repeat(256)}"`,
        'two words',
        '""',
        '"a b"',
        'a, b',
        'clé',
        '\ttab in',
      ];
      for (const key of keys) {
        const answer = await shop.admin.post(path, body, { headers: { 'idempotency-key': key } });
        expectProblem(answer, { status: 400, code: 'idempotency_key_invalid' });
      }
    },
  );

  it('is accepted with an idempotency key of 255 visible characters', async () => {
    const key = `!#$%&'()*+-./:<=>?@[]^_{|}~${randomUUID()}`.padEnd(255, 'x');
    const body = { customerId: 'c', lines: [{ sku, quantity: 1 }] };
    const made = await shop.reserve(body, { key });
    const again = await shop.reserve(body, { key: `"${key}"` });

    expect([made.status, again.body.id]).toEqual([201, made.body.id]);
    await shop.client.post(`/v1/reservations/${made.body.id}/release`, {});
  });

  const lists = ['/v1/orders', '/v1/admin/orders', '/v1/admin/reservations', '/v1/admin/products'];
  it.each(lists)('is refused by the list %s', async (path) => {
    const limits = ['0', '-1', '101', '1.5', '1e1', 'ten', '', '%00', '99999999999999999999', '1&limit=2'];
    for (const limit of limits) {
      expectProblem(await shop.admin.get(`${path}?limit=${limit}`), {
        status: 422,
        code: 'validation_failed',
        pointer: '/limit',
      });
    }
    const encoded = ['x', "' OR 1=1--", '\u0000', order.id, `${randomUUID()}x`, '\u{1f600}'].map((text) =>
      Buffer.from(text).toString('base64url'),
    );
    for (const cursor of ['nonsense!', '%00', '', 'a'.repeat(5_000), '1&cursor=2', ...encoded]) {
      const answer = await shop.admin.get(`${path}?cursor=${cursor}`);
      // The SKU list's cursors are SKUs, and some of these are valid SKUs.
      if (path.endsWith('products') && answer.status === 200) continue;
      expectProblem(answer, { status: 422, code: 'validation_failed', pointer: '/cursor' });
    }
    expectProblem(await shop.admin.get(`${path}?surprise=1`), { status: 422, pointer: '/surprise' });
  });

  it.each([
    ['/v1/orders?status=nope', '/status'],
    ['/v1/orders?status=placed,', '/status'],
    ['/v1/orders?status=placed&status=pending', '/status'],
    ['/v1/orders?customerId=%00', '/customerId'],
    ['/v1/orders?customerId[]=a', '/customerId[]'],
    ['/v1/orders?sagaStatus=stuck', '/sagaStatus'],
    ['/v1/admin/orders?sagaStatus=nope', '/sagaStatus'],
    ['/v1/admin/reservations?status=nope', '/status'],
    ['/v1/admin/reservations?sku=%00', '/sku'],
    ['/v1/admin/reservations?expiringWithinSeconds=-1', '/expiringWithinSeconds'],
    ['/v1/admin/reservations?expiringWithinSeconds=1e9', '/expiringWithinSeconds'],
    ['/v1/stock', '/sku'],
    ['/v1/stock?sku=%00', '/sku'],
    [`/v1/stock?${'sku=A&'.repeat(201)}`, '/sku'],
  ])('is refused: GET %.60s', async (path, pointer) => {
    expectProblem(await shop.admin.get(path), { status: 422, code: 'validation_failed', pointer });
  });

  const things: [string, string[]][] = [
    ['/v1/orders/', ['', '/events']],
    ['/v1/reservations/', ['']],
    ['/v1/stock/', ['']],
    ['/v1/admin/products/', ['']],
    ['/v1/admin/orders/', ['/saga']],
  ];
  const names = [
    '%00',
    '%ZZ',
    '%C3%28',
    '%F0%9F%98%80',
    "ord_'%20OR%201=1--",
    'ord_nope',
    'rsv_01jd3v7q8ne05v7c0kq1e5m9tz',
    'ord_zzzzzzzzzzzzzzzzzzzzzzzzzz',
    'ord_01JD3V7Q8NF0XV7C0KQ1E5M9TZ',
    '01936f1e-7dd0-7bb1-8000-000000000000',
    '..%2f..%2fetc%2fpasswd',
    '__proto__',
    '%20',
    'x'.repeat(250),
    'x'.repeat(2_000),
  ];
  it.each(
    things.flatMap(([before, afters]) => afters.map((after) => [`GET ${before}…${after}`, before, after])),
  )('gets 404 for an invalid name: %s', async (_what, before, after) => {
    for (const name of names)
      expectProblem(await shop.admin.get(`${before}${name}${after}`), { status: [400, 404, 414, 422] });
  });

  it.each([
    ['/v1/orders/', '/cancel', {}],
    ['/v1/orders/', '/refund', {}],
    ['/v1/reservations/', '/extend', { ttlSeconds: 60 }],
    ['/v1/reservations/', '/confirm', {}],
    ['/v1/reservations/', '/release', {}],
    ['/v1/admin/reservations/', '/release', { reason: 'customer called' }],
    ['/v1/admin/products/', '/adjustments', { delta: 1, reason: 'received' }],
  ])('changes nothing for an invalid id: POST %s…%s', async (before, after, body) => {
    for (const name of names) {
      const answer = await shop.admin.post(`${before}${name}${after}`, body, {
        headers: { 'idempotency-key': randomUUID() },
      });
      expectProblem(answer, { status: [400, 404, 414, 422] });
    }
  });

  it('gets 404 for an id of another type', async () => {
    expectProblem(await shop.client.get(`/v1/orders/${reservation.id}`), {
      status: 404,
      code: 'order_not_found',
    });
    expectProblem(await shop.client.get(`/v1/reservations/${order.id}`), {
      status: 404,
      code: 'reservation_not_found',
    });
    expectProblem(await shop.client.get('/v1/stock/NOPE'), { status: 404, code: 'product_not_found' });
  });

  it('creates no product with an invalid SKU', async () => {
    const product = { name: 'Product', unitPrice: { amount: 1, currency: 'EUR' } };
    for (const name of ['%00', '%20', 'a%2fb', '-a', 'a'.repeat(65), '%F0%9F%98%80', "a'b"]) {
      expectProblem(await shop.admin.put(`/v1/admin/products/${name}`, product), { status: [400, 404, 422] });
    }
    expect(await shop.all('/v1/admin/products')).toHaveLength(1);
  });

  it.each([
    ['GET', '/v1/nope'],
    ['POST', '/v1/nope'],
    ['GET', '/v2/orders'],
    ['DELETE', '/v1/orders'],
    ['PUT', '/v1/orders'],
    ['PATCH', '/v1/orders/ord_nope'],
    ['DELETE', '/v1/admin/products/SKU'],
    ['GET', '/v1/payments/webhooks/stripe'],
    ['POST', '/health/live'],
  ])('gets 404: %s %s', async (method, path) => {
    const answer = await shop.admin.send(method, path, method === 'POST' ? {} : undefined);
    expectProblem(answer, { status: [404, 405] });
  });

  it('gets a problem even when its headers are too large', async () => {
    const answer = await shop.client.get('/v1/orders', { headers: { 'x-filler': 'x'.repeat(20_000) } });

    expect(answer.status).toBe(431);
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  });

  it('leaves orders, stock and the provider’s ledger in agreement', () => shop.expectAudit());
});
