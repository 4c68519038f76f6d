import { randomUUID } from 'node:crypto';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Database } from '../../src/database/database';
import { digest } from '../../src/auth/api-keys';
import { newId } from '../../src/ids';
import { openApis } from '../support/api';
import { expectInvariants } from '../support/fixtures';

/** What a shop's backend gets over HTTP: its reservations, stock and declined payments. */

let app: NestFastifyApplication;
let db: Database;
let close: () => Promise<void>;
let named = 0;

beforeAll(async () => {
  const opened = await openApis(1);
  [app] = opened.apis as [NestFastifyApplication];
  ({ close } = opened);
  db = app.get(Database);
  await db.rows(
    `INSERT INTO api_keys (id, name, role, key_sha256) VALUES ($1, 'other-shop', 'client', decode($2, 'hex'))`,
    [newId(), digest('hf_other_shop')],
  );
});
afterEach(() => expectInvariants({ db }));
afterAll(() => close());

interface Call {
  key?: string;
  idempotencyKey?: string | null;
  body?: object;
}

async function send(method: 'GET' | 'POST' | 'PATCH' | 'PUT', url: string, call: Call = {}) {
  const { key = 'hf_dev_client', idempotencyKey = randomUUID(), body } = call;
  const answer = await app.inject({
    method,
    url,
    headers: {
      authorization: `Bearer ${key}`,
      ...(body && { 'content-type': 'application/json' }),
      ...(method !== 'GET' && idempotencyKey !== null && { 'idempotency-key': idempotencyKey }),
    },
    payload: body,
  });
  return { status: answer.statusCode, headers: answer.headers, body: answer.json<any>() };
}

const get = async (url: string, key?: string) => (await send('GET', url, { key })).body;

async function product(onHand = 20): Promise<string> {
  const sku = `SKU-${++named}`;
  const body = { name: sku, unitPrice: { amount: 1_000, currency: 'EUR' }, onHand };
  await send('PUT', `/v1/admin/products/${sku}`, { key: 'hf_dev_admin', body });
  return sku;
}

async function reserved(sku: string, quantity = 1, more: object = {}, key?: string): Promise<any> {
  const body = { customerId: 'cus_1', lines: [{ sku, quantity }], ...more };
  const answer = await send('POST', '/v1/reservations', { body, key });
  expect(answer.status).toBe(201);
  return answer.body;
}

describe('PATCH /v1/reservations/{id}', () => {
  const patch = (id: string, body: object, call: Call = {}) =>
    send('PATCH', `/v1/reservations/${id}`, { body, ...call });

  it('answers 200 with the new lines, or a shortfall that counts the reservation’s own units', async () => {
    const sku = await product(20);
    const { id, expiresAt } = await reserved(sku, 12);

    const lowered = await patch(id, { lines: [{ sku, quantity: 11 }] });
    expect([lowered.status, lowered.headers['idempotent-replayed']]).toEqual([200, undefined]);
    expect(lowered.body).toMatchObject({
      id,
      expiresAt,
      lines: [{ sku, quantity: 11 }],
      total: { amount: 11_000 },
    });

    const short = await patch(id, { lines: [{ sku, quantity: 21 }] });
    expect(short.status).toBe(409);
    expect(short.body).toMatchObject({
      code: 'insufficient_stock',
      shortfalls: [{ sku, requested: 21, available: 20 }],
    });
    expect(Object.keys(short.body.shortfalls[0]).sort()).toEqual(['available', 'requested', 'sku']);
    expect(await get(`/v1/reservations/${id}`)).toMatchObject({ lines: [{ sku, quantity: 11 }] });
  });

  it('answers a repeat with the current reservation, and another body under its key with 422', async () => {
    const sku = await product();
    const { id } = await reserved(sku, 2);
    const call = { idempotencyKey: randomUUID() };
    await patch(id, { lines: [{ sku, quantity: 5 }] }, call);
    await patch(id, { lines: [{ sku, quantity: 3 }] });

    const again = await patch(id, { lines: [{ quantity: 5, sku }] }, call);
    expect([again.status, again.headers['idempotent-replayed']]).toEqual([200, 'true']);
    expect(again.body.lines).toMatchObject([{ quantity: 3 }]);
    const other = await patch(id, { lines: [{ sku, quantity: 6 }] }, call);
    expect([other.status, other.body.code]).toEqual([422, 'idempotency_key_reused']);
  });

  it.each([
    ['no key', { lines: [] }, { idempotencyKey: null }, 400, 'idempotency_key_missing'],
    ['no lines', { lines: [] }, {}, 422, 'validation_failed'],
    ['no body', {}, {}, 422, 'validation_failed'],
    ['an unknown field', { lines: [], ttlSeconds: 5 }, {}, 422, 'validation_failed'],
    [
      "another shop's key",
      { lines: [{ sku: 'A', quantity: 1 }] },
      { key: 'hf_other_shop' },
      404,
      'reservation_not_found',
    ],
    ["a viewer's key", { lines: [{ sku: 'A', quantity: 1 }] }, { key: 'hf_dev_viewer' }, 403, 'forbidden'],
  ])('refuses %s', async (_, body, call, status, code) => {
    const { id } = await reserved(await product(), 2);
    const answer = await patch(id, body, call);
    expect([answer.status, answer.body.code]).toEqual([status, code]);
    expect((await get(`/v1/reservations/${id}`)).lines).toMatchObject([{ quantity: 2 }]);
  });
});

describe('GET /v1/reservations', () => {
  it("lists a shop's own reservations, newest first, by customer, status and SKU, in pages", async () => {
    const [sku, other] = [await product(), await product()];
    const mine = [
      await reserved(sku, 1, { customerId: 'cus_list' }),
      await reserved(other, 1, { customerId: 'cus_list' }),
      await reserved(sku, 1, { customerId: 'cus_else' }),
    ];
    const theirs = await reserved(sku, 1, { customerId: 'cus_list' }, 'hf_other_shop');
    await send('POST', `/v1/reservations/${mine[1].id}/release`, { body: {} });
    const ids = async (query: string, key?: string) =>
      (await get(`/v1/reservations?${query}`, key)).data.map(({ id }: { id: string }) => id);
    const [first, second, third] = mine.map(({ id }) => id as string);

    expect(await ids(`sku=${sku}`)).toEqual([third, first]);
    expect(await ids(`customerId=cus_list`)).toEqual([second, first]);
    expect(await ids(`customerId=cus_list&status=released,expired`)).toEqual([second]);
    expect(await ids(`customerId=cus_list&status=active&sku=${sku}`)).toEqual([first]);
    expect(await ids(`sku=${sku}`, 'hf_other_shop')).toEqual([theirs.id]);
    expect(await ids(`sku=${sku}`, 'hf_dev_viewer')).toEqual([theirs.id, third, first]);

    const page = await get(`/v1/reservations?limit=2`);
    expect(page).toMatchObject({ object: 'list', data: [{ id: third }, { id: second }], hasMore: true });
    expect((await ids(`limit=1&cursor=${page.nextCursor}`))[0]).toBe(first);
  });

  it.each(['status=held', 'sku=%20', 'cursor=abc', 'sort=ends', 'principal=other-shop'])(
    'refuses the query %s with 422',
    async (query) => {
      expect(await get(`/v1/reservations?${query}`)).toMatchObject({
        status: 422,
        code: 'validation_failed',
      });
    },
  );
});

describe('GET /v1/stock', () => {
  it('answers for 200 SKUs at once and names unknown ones', async () => {
    const known = [await product(3), await product(4)];
    const gone = Array.from({ length: 198 }, (_, nth) => `GONE-${String(nth).padStart(59, '0')}`);
    const query = [...gone, ...known].map((sku) => `sku=${sku}`).join('&');

    const answer = await send('GET', `/v1/stock?${query}&sku=${known[0]}`);
    expect(answer.body).toMatchObject({ status: 422 });
    const fits = await send('GET', `/v1/stock?${query}`);
    expect(fits.status).toBe(200);
    expect(fits.body.data.map(({ sku, available }: any) => [sku, available])).toEqual([
      [known[0], 3],
      [known[1], 4],
    ]);
    expect(fits.body.unknown).toEqual(gone);
    expect((await get(`/v1/stock?sku=${known[0]}`)).unknown).toEqual([]);
  });
});

describe('expiresInSeconds', () => {
  it('is 0 only when expiresAt has passed, for reservations and orders in every state', async () => {
    const sku = await product();
    const brief = await reserved(sku, 1, { ttlSeconds: 1 });
    expect(brief.expiresInSeconds).toBe(1);
    const released = await reserved(sku);
    await send('POST', `/v1/reservations/${released.id}/release`, { body: {} });
    const body = { customerId: 'cus_1', paymentMethod: 'pm_card_visa', lines: [{ sku, quantity: 1 }] };
    const order = (await send('POST', '/v1/orders', { body })).body;
    await send('POST', `/v1/orders/${order.id}/cancel`, { body: {} });
    const lists = ['reservations', 'orders', 'admin/reservations', 'admin/orders'];
    const clock = async () => (await db.rows<{ now: Date }>(`SELECT clock_timestamp() AS now`))[0]!.now;
    const ends = async () => {
      const from = await clock();
      const pages = await Promise.all(lists.map((list) => get(`/v1/${list}?limit=100`, 'hf_dev_admin')));
      const to = await clock();
      const rows = pages.flatMap(({ data }) => data as { expiresAt: string; expiresInSeconds: number }[]);
      return rows.map(({ expiresAt, expiresInSeconds }) => ({
        isZero: expiresInSeconds === 0,
        wasPast: new Date(expiresAt) <= from,
        isPast: new Date(expiresAt) <= to,
      }));
    };
    for (let seen = await ends(); ; seen = await ends()) {
      expect(seen.filter(({ isZero, wasPast, isPast }) => (isZero ? !isPast : wasPast))).toEqual([]);
      if (seen.some(({ isZero }) => isZero)) break;
    }
    const { data } = await get(`/v1/reservations?limit=100`);
    const end = (id: string) => data.find((row: any) => row.id === id);
    expect(end(brief.id)).toMatchObject({ expiresInSeconds: 0, status: 'expired' });
    expect(end(released.id).expiresInSeconds).toBeGreaterThan(500);
    expect((await get(`/v1/orders/${order.id}`)).expiresInSeconds).toBeGreaterThan(500);
  });
});
