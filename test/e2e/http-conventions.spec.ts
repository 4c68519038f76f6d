import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { expectProblem } from '../support/http-client';
import { read } from '../support/repository';
import { openShop } from '../support/shop';

describe('the HTTP API', () => {
  const shop = openShop({ queue: 'postgres', env: { DATABASE_LOCK_TIMEOUT_MS: '300' } });

  describe('a resource', () => {
    it.each([
      ['an order', async () => `/v1/orders/${(await shop.placed(await shop.product(2))).id}`],
      ['a reservation', async () => `/v1/reservations/${(await shop.reserved(await shop.product(2))).id}`],
      ['a product', async () => `/v1/admin/products/${await shop.product(2)}`],
    ])('is answered with 304 when the client has it: %s', async (_what, make) => {
      const path = await make();
      const first = await shop.admin.get(path);
      const etag = first.headers.get('etag')!;
      const known = (tags: string) => shop.admin.get(path, { headers: { 'if-none-match': tags } });

      expect(etag).toMatch(/^(W\/)?"[\x21\x23-\x7e]+"$/);
      for (const tags of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
        const again = await known(tags);
        expect([tags, again.status, again.text]).toEqual([tags, 304, '']);
        expect(again.headers.get('etag')).toBe(etag);
      }
      const changed = await known('"other"');
      expect([changed.status, changed.body]).toEqual([200, first.body]);
    });

    it.each([
      [
        'an order when it is cancelled',
        async () => {
          const { id } = await shop.placed(await shop.product(2));
          return { path: `/v1/orders/${id}`, change: () => shop.requestCancellation(id, 'cancel') };
        },
      ],
      [
        'a reservation when it is extended',
        async () => {
          const { id } = await shop.reserved(await shop.product(2));
          return {
            path: `/v1/reservations/${id}`,
            change: () => shop.client.post(`/v1/reservations/${id}/extend`, { ttlSeconds: 900 }),
          };
        },
      ],
      [
        'a product when its stock moves',
        async () => {
          const sku = await shop.product(2);
          return { path: `/v1/admin/products/${sku}`, change: () => shop.reserved(sku) };
        },
      ],
    ])('is sent again after a change: %s', async (_what, make) => {
      const { path, change } = await make();
      const { headers, body } = await shop.admin.get(path);
      await change();
      const again = await shop.admin.get(path, { headers: { 'if-none-match': headers.get('etag')! } });

      expect(again.status).toBe(200);
      expect(again.body).not.toEqual(body);
    });
  });

  describe('a product', () => {
    const edit = (sku: string, name: string, headers: Record<string, string> = {}) =>
      shop.admin.put(
        `/v1/admin/products/${sku}`,
        { name, unitPrice: { amount: 500, currency: 'EUR' } },
        { headers },
      );
    const nameOf = async (sku: string) => (await shop.admin.get(`/v1/admin/products/${sku}`)).body.name;

    it('is not replaced without If-Match', async () => {
      const sku = await shop.product(2);
      const before = await nameOf(sku);

      expectProblem(await edit(sku, 'Blind'), { status: 428, code: 'precondition_required' });
      for (const stale of ['"0"', '"999"', 'W/"1"', '1', '""', 'nonsense']) {
        expectProblem(await edit(sku, 'Stale', { 'if-match': stale }), {
          status: 412,
          code: 'precondition_failed',
        });
      }
      expect(await nameOf(sku)).toBe(before);
    });

    it('is replaced by only one of many concurrent edits of a version', async () => {
      const sku = await shop.product(2);
      const etag = (await shop.admin.get(`/v1/admin/products/${sku}`)).headers.get('etag')!;
      const edits = await Promise.all(
        Array.from({ length: 8 }, (_, index) => edit(sku, `Edit ${index}`, { 'if-match': etag })),
      );
      const [won, ...more] = edits.filter(({ status }) => status === 200);

      expect(more).toEqual([]);
      for (const answer of edits.filter((one) => one !== won)) expectProblem(answer, { status: 412 });
      expect(await nameOf(sku)).toBe(won!.body.name);
      expect(won!.headers.get('etag')).not.toBe(etag);
      expect((await edit(sku, 'Next', { 'if-match': won!.headers.get('etag')! })).status).toBe(200);
    });

    it('is created once by many concurrent requests without If-Match', async () => {
      const sku = `SKU-${randomUUID().slice(0, 8)}`;
      const body = { name: 'New', unitPrice: { amount: 500, currency: 'EUR' }, onHand: 7 };
      const answers = await Promise.all(
        Array.from({ length: 8 }, () => shop.admin.put(`/v1/admin/products/${sku}`, body)),
      );

      expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
      for (const answer of answers.filter(({ status }) => status !== 201))
        expectProblem(answer, { status: 428 });
      expect((await shop.client.get(`/v1/stock/${sku}`)).body).toMatchObject({ onHand: 7, reserved: 0 });
    });
  });

  it('answers 503 with Retry-After while the database is busy, and the same key succeeds later', async () => {
    const [sku, free] = [await shop.product(3), await shop.product(3)];
    const rival = new Client({ connectionString: shop.service.databaseUrl });
    await rival.connect();
    const [key, body] = [randomUUID(), { customerId: 'cus_busy', lines: [{ sku, quantity: 1 }] }];
    try {
      await rival.query('BEGIN');
      await rival.query('SELECT 1 FROM stock_levels WHERE sku = $1 FOR UPDATE', [sku]);
      const refused = await shop.order(body, { key });

      expectProblem(refused, { status: 503, code: 'unavailable' });
      expect(refused.body.retryable).toBe(true);
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
      expect((await shop.order({ lines: [{ sku: free, quantity: 1 }] })).status).toBeLessThan(300);
      expect(await shop.available(sku)).toBe(3);
    } finally {
      await rival.end();
    }
    const won = await shop.order(body, { key, waitSeconds: 20 });
    expect([won.status, won.headers.has('idempotent-replayed')]).toEqual([201, false]);
  });

  it('returns the id of the request in every response, the caller’s own if it is safe', async () => {
    const sent = await shop.client.get('/v1/orders', { headers: { 'x-request-id': 'buyer-4711.a' } });
    const [one, other] = [await shop.client.get('/v1/orders'), await shop.client.get('/v1/nope')];

    expect(sent.headers.get('x-request-id')).toBe('buyer-4711.a');
    expect(one.headers.get('x-request-id')).toMatch(/^[\w.-]{8,}$/);
    expect(other.headers.get('x-request-id')).not.toBe(one.headers.get('x-request-id'));
    for (const harmful of ['short', 'x'.repeat(500), 'a b c d e f g', '<script>alert(1)</script>']) {
      const answer = await shop.client.get('/v1/orders', { headers: { 'x-request-id': harmful } });
      expect(answer.headers.get('x-request-id')).not.toBe(harmful);
    }
  });

  it.each([
    ['/health/live', /json/],
    ['/health/ready', /json/],
    ['/metrics', /^text\/plain/],
    ['/openapi.json', /json/],
    ['/docs', /^text\/html/],
  ])('answers GET and HEAD of %s without a key', async (path, type) => {
    const answer = await shop.stranger.get(path);
    const head = await shop.stranger.send('HEAD', path);

    expect([answer.status, head.status]).toEqual([200, 200]);
    expect(answer.headers.get('content-type')).toMatch(type);
    expect([answer.text.length > 0, head.text]).toEqual([true, '']);
  });

  it('reports on /health/ready that nothing is degraded', async () => {
    expect((await shop.stranger.get('/health/ready')).body).toEqual({ status: 'ok', degraded: [] });
  });

  it('serves metrics in the format of Prometheus', async () => {
    const { text } = await shop.stranger.get('/metrics');

    for (const line of text.split('\n').filter((one) => one !== '' && !one.startsWith('#'))) {
      expect(line).toMatch(/^[a-zA-Z_:][\w:]*(\{.*\})? -?(\d|\+Inf|NaN)/);
    }
    expect(text).toContain('holdfast_');
  });

  it('serves every metric that an alert rule names, in the API or the worker', async () => {
    const { service, stranger } = shop;
    const texts = [
      await stranger.get('/metrics'),
      await stranger.at(new URL(service.metricsUrlOf('worker-1')!).origin).get('/metrics'),
    ];
    const served = texts.flatMap(({ text }) => text.match(/(?<=^# TYPE )\w+/gm) ?? []);
    const named = read('deploy/prometheus/alerts.yml').match(/\bholdfast_\w+/g);

    expect([...new Set(named)].filter((name) => !served.includes(name))).toEqual([]);
  });

  it('serves the page that a problem’s type points to', async () => {
    const { body } = await shop.client.get('/v1/nope');
    const page = await shop.stranger.get(body.type.split('#')[0]);

    expect(page.status).toBe(200);
    expect(page.text).toContain(body.code);
  });

  it('forbids shared caches to store customers’ data', async () => {
    const { id } = await shop.placed(await shop.product(2));

    for (const path of ['/v1/orders', `/v1/orders/${id}`, '/v1/nope']) {
      expect((await shop.client.get(path)).headers.get('cache-control')).toMatch(/no-store|private/);
    }
  });

  it('orders, stock and the provider’s ledger are left in agreement', () => shop.expectAudit());
});
