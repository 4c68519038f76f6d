import { randomUUID } from 'node:crypto';
import { type Answer, HttpClient, expectProblem } from '../support/http-client';
import { openShop } from '../support/shop';

/** Open without a key: a webhook has a signature, and a session starts with a key in its body. */
const open = [
  '/health/live',
  '/health/ready',
  '/metrics',
  '/v1/payments/webhooks/stripe',
  '/v1/admin/session',
];

/** Need a parameter, report what this suite does not have, or are for one client alone. */
const asked = [
  '/v1/orders/{id}/next-action',
  '/v1/stock',
  '/v1/admin/find',
  '/v1/admin/stream',
  '/v1/admin/load-tests/{id}',
  '/v1/admin/reservations/releases/{id}',
  '/v1/admin/reconciliations/{id}',
  '/v1/admin/review/{id}',
  '/v1/webhook-endpoints/{id}',
  '/v1/webhook-endpoints/{id}/deliveries',
];

/** The documented routes. A route that is missing from the service's own list would otherwise go untested. */
const promised = [
  'POST /v1/reservations',
  'GET /v1/reservations',
  'GET /v1/reservations/{id}',
  'PATCH /v1/reservations/{id}',
  'POST /v1/reservations/{id}/extend',
  'POST /v1/reservations/{id}/confirm',
  'POST /v1/reservations/{id}/release',
  'POST /v1/orders',
  'GET /v1/orders',
  'GET /v1/orders/{id}',
  'GET /v1/orders/{id}/events',
  'GET /v1/orders/{id}/next-action',
  'POST /v1/orders/{id}/payments',
  'POST /v1/orders/{id}/cancel',
  'POST /v1/orders/{id}/refund',
  'GET /v1/events',
  'POST /v1/webhook-endpoints',
  'GET /v1/webhook-endpoints',
  'GET /v1/webhook-endpoints/{id}',
  'PATCH /v1/webhook-endpoints/{id}',
  'DELETE /v1/webhook-endpoints/{id}',
  'POST /v1/webhook-endpoints/{id}/rotate-secret',
  'POST /v1/webhook-endpoints/{id}/test',
  'POST /v1/webhook-endpoints/{id}/replay',
  'GET /v1/webhook-endpoints/{id}/deliveries',
  'GET /v1/stock/{sku}',
  'GET /v1/stock',
  'POST /v1/payments/webhooks/stripe',
  'PUT /v1/admin/products/{sku}',
  'GET /v1/admin/products',
  'GET /v1/admin/products/{sku}',
  'GET /v1/admin/products/{sku}/movements',
  'POST /v1/admin/products/{sku}/adjustments',
  'POST /v1/admin/products/{sku}/transfers',
  'GET /v1/admin/reservations',
  'GET /v1/admin/reservations/returning',
  'POST /v1/admin/reservations/release',
  'GET /v1/admin/reservations/releases',
  'GET /v1/admin/reservations/releases/{id}',
  'POST /v1/admin/reservations/releases/{id}/stop',
  'POST /v1/admin/reservations/{id}/release',
  'POST /v1/admin/reconciliations',
  'GET /v1/admin/reconciliations',
  'GET /v1/admin/reconciliations/{id}',
  'GET /v1/admin/orders',
  'GET /v1/admin/orders/{id}/saga',
  'GET /v1/admin/orders/{id}/saga/options',
  'POST /v1/admin/orders/{id}/saga/retry',
  'POST /v1/admin/orders/{id}/saga/compensate',
  'POST /v1/admin/orders/{id}/saga/resolve',
  'GET /v1/admin/dead-letters',
  'POST /v1/admin/dead-letters/{id}/retry',
  'GET /v1/admin/invariants',
  'GET /v1/admin/contention',
  'GET /v1/admin/contention/{sku}',
  'GET /v1/admin/review',
  'GET /v1/admin/review/{id}',
  'GET /v1/admin/find',
  'GET /v1/admin/actions',
  'GET /v1/admin/events',
  'POST /v1/admin/session',
  'GET /v1/admin/session',
  'DELETE /v1/admin/session',
  'GET /v1/admin/overview',
  'GET /v1/admin/stream',
  'GET /v1/admin/queues',
  'GET /v1/admin/outbox',
  'POST /v1/admin/load-tests',
  'GET /v1/admin/load-tests',
  'GET /v1/admin/load-tests/{id}',
  'POST /v1/admin/load-tests/{id}/stop',
];

describe('a route', () => {
  const shop = openShop({ queue: 'postgres' });
  let sku: string;
  let order: any;
  let reservation: any;
  let endpoint: any;
  let routes: { method: string; path: string }[];

  beforeAll(async () => {
    sku = await shop.product(10);
    order = await shop.placed(sku, 2);
    reservation = await shop.reserved(sku, 3);
    endpoint = (await shop.client.post('/v1/webhook-endpoints', { url: 'http://127.0.0.1:9/' })).body;
    const { body } = await shop.stranger.get('/openapi.json');
    routes = Object.entries(body.paths as Record<string, object>).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => ({ method: method.toUpperCase(), path })),
    );
  });

  // Two units sold, three reserved: a caller without the right changes nothing.
  afterEach(async () => {
    expect((await shop.admin.get(`/v1/stock/${sku}`)).body).toMatchObject({ onHand: 10, reserved: 5 });
    expect((await shop.orderNow(order.id)).status).toBe('placed');
    expect((await shop.admin.get(`/v1/reservations/${reservation.id}`)).body.status).toBe('active');
  });

  const guarded = () => routes.filter(({ path }) => !open.includes(path));
  const acting = () => guarded().filter(({ method }) => method !== 'GET');

  /** The route with existing names and a valid body, so that only the caller can be refused. */
  function call(by: HttpClient, { method, path }: { method: string; path: string }): Promise<Answer> {
    const { id } = path.includes('webhook-endpoints')
      ? endpoint
      : path.includes('reservations')
        ? reservation
        : order;
    const real = path.replace('{id}', id).replace('{sku}', sku);
    return by.send(method, real, method === 'GET' ? undefined : bodyFor(path), {
      headers: { 'idempotency-key': randomUUID(), 'if-match': '*' },
    });
  }

  function bodyFor(path: string): object {
    const bodies: [RegExp, object][] = [
      [/orders$/, { customerId: 'c', paymentMethod: 'pm_card_visa', lines: [{ sku, quantity: 1 }] }],
      [/v1\/reservations$/, { customerId: 'c', lines: [{ sku, quantity: 1 }] }],
      [/v1\/reservations\/\{id\}$/, { lines: [{ sku, quantity: 1 }] }],
      [/payments$/, { payment: { method: 'pm_card_visa' } }],
      [/(ship|return)$/, { lines: [{ sku, quantity: 1 }] }],
      [/refunds$/, { reason: 'customer called' }],
      [/extend$/, { ttlSeconds: 60 }],
      [/adjustments$/, { delta: 1, reason: 'received' }],
      [/products\/\{sku\}$/, { name: 'Changed', unitPrice: { amount: 1, currency: 'EUR' } }],
      [/webhook-endpoints$/, { url: 'http://127.0.0.1:9/' }],
      [/v1\/webhook-endpoints\/\{id\}\/replay$/, { from: new Date().toISOString() }],
      [/admin\/.*(release|retry|compensate|resolve|test|disable|enable)$/, { reason: 'customer called' }],
    ];
    return bodies.find(([pattern]) => pattern.test(path))?.[1] ?? {};
  }

  it('is in the service’s OpenAPI description', () => {
    expect(routes.map(({ method, path }) => `${method} ${path}`)).toEqual(expect.arrayContaining(promised));
  });

  it('answers 401 without a key and with an invalid one', async () => {
    const key = 'hf_dev_client';
    const wrong = [
      'Bearer nope',
      `Bearer ${key}x`,
      key,
      `Basic ${key}`,
      'Bearer',
      `Bearer ${key} ${key}`,
      `Bearer ${'x'.repeat(5_000)}`,
    ];
    for (const route of guarded()) {
      const answer = await call(shop.stranger, route);
      expectProblem(answer, { status: 401, code: 'unauthenticated' });
      expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/);
    }
    for (const authorization of wrong) {
      const answer = await shop.stranger.get('/v1/orders', { headers: { authorization } });
      expectProblem(answer, { status: 401, code: 'unauthenticated' });
    }
  });

  it('answers 401 with a key that was revoked', async () => {
    const revoked = await shop.newClient();
    await shop.query('UPDATE api_keys SET revoked_at = now() WHERE name = $1', [`client ${revoked.key}`]);

    for (const route of guarded())
      expectProblem(await call(revoked, route), { status: 401, code: 'unauthenticated' });
  });

  it('answers 403 to a client if it is for admins', async () => {
    const admins = guarded().filter(({ path }) => path.startsWith('/v1/admin/'));

    expect(admins.length).toBeGreaterThan(5);
    for (const route of admins)
      expectProblem(await call(shop.client, route), { status: 403, code: 'forbidden' });
  });

  it('answers 403 to a viewer if it changes something', async () => {
    expect(acting().length).toBeGreaterThan(8);
    for (const route of acting())
      expectProblem(await call(shop.viewer, route), { status: 403, code: 'forbidden' });
  });

  it('answers a viewer if it only reads', async () => {
    for (const route of guarded().filter(({ method, path }) => method === 'GET' && !asked.includes(path))) {
      expect([route.path, (await call(shop.viewer, route)).status]).toEqual([route.path, 200]);
    }
    expect((await shop.viewer.get(`/v1/stock?sku=${sku}`)).status).toBe(200);
  });

  it('answers 404 for another client’s order or reservation', async () => {
    const other = await shop.newClient();
    const theirs = guarded().filter(({ path }) => path.includes('{id}') && !path.startsWith('/v1/admin/'));

    expect(theirs.map(({ path }) => path).sort()).toEqual(
      expect.arrayContaining(
        promised
          .filter((route) => /v1\/(orders|reservations)\/\{id\}/.test(route))
          .map((route) => route.split(' ')[1]),
      ),
    );
    for (const route of theirs) {
      const answer = await call(other, route);
      const [code, nobody] = route.path.includes('webhook-endpoints')
        ? ['webhook_endpoint_not_found', 'whe_01jd3v7q8ne05v7c0kq1e5m9tz']
        : route.path.includes('reservations')
          ? ['reservation_not_found', 'rsv_01jd3v7q8ne05v7c0kq1e5m9tz']
          : ['order_not_found', 'ord_01jd3v7q8ne05v7c0kq1e5m9tz'];
      expectProblem(answer, { status: 404, code });
      const nobodys = await other.send(
        route.method,
        route.path.replace('{id}', nobody),
        route.method === 'GET' ? undefined : bodyFor(route.path),
        { headers: { 'idempotency-key': randomUUID() } },
      );
      expect({ status: answer.status, code: answer.body.code, detail: answer.body.detail }).toEqual({
        status: nobodys.status,
        code: nobodys.body.code,
        detail: nobodys.body.detail,
      });
    }
  });

  it('lists a client only its own orders', async () => {
    const other = await shop.newClient();

    expect((await other.get('/v1/orders')).body.data).toEqual([]);
    expect((await other.get(`/v1/orders?customerId=${order.customerId}`)).body.data).toEqual([]);
    expect((await shop.client.get('/v1/orders')).body.data.map((one: any) => one.id)).toEqual([order.id]);
    expect((await shop.viewer.get('/v1/orders')).body.data.map((one: any) => one.id)).toEqual([order.id]);
  });

  it('accepts no order on another client’s reservation', async () => {
    const other = await shop.newClient();
    const answer = await shop.order(
      { customerId: reservation.customerId, reservationId: reservation.id },
      { by: other },
    );

    expectProblem(answer, { status: 404, code: 'reservation_not_found' });
  });

  it('leaves orders, stock and the provider’s ledger in agreement', () => shop.expectAudit());
});
