import { createHash, randomUUID } from 'node:crypto';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Database } from '../../src/database/database';
import { unavailable } from '../../src/errors';
import { parsePublicId } from '../../src/ids';
import { OrderWatch } from '../../src/orders/order-watch';
import { openApis } from '../support/api';
import { Browser, ours } from '../support/browser';
import { EventStream } from '../support/event-stream';
import { until } from '../support/until';

const patience = { STREAM_HEARTBEAT_MS: '50', STREAM_CHECK_MS: '50' };
const limits = { STREAMS_MAX: '5', STREAMS_PER_KEY_MAX: '3', WAITS_PER_KEY_MAX: '1' };
const viewer = { authorization: 'Bearer hf_dev_viewer' };
const client = { authorization: 'Bearer hf_dev_client' };

let api: NestFastifyApplication;
let db: Database;
let base: string;
let close: () => Promise<void>;
const opened: EventStream[] = [];

beforeAll(async () => {
  const apis = await openApis(1, { ...patience, ...limits });
  [api] = apis.apis as [NestFastifyApplication];
  close = () => apis.close();
  db = api.get(Database);
  await api.listen(0, '127.0.0.1');
  base = await api.getUrl();
  await api.inject({
    method: 'PUT',
    url: '/v1/admin/products/TEE',
    headers: { authorization: 'Bearer hf_dev_admin' },
    payload: { name: 'Tee', unitPrice: { amount: 1999, currency: 'EUR' }, onHand: 1_000 },
  });
});
afterAll(() => close());
afterEach(async () => {
  opened.splice(0).forEach((stream) => stream.leave());
  await until('every stream has gone', async () =>
    /^holdfast_event_streams 0$/m.test((await api.inject({ url: '/metrics' })).body),
  );
});

/** It stays pending: there is no worker. */
async function order(headers: Record<string, string> = {}) {
  const answer = await api.inject({
    method: 'POST',
    url: '/v1/orders',
    headers: { ...client, 'idempotency-key': randomUUID(), ...headers },
    payload: { customerId: 'c', paymentMethod: 'pm_card_visa', lines: [{ sku: 'TEE', quantity: 1 }] },
  });
  expect(answer.statusCode).toBe(202);
  return answer.json<{ id: string }>().id;
}

const change = (id: string) =>
  db.rows(`UPDATE orders SET version = version + 1 WHERE id = $1::uuid`, [parsePublicId('ord', id)]);

/** As a worker would end it. */
const endOrder = (id: string) =>
  db.rows(
    `UPDATE sagas SET status = 'completed', next_run_at = NULL, version = version + 1 WHERE order_id = $1::uuid`,
    [parsePublicId('ord', id)],
  );

async function follow(path: string, headers: Record<string, string> = viewer, lastEventId?: string) {
  const seen: Record<string, string> = lastEventId === undefined ? {} : { 'last-event-id': lastEventId };
  const stream = await EventStream.open(`${base}${path}`, { ...headers, ...seen });
  opened.push(stream);
  return stream;
}

const orderPath = (id: string) => `/v1/orders/${id}/events`;
const adminPath = '/v1/admin/stream?topics=overview';

const received = (stream: EventStream, count: number) =>
  until(`${count} events`, async () => stream.received.length >= count);

async function newKey(role: 'viewer' | 'admin') {
  const key = `hf_test_${randomUUID()}`;
  const sha256 = createHash('sha256').update(key).digest();
  await db.rows(`INSERT INTO api_keys (id, name, role, key_sha256) VALUES ($1, $2, $3, $4)`, [
    randomUUID(),
    key,
    role,
    sha256,
  ]);
  const set = (change: string, rows = db.rows.bind(db)) =>
    rows(`UPDATE api_keys SET ${change} WHERE key_sha256 = $1`, [sha256]);
  return { key, headers: { authorization: `Bearer ${key}` }, set };
}

describe('GET /v1/orders/{id}/events', () => {
  it('sends the current order with an id, and again after each change', async () => {
    const id = await order();
    const stream = await follow(orderPath(id), client);
    await received(stream, 1);
    const first = stream.lastEventId;
    await change(id);
    await received(stream, 2);

    expect(stream.received.map((event) => event.id)).toEqual([id, id]);
    expect(first).toMatch(/^\d+$/);
    expect(stream.lastEventId).not.toBe(first);
  });

  it('sends missed changes at once, and nothing that Last-Event-ID covers', async () => {
    const [id, other] = [await order(), await order()];
    const before = await follow(orderPath(id), client);
    await received(before, 1);
    before.leave();

    const upToDate = await follow(orderPath(id), client, before.lastEventId);
    // The same query serves both, so the stream without a change had its chance to send.
    const witness = await follow(orderPath(other), client);
    await received(witness, 1);
    await change(other);
    await received(witness, 2);
    expect(upToDate.received).toEqual([]);

    await change(id);
    await received(upToDate, 1);
    const missed = await follow(orderPath(id), client, before.lastEventId);
    await received(missed, 1);
    expect(missed.lastEventId).toBe(upToDate.lastEventId);
  });

  it('sends the end once, then 204, so that an EventSource stops reconnecting', async () => {
    const id = await order();
    const stream = await follow(orderPath(id), client);
    await received(stream, 1);
    await endOrder(id);
    await stream.ended;
    expect(stream.received.at(-1)).toMatchObject({ id, saga: { status: 'completed' } });

    const again = await follow(orderPath(id), client, stream.lastEventId);
    expect(again.status).toBe(204);
  });

  it.each([
    ['without Last-Event-ID', undefined],
    ['with the id of an earlier event', '1.1'],
    ['with an unknown id', 'nonsense'],
  ])('sends the end of an order that has ended to a client that has not seen it, %s', async (_, seen) => {
    const id = await order();
    await endOrder(id);
    const stream = await follow(orderPath(id), client, seen);
    await stream.ended;

    expect(stream.received).toEqual([expect.objectContaining({ id })]);
    expect((await follow(orderPath(id), client, stream.lastEventId)).status).toBe(204);
  });

  it('answers 404 for another client’s order with any Last-Event-ID', async () => {
    const id = await order();
    await db.rows(`UPDATE orders SET principal = 'somebody-else' WHERE id = $1::uuid`, [
      parsePublicId('ord', id),
    ]);

    expect((await follow(orderPath(id), client, '1.1')).status).toBe(404);
  });
});

describe('every event stream', () => {
  const paths = async () => [adminPath, orderPath(await order())];

  it('sends heartbeats and a reconnection delay', async () => {
    for (const path of await paths()) {
      const stream = await follow(path);
      await until('three heartbeats', async () => stream.comments.length >= 3);
      expect(stream.retryMs).toBeGreaterThanOrEqual(1_000);
    }
  });

  it.each([
    ['its key is revoked', 'revoked_at = created_at'],
    ['its key has another role', `role = 'client'`],
  ])('ends at the next check when %s, and no other stream does', async (_, change) => {
    for (const path of await paths()) {
      const { headers, set } = await newKey('viewer');
      const [stream, other] = [await follow(path, headers), await follow(path)];
      await received(stream, 1);

      await set(change);
      await stream.ended;
      const heard = other.comments.length;
      await until('the other goes on', async () => other.comments.length > heard + 3);
    }
  });

  it.each([
    ['its user signs out', (browser: Browser) => browser.send(api, 'DELETE', '/v1/admin/session')],
    ['its session expires', () => db.rows(`UPDATE sessions SET expires_at = $1`, [new Date(0)])],
    ['the key of its session is revoked', (_: Browser, revoke: () => Promise<unknown>) => revoke()],
  ])('ends at the next check when %s', async (_, end) => {
    for (const path of await paths()) {
      const { key, set } = await newKey('viewer');
      const browser = new Browser();
      await browser.signIn(api, key);
      const stream = await follow(path, { ...ours, cookie: browser.cookie! });
      await received(stream, 1);

      await end(browser, () => set('revoked_at = created_at'));
      await stream.ended;
    }
  });

  it('stays open while the database is down, for a key and for a session, and is checked afterwards', async () => {
    const { key, headers, set } = await newKey('viewer');
    const browser = new Browser();
    await browser.signIn(api, key);
    const id = await order();
    const streams = [
      await follow(adminPath, headers),
      await follow(orderPath(id), headers),
      await follow(orderPath(id), { ...ours, cookie: browser.cookie! }),
    ];
    for (const stream of streams) await received(stream, 1);

    const rows = db.rows.bind(db);
    const away = jest.spyOn(db, 'rows').mockRejectedValue(unavailable('It is away.'));
    // A check that began before it may still see the database, so the key is revoked only after many have failed.
    await until('it failed many times', async () => away.mock.calls.length > 20);
    await set('revoked_at = created_at', rows);
    const heard = streams.map(({ comments }) => comments.length);
    let ended = 0;
    for (const stream of streams) void stream.ended.then(() => (ended += 1));
    const asked = away.mock.calls.length;
    await until('it failed many times', async () => away.mock.calls.length > asked + 20);
    await until('all still send heartbeats', async () =>
      streams.every(({ comments }, nth) => comments.length > heard[nth]! + 3),
    );
    expect(ended).toBe(0);

    away.mockRestore();
    for (const stream of streams) await stream.ended;
  });

  it('is refused with 429 above its key’s limit and with 503 above the process’s limit', async () => {
    const [path] = await paths();
    const { headers } = await newKey('viewer');
    const mine = [await follow(path!), await follow(orderPath(await order())), await follow(path!)];
    const fourth = await follow(path!);
    expect([fourth.status, fourth.header('retry-after')]).toEqual([429, '5']);
    expect(JSON.parse(await fourth.text()).code).toBe('too_many_streams');

    const others = [await follow(path!, headers), await follow(path!, headers)];
    expect(others.map(({ status }) => status)).toEqual([200, 200]);
    const sixth = await follow(path!, headers);
    expect([sixth.status, sixth.header('retry-after')]).toEqual([503, '1']);

    mine[0]!.leave();
    await until('there is room', async () => (await follow(path!)).status === 200);
  });

  it('answers HEAD with its headers and ends', async () => {
    for (const path of await paths()) {
      const response = await fetch(`${base}${path}`, { method: 'HEAD', headers: viewer });
      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
    }
  });
});

describe('Prefer: wait', () => {
  it('does not wait while its key has the maximum number of waiting requests, and waits again afterwards', async () => {
    const finished: string[] = [];
    const waiting = [order({ prefer: 'wait=30' }), order({ prefer: 'wait=30' })].map(async (answer) => {
      finished.push(await answer);
    });

    // A request that waits would take 30 s.
    await Promise.race(waiting);
    expect(finished).toHaveLength(1);

    await db.rows(
      `UPDATE sagas SET status = 'completed', next_run_at = NULL, version = version + 1 WHERE status = 'running'`,
    );
    await Promise.all(waiting);
    expect(api.get(OrderWatch)['waits'].size).toBe(0);
  });
});
