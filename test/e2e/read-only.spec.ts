import { createHmac, randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { openShop } from '../support/shop';
import { HttpClient } from '../support/http-client';
import { until } from '../support/until';

describe('a database set read-only by an operator', () => {
  const shop = openShop({ queue: 'postgres', apis: 1, workers: 1 });
  /** Applies to new sessions only. */
  const setReadOnly = async (on: boolean, { hangUp }: { hangUp: boolean }) => {
    const admin = new Client({
      connectionString: shop.service.databaseUrl,
      options: '-c default_transaction_read_only=off',
    });
    await admin.connect();
    const { rows } = await admin.query<{ name: string }>('SELECT current_database() AS name');
    const name = rows[0]!.name;
    await admin.query(`ALTER DATABASE ${name} SET default_transaction_read_only = ${on ? 'on' : 'off'}`);
    if (hangUp)
      await admin.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()`,
        [name],
      );
    await admin.end();
  };
  const webhook = () => {
    const event = {
      id: `evt_${randomUUID()}`,
      object: 'event',
      type: 'payment_intent.canceled',
      data: { object: {} },
    };
    const body = JSON.stringify(event);
    const at = Math.floor(Date.now() / 1_000);
    const v1 = createHmac('sha256', 'whsec_holdfast_sandbox').update(`${at}.${body}`).digest('hex');
    const headers = { 'stripe-signature': `t=${at},v1=${v1}` };
    return shop.stranger.post('/v1/payments/webhooks/stripe', body, { headers });
  };
  let sku: string;
  let order: any;
  let product: any;
  let cookie: string;
  beforeAll(async () => {
    sku = await shop.product(20);
    order = await shop.placed(sku);
    product = await shop.admin.get(`/v1/admin/products/${sku}`);
    const signedIn = await shop.stranger.post('/v1/admin/session', { key: 'hf_dev_admin' });
    cookie = String(signedIn.headers.get('set-cookie')).split(';')[0]!;
  });

  it('causes 503 for writes and /health/ready, serves reads, and recovers without a restart', async () => {
    const reservation = await shop.reserved(sku, 1);
    await setReadOnly(true, { hangUp: true });
    const ready = () => shop.stranger.get('/health/ready');
    // Its connections were cut, so for a moment it says that PostgreSQL cannot be reached.
    await until('it says that PostgreSQL is read-only', async () => {
      const { status, body } = await ready();
      return (
        status === 503 &&
        body.code === 'unavailable' &&
        /read-only.*default_transaction_read_only/.test(body.detail)
      );
    });

    const key = () => ({ headers: { 'idempotency-key': randomUUID() } });
    const reason = 'for the test';
    const writes: [string, () => Promise<any>][] = [
      ['order', () => shop.order({ lines: [{ sku, quantity: 1 }] })],
      ['reserve', () => shop.reserve({ lines: [{ sku, quantity: 1 }] })],
      ['extend', () => shop.client.post(`/v1/reservations/${reservation.id}/extend`, { ttlSeconds: 900 })],
      ['confirm', () => shop.client.post(`/v1/reservations/${reservation.id}/confirm`, {})],
      ['release', () => shop.client.post(`/v1/reservations/${reservation.id}/release`, {})],
      ['refund', () => shop.client.post(`/v1/orders/${order.id}/refund`, {}, key())],
      ['cancel', () => shop.client.post(`/v1/orders/${order.id}/cancel`, {}, key())],
      ['sign in', () => shop.stranger.post('/v1/admin/session', { key: 'hf_dev_admin' })],
      ['adjust', () => shop.admin.post(`/v1/admin/products/${sku}/adjustments`, { delta: 1, reason }, key())],
      [
        'product',
        () =>
          shop.admin.put(
            `/v1/admin/products/${sku}`,
            { name: 'other', unitPrice: { amount: 1, currency: 'EUR' } },
            { headers: { 'if-match': product.headers.get('etag') } },
          ),
      ],
      ['count', () => shop.admin.post('/v1/admin/reservations/release', { filter: {}, dryRun: true })],
      ['retry', () => shop.admin.post(`/v1/admin/orders/${order.id}/saga/retry`, { reason })],
      ['webhook', webhook],
    ];
    for (const [name, write] of writes) {
      const answer = await write();
      expect([name, answer.status, answer.body?.code]).toEqual([name, 503, 'unavailable']);
      expect([name, answer.headers.get('retry-after')]).toEqual([name, '1']);
      expect([name, answer.body.detail]).toEqual([name, expect.stringMatching(/read-only/)]);
    }
    expect((await shop.client.get(`/v1/orders/${order.id}`)).status).toBe(200);
    const board = new HttpClient(shop.client.base);
    expect((await board.send('GET', '/v1/admin/session', undefined, { headers: { cookie } })).status).toBe(
      200,
    );

    // Existing connections stay read-only, like those to an old primary.
    await setReadOnly(false, { hangUp: false });
    await until('it is ready', async () => (await ready()).status === 200);
    await shop.placed(sku);
  });
});
