import { randomUUID } from 'node:crypto';
import type { INestApplicationContext } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Database } from '../../src/database/database';
import { openApis } from '../support/api';
import { type TestDatabase, createTestDatabase } from '../support/database';
import { expectInvariants } from '../support/fixtures';
import { until } from '../support/until';
import { WebhookReceiver } from '../support/webhook-receiver';
import { openWorker } from '../support/workers';

const client = { authorization: 'Bearer hf_dev_client' };
const admin = { authorization: 'Bearer hf_dev_admin' };

/** The schedule of a week in a second. */
const fast = {
  EVENT_ROUND_MS: '20',
  SWEEP_MS: '20',
  WEBHOOK_RETRY_SECONDS: '0.05,0.05,0.05,0.1',
  WEBHOOK_PROBE_SECONDS: '0.1',
  // Long enough that a receiver on a busy machine is not taken for one that hangs.
  WEBHOOK_TIMEOUT_MS: '3000',
  WEBHOOK_LEASE_MS: '5000',
};

let database: TestDatabase;
let api: NestFastifyApplication;
let db: Database;
let workers: INestApplicationContext[];
let receivers: WebhookReceiver[];

const worker = async (env: NodeJS.ProcessEnv = {}) => {
  const opened = await openWorker({ DATABASE_URL: database.url, QUEUES: 'off', ...fast, ...env });
  workers.push(opened);
  return opened;
};
const receiver = async () => {
  const opened = await WebhookReceiver.open();
  receivers.push(opened);
  return opened;
};

beforeEach(async () => {
  [workers, receivers] = [[], []];
  database = await createTestDatabase();
  const apis = await openApis(1, fast, database);
  [api] = apis.apis as [NestFastifyApplication];
  db = api.get(Database);
  const payload = { name: 'Tee', unitPrice: { amount: 1999, currency: 'EUR' }, onHand: 100_000 };
  await api.inject({ method: 'PUT', url: '/v1/admin/products/TEE', headers: admin, payload });
});
afterEach(async () => {
  try {
    await expectInvariants({ db });
  } finally {
    await Promise.all(receivers.map((one) => one.close()));
    for (const one of workers) await one.close();
    await api.close();
    await database.drop();
  }
});

const call = (method: 'POST' | 'PATCH' | 'GET' | 'DELETE', url: string, payload?: object, headers = client) =>
  api.inject({
    method,
    url,
    headers: method === 'GET' ? headers : { ...headers, 'idempotency-key': randomUUID() },
    payload: method === 'GET' ? undefined : (payload ?? {}),
  });
async function post<T = { id: string }>(url: string, payload: object = {}, headers = client): Promise<T> {
  const answer = await call('POST', url, payload, headers);
  expect([answer.statusCode < 300, answer.body]).toEqual([true, answer.body]);
  return answer.json<T>();
}

interface Endpoint {
  id: string;
  secret: string;
  status: string;
  disabledReason: string | null;
  behindSeconds: number;
  replay: { status: string; sent: number } | null;
}
async function endpointOf(to: WebhookReceiver, more: object = {}): Promise<Endpoint> {
  const endpoint = await post<Endpoint>('/v1/webhook-endpoints', { url: to.url, ...more });
  to.secrets.push(endpoint.secret);
  return endpoint;
}
const endpointNow = async ({ id }: { id: string }) =>
  (await call('GET', `/v1/webhook-endpoints/${id}`)).json<Endpoint>();
const deliveriesOf = async ({ id }: { id: string }, query = '') =>
  (await call('GET', `/v1/webhook-endpoints/${id}/deliveries?limit=100&${query}`)).json<{
    data: {
      eventId: string;
      status: string;
      attempts: number;
      error: string | null;
      responseStatus: number | null;
    }[];
  }>().data;

const lines = [{ sku: 'TEE', quantity: 1 }];
const reserve = () => post('/v1/reservations', { customerId: 'c', lines });
const extend = (id: string) => post(`/v1/reservations/${id}/extend`, { ttlSeconds: 900 });
const release = (id: string) => post(`/v1/reservations/${id}/release`);
const waitingRows = async () =>
  (await db.rows<{ count: number }>(`SELECT count(*)::int AS count FROM webhook_waiting`))[0]!.count;

const untilReceived = (one: WebhookReceiver, count: number) =>
  until(`${count} webhooks`, () => Promise.resolve(one.received.length >= count));
const distinct = (one: WebhookReceiver) =>
  new Set(one.received.map(({ headers }) => headers['webhook-id'])).size;
const untilDistinct = (one: WebhookReceiver, count: number) =>
  until(`${count} different webhooks`, () => Promise.resolve(distinct(one) >= count));

describe('a webhook endpoint', () => {
  it('gets every event of its shop once, signed, with the object, and nothing from before', async () => {
    const shop = await receiver();
    const early = await reserve();
    const endpoint = await endpointOf(shop);
    await worker();
    const { id } = await reserve();
    await release(id);
    await untilReceived(shop, 2);
    await release(early.id);
    await untilReceived(shop, 3);

    expect(shop.received.map(({ event }) => [event.aggregateId, event.type])).toEqual([
      [id, 'reservation.created'],
      [id, 'reservation.released'],
      [early.id, 'reservation.released'],
    ]);
    for (const { event, headers, verifiedBy } of shop.received) {
      expect(verifiedBy).toEqual([endpoint.secret]);
      expect(headers['webhook-id']).toBe(event.id);
      expect(event.data.object).toMatchObject({ id: event.aggregateId, object: 'reservation' });
    }
    await until('it has taken all', async () => (await endpointNow(endpoint)).behindSeconds === 0);
    expect(await deliveriesOf(endpoint, 'status=delivered')).toHaveLength(3);
  });

  it('gets the types that it asked for, and each endpoint its own', async () => {
    const [orders, all] = [await receiver(), await receiver()];
    await endpointOf(orders, { types: ['order.*'] });
    await endpointOf(all);
    await worker();
    const { id } = await reserve();
    await post('/v1/orders', { customerId: 'c', paymentMethod: 'pm_card_visa', reservationId: id });
    await untilReceived(all, 2);
    await untilReceived(orders, 1);
    expect(orders.received.map(({ event }) => event.type)).toEqual(['order.accepted']);
  });

  it('gets an event again until it takes it, and its later ones after it, while others go on', async () => {
    const shop = await receiver();
    const endpoint = await endpointOf(shop);
    await worker();
    let refusals = 2;
    const { id: slow } = await reserve();
    shop.answer = ({ event }, response) => {
      response.statusCode = event.aggregateId === slow && refusals-- > 0 ? 500 : 204;
      response.end();
    };
    await extend(slow);
    const { id: other } = await reserve();
    await release(slow);
    await untilDistinct(shop, 4);
    await until('nothing waits', async () => (await waitingRows()) === 0);

    const first = shop.received.filter(({ event }) => event.aggregateId === slow);
    expect(new Set(first.slice(0, 3).map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    expect(first.every(({ verifiedBy }) => verifiedBy.length === 1)).toBe(true);
    expect(shop.firstArrivals().get(slow)).toEqual([1, 2, 3]);
    expect(shop.firstArrivals().get(other)).toEqual([1]);
    expect((await endpointNow(endpoint)).status).toBe('enabled');
  });

  it('is disabled by 410, and goes on where it stopped once it is enabled', async () => {
    const shop = await receiver();
    const endpoint = await endpointOf(shop);
    await worker();
    shop.answer = (_, response) => void response.writeHead(410).end();
    const { id } = await reserve();
    await until('it is disabled', async () => (await endpointNow(endpoint)).status === 'disabled');
    expect((await endpointNow(endpoint)).disabledReason).toBe('gone');
    await release(id);
    shop.answer = (_, response) => response.end();
    await call('PATCH', `/v1/webhook-endpoints/${endpoint.id}`, { status: 'enabled' });
    await untilDistinct(shop, 2);
    expect(shop.firstArrivals().get(id)).toEqual([1, 2]);
  });

  it('costs no more rows than 1000 while it is down, and catches up in order', async () => {
    const shop = await receiver();
    const endpoint = await endpointOf(shop);
    shop.answer = (_, response) => void response.writeHead(500).end();
    await worker();
    const ids: string[] = [];
    for (let nth = 0; nth < 12; nth++) ids.push((await reserve()).id);
    await until(
      'it is in probe mode',
      async () => (await db.rows(`SELECT FROM webhook_endpoints WHERE probe_at IS NOT NULL`)).length > 0,
    );
    for (const id of ids) await extend(id);
    for (const id of ids) await release(id);
    const tries = shop.received.length;
    await untilReceived(shop, tries + 3);
    // One per reservation: their later events have none.
    expect(await waitingRows()).toBeLessThanOrEqual(ids.length);
    expect((await deliveriesOf(endpoint)).every(({ attempts }) => attempts <= 4)).toBe(true);

    shop.answer = (_, response) => response.end();
    await untilDistinct(shop, 36);
    for (const id of ids) expect(shop.firstArrivals().get(id)).toEqual([1, 2, 3]);
    await until('nothing waits', async () => (await waitingRows()) === 0);
  });

  it('is disabled when it has only failed for too long, with a review case', async () => {
    const shop = await receiver();
    const endpoint = await endpointOf(shop);
    shop.answer = (_, response) => void response.writeHead(503).end();
    await worker({ WEBHOOK_FAILING_SECONDS_MAX: '0.5' });
    await reserve();
    await until('it is disabled', async () => (await endpointNow(endpoint)).disabledReason === 'failing');
    const review = await call('GET', '/v1/admin/review', undefined, admin);
    expect(review.body).toContain('webhook_endpoint_failing');
  });

  it('gives up an event that fails while others are taken, shows it, and sends it again on demand', async () => {
    const shop = await receiver();
    const endpoint = await endpointOf(shop);
    const { id: poison } = await reserve();
    shop.answer = ({ event }, response) => {
      response.statusCode = event.aggregateId === poison && event.sequence === 1 ? 422 : 200;
      response.end();
    };
    await worker();
    await release(poison);
    const others = setInterval(() => void reserve(), 60);
    await until('it is given up', async () => (await deliveriesOf(endpoint, 'status=given_up')).length === 1);
    clearInterval(others);
    await until('its aggregate goes on', () =>
      Promise.resolve(shop.firstArrivals().get(poison)?.includes(2) === true),
    );
    const [given] = await deliveriesOf(endpoint, 'status=given_up');
    expect(given).toMatchObject({ attempts: 5, responseStatus: 422 });

    shop.answer = (_, response) => response.end();
    await post(`/v1/webhook-endpoints/${endpoint.id}/replay`, { eventIds: [given!.eventId] });
    await until('the replay is done', async () => (await endpointNow(endpoint)).replay?.status === 'done');
    const again = shop.received.filter(({ headers }) => headers['holdfast-replay'] !== undefined);
    expect(again.map(({ event }) => event.id)).toEqual([given!.eventId]);
  });

  it('is sent what came after a moment again, up to where live delivery stood', async () => {
    const shop = await receiver();
    const endpoint = await endpointOf(shop);
    await worker();
    const ids = [(await reserve()).id, (await reserve()).id];
    for (const id of ids) await release(id);
    await untilReceived(shop, 4);
    await until('it has taken all', async () => (await endpointNow(endpoint)).behindSeconds === 0);
    await post(`/v1/webhook-endpoints/${endpoint.id}/replay`, { from: '2026-01-01T00:00:00Z' }).catch(
      () => undefined,
    );
    const from = new Date(Date.now() - 3_600_000).toISOString();
    await post(`/v1/webhook-endpoints/${endpoint.id}/replay`, { from, types: ['reservation.released'] });
    await until('the replay is done', async () => (await endpointNow(endpoint)).replay?.status === 'done');
    expect((await endpointNow(endpoint)).replay?.sent).toBe(2);
    const again = shop.received.filter(({ headers }) => headers['holdfast-replay'] !== undefined);
    expect(again.map(({ event }) => [event.aggregateId, event.type])).toEqual(
      ids.map((id) => [id, 'reservation.released']),
    );
  });

  it('signs with both secrets while one replaces the other', async () => {
    const shop = await receiver();
    const endpoint = await endpointOf(shop);
    const { secret } = await post<Endpoint>(`/v1/webhook-endpoints/${endpoint.id}/rotate-secret`);
    shop.secrets.push(secret);
    await worker();
    await reserve();
    await untilReceived(shop, 1);
    expect(shop.received[0]!.verifiedBy).toEqual([endpoint.secret, secret]);
    const last = await post<Endpoint>(`/v1/webhook-endpoints/${endpoint.id}/rotate-secret`, {
      overlapHours: 0,
    });
    shop.secrets.push(last.secret);
    await reserve();
    await untilReceived(shop, 2);
    expect(shop.received[1]!.verifiedBy).toEqual([last.secret]);
  });

  it('takes a test at once, and names what came of it', async () => {
    const shop = await receiver();
    const endpoint = await endpointOf(shop);
    expect(await post(`/v1/webhook-endpoints/${endpoint.id}/test`)).toMatchObject({
      type: 'webhook.test',
      status: 'delivered',
      responseStatus: 200,
    });
    expect(shop.received[0]!.event).toMatchObject({
      type: 'webhook.test',
      aggregateId: endpoint.id,
      sequence: 0,
    });
    shop.answer = (_, response) => void response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end();
    expect(await post(`/v1/webhook-endpoints/${endpoint.id}/test`)).toMatchObject({
      status: 'given_up',
      responseStatus: 302,
    });
    shop.answer = () => undefined;
    expect(await post(`/v1/webhook-endpoints/${endpoint.id}/test`)).toMatchObject({ error: 'timeout' });
  });

  it('does not wait for another one that hangs', async () => {
    const [hung, quick] = [await receiver(), await receiver()];
    await endpointOf(hung);
    await endpointOf(quick);
    hung.answer = () => undefined;
    await worker();
    for (let nth = 0; nth < 40; nth++) await reserve();
    await untilReceived(quick, 40);
    expect(distinct(hung)).toBeLessThan(40);
  });
});

describe('several workers', () => {
  it('share endpoints, and first arrivals rise per aggregate', async () => {
    const shop = await receiver();
    await endpointOf(shop);
    let count = 0;
    shop.answer = (_, response) => {
      response.statusCode = ++count % 7 === 0 ? 500 : 200;
      response.end();
    };
    await worker();
    await worker();
    const ids: string[] = [];
    for (let nth = 0; nth < 15; nth++) ids.push((await reserve()).id);
    for (const id of ids) await extend(id);
    for (const id of ids) await release(id);
    await untilDistinct(shop, 45);
    for (const [id, sequences] of shop.firstArrivals()) expect([id, sequences]).toEqual([id, [1, 2, 3]]);
    await until('nothing waits', async () => (await waitingRows()) === 0);
  });
});
