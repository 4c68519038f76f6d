import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createApi } from '../../src/api.module';
import { loadConfig } from '../../src/config/config';
import { newId, publicId } from '../../src/ids';
import { Database } from '../../src/database/database';
import { fingerprintOf } from '../../src/idempotency/idempotency.repository';
import { StreamTopics } from '../../src/http/event-stream';
import { createTestDatabase } from '../support/database';

/** The operator's calls as the dashboard makes them: roles, refusals, search and audit log. */

let app: NestFastifyApplication;
let dropDatabase: () => Promise<void>;
let order: { id: string; reservationId: string };
let reservation: { id: string };

type Role = 'admin' | 'viewer' | 'client';
const send = (method: 'GET' | 'POST' | 'PUT', url: string, payload?: object, role: Role = 'admin') =>
  app.inject({
    method,
    url: `/v1/${url}`,
    headers: {
      authorization: `Bearer hf_dev_${role}`,
      ...(payload && {
        'content-type': 'application/json',
        'idempotency-key': fingerprintOf({ url, payload }).toString('hex'),
      }),
    },
    payload,
  });
const get = async (url: string) => (await send('GET', url)).json<any>();
const codeOf = (answer: { json: () => { code?: string } }) => answer.json().code;

beforeAll(async () => {
  const database = await createTestDatabase();
  dropDatabase = () => database.drop();
  app = await createApi(loadConfig({ DATABASE_URL: database.url, QUEUES: 'off' }));
  await app.init();
  await app.getHttpAdapter().getInstance().ready();
  const product = { name: 'T-shirt, black', unitPrice: { amount: 1_999, currency: 'EUR' }, onHand: 50 };
  await send('PUT', 'admin/products/TEE', product);
  const lines = [{ sku: 'TEE', quantity: 1 }];
  order = (
    await send('POST', 'orders', { customerId: 'cus_42', paymentMethod: 'pm_card_visa', lines })
  ).json();
  reservation = (await send('POST', 'reservations', { customerId: 'cus_43', lines })).json();
});
afterAll(async () => {
  await app.close();
  await dropDatabase();
});

describe('a viewer', () => {
  it('reads every list', async () => {
    for (const path of [
      'orders',
      `orders/${order.id}/saga`,
      `orders/${order.id}/saga/options`,
      'reservations',
      'reservations/returning',
      'reservations/releases',
      'review',
      'actions',
      'events',
      'find?q=TEE',
      'products/TEE/movements',
    ])
      expect([path, (await send('GET', `admin/${path}`, undefined, 'viewer')).statusCode]).toEqual([
        path,
        200,
      ]);
  });

  it('cannot count, release, stop or move anything, with 403', async () => {
    const reason = 'customer called';
    for (const [path, body] of [
      ['reservations/release', { filter: {}, dryRun: true }],
      ['reservations/release', { token: 'rel_01jd3v7q8ne05v7c0kq1e5m9tz', reason }],
      ['reservations/releases/rel_01jd3v7q8ne05v7c0kq1e5m9tz/stop', { reason }],
      [`reservations/${reservation.id}/release`, { reason }],
      [`orders/${order.id}/saga/retry`, { reason }],
    ] as const)
      expect(codeOf(await send('POST', `admin/${path}`, body, 'viewer'))).toBe('forbidden');
    expect(codeOf(await send('GET', 'admin/review', undefined, 'client'))).toBe('forbidden');
  });
});

describe('invalid requests of an operator', () => {
  it.each([
    ['orders?status=lost', '/status', 'matches'],
    ['orders?step=nowhere', '/step', 'matches'],
    ['orders?from=yesterday', '/from', 'is_instant'],
    ['orders?from=2026-02-31T99:00:00Z', '/from', 'is_instant'],
    ['orders?paymentStatus=captured', '/paymentStatus', 'is_in'],
    ['reservations?sort=ends&status=expired', '/sort', 'sort_unfit'],
    ['reservations?sort=random', '/sort', 'is_in'],
    ['review?kind=bored', '/kind', 'matches'],
    ['review?cursor=bm9uc2Vuc2U', '/cursor', 'cursor_unknown'],
    ['events?aggregateId=cus_1', '/aggregateId', 'matches'],
    ['products/TEE/movements?cursor=bm9uc2Vuc2U', '/cursor', 'cursor_unknown'],
    ['find', '/q', 'required'],
  ])('get 422 with the field: %s', async (path, pointer, code) => {
    const answer = await send('GET', `admin/${path}`);
    expect(answer.statusCode).toBe(422);
    expect(answer.json<{ errors: object[] }>().errors).toMatchObject([{ pointer, code }]);
  });

  it.each([
    [{ filter: {} }, '/dryRun', 'dry_run_first'],
    [{ dryRun: true }, '/filter', 'required'],
    [{ token: 'rel_01jd3v7q8ne05v7c0kq1e5m9tz' }, '/reason', 'required'],
    [{ token: 'rel_01jd3v7q8ne05v7c0kq1e5m9tz', reason: 'why', filter: {} }, '/token', 'token_alone'],
    [{ token: 'rel_01jd3v7q8ne05v7c0kq1e5m9tz', reason: 'no' }, '/reason', 'matches'],
    [{ filter: { status: 'expired' }, dryRun: true }, '/filter/status', 'matches'],
    [{ filter: { colour: 'red' }, dryRun: true }, '/filter/colour', 'unknown_field'],
  ])('get 422 for a release that is neither a count nor a token: %j', async (body, pointer, code) => {
    const answer = await send('POST', 'admin/reservations/release', body);
    expect(answer.statusCode).toBe(422);
    expect(answer.json<{ errors: object[] }>().errors).toMatchObject([{ pointer, code }]);
  });

  it('get 404 for an unknown object', async () => {
    const nobody = 'ord_01jd3v7q8ne05v7c0kq1e5m9tz';
    expect(codeOf(await send('GET', `admin/orders/${nobody}/saga`))).toBe('order_not_found');
    expect(codeOf(await send('GET', `admin/orders/${nobody}/saga/options`))).toBe('order_not_found');
    expect(codeOf(await send('GET', `admin/review/${nobody}`))).toBe('case_not_found');
    expect(codeOf(await send('GET', 'admin/reservations/releases/rel_x'))).toBe('release_not_found');
    expect(codeOf(await send('GET', 'admin/products/NONE/movements'))).toBe('product_not_found');
  });
});

describe('a product', () => {
  it('gets another ETag when a charge begins, which does not make an edit fail', async () => {
    const etag = async () => String((await send('GET', 'admin/products/TEE')).headers.etag);
    const before = await etag();
    expect(await etag()).toBe(before);
    await app
      .get(Database)
      .rows(`UPDATE reservations SET status = 'pinned' WHERE order_id IS NOT NULL AND status = 'active'`);
    const after = await etag();
    expect(after).not.toBe(before);
    expect(after.split('.')[0]).toBe(before.split('.')[0]);
  });
});

describe('a release over HTTP', () => {
  it('answers a count with 200, a start with 202 and Location, and a repeated start with the same release', async () => {
    const counted = await send('POST', 'admin/reservations/release', { filter: { sku: 'TEE', customerId: 'cus_43' }, dryRun: true }); // prettier-ignore
    expect(counted.statusCode).toBe(200);
    const { token, reservations } = counted.json<{ token: string; reservations: number }>();
    expect(reservations).toBe(1);
    const body = { token, reason: 'wrong price' };
    const begun = await send('POST', 'admin/reservations/release', body);
    expect([begun.statusCode, begun.headers['retry-after']]).toEqual([202, '1']);
    const again = await send('POST', 'admin/reservations/release', body);
    expect([again.statusCode, again.headers['idempotent-replayed']]).toEqual([202, 'true']);

    const place = String(begun.headers.location).replace('/v1/', '');
    let release: { status: string; released: number };
    do release = await get(place);
    while (release.status === 'running');
    expect(release).toMatchObject({ status: 'done', released: 1, handled: 1, endedAt: expect.any(String) });
    expect((await get('admin/reservations/releases')).data).toEqual([release]);
  });
});

describe('the audit log', () => {
  it('shows actor, action, reason, before and after, and is filtered by any of them', async () => {
    await send('POST', 'admin/products/TEE/adjustments', { delta: 5, reason: 'second pallet' });
    const { data } = await get('admin/actions?action=stock.adjust');
    expect(data).toMatchObject([
      {
        object: 'action',
        actor: 'bootstrap-admin',
        action: 'stock.adjust',
        objectType: 'product',
        objectId: 'TEE',
        reason: 'second pallet',
        before: { onHand: 50 },
        after: { onHand: 55 },
      },
    ]);
    expect(data[0].id).toMatch(/^act_/);
    const actions = async (query: string) =>
      (await get(`admin/actions?${query}`)).data.map((row: any) => row.action);
    expect(await actions('objectId=TEE')).toEqual(['stock.adjust', 'product.create']);
    expect(await actions('objectType=product&action=product.create')).toEqual(['product.create']);
    expect(await actions('actor=nobody')).toEqual([]);
    expect(await actions(`from=${data[0].at}`)).toEqual(['stock.adjust']);
    expect(await actions(`objectId=TEE&to=${data[0].at}`)).toEqual(['product.create']);
    const first = await get('admin/actions?objectId=TEE&limit=1');
    const second = await get(`admin/actions?objectId=TEE&limit=1&cursor=${first.nextCursor}`);
    expect([first.data[0].action, second.data[0].action]).toEqual(['stock.adjust', 'product.create']);
  });
});

describe('the search', () => {
  it.each([
    ['a SKU', () => 'TEE', () => ({ kind: 'product', id: 'TEE', label: 'T-shirt, black' })],
    ['the first letters of a SKU', () => 'te', () => ({ kind: 'product', id: 'TEE' })],
    ["a part of a product's name", () => 'BLACK', () => ({ kind: 'product', id: 'TEE' })],
    ['an order', () => order.id, () => ({ kind: 'order', id: order.id, label: 'pending, cus_42' })],
    ['a reservation', () => reservation.id, () => ({ kind: 'reservation', id: reservation.id })],
    [
      'a customer',
      () => 'cus_42',
      () => ({ kind: 'customer', id: 'cus_42', label: '1 order, 1 reservation', orders: 1, reservations: 1 }),
    ],
    [
      'an order by its short form',
      () => `ord_…${order.id.slice(-4)}`,
      () => ({ kind: 'order', id: order.id }),
    ],
    [
      'a reservation by its short form, with dots and in capitals',
      () => `RSV_...${reservation.id.slice(-4).toUpperCase()}`,
      () => ({ kind: 'reservation', id: reservation.id }),
    ],
    [
      'an order by more than its last letters',
      () => `…${order.id.slice(-12)}`,
      () => ({ kind: 'order', id: order.id }),
    ],
    ['an order by its last four letters', () => order.id.slice(-4), () => ({ kind: 'order', id: order.id })],
    [
      'an order by the prefix that all ids of its minute share',
      () => order.id.slice(0, 9),
      () => ({ kind: 'order', id: order.id }),
    ],
    ['an order by a prefix of its id', () => order.id.slice(0, -3), () => ({ kind: 'order', id: order.id })],
  ])('finds %s', async (_, q, found) => {
    expect((await get(`admin/find?q=${encodeURIComponent(q())}`)).data).toMatchObject([found()]);
  });

  it('finds an order by the reference of its payment and by the key that its shop sent', async () => {
    const db = app.get(Database);
    const [{ id } = { id: '' }] = await db.rows<{ id: string }>(`SELECT id FROM orders`);
    await db.rows(
      `INSERT INTO payment_operations (id, order_id, kind, status, amount, currency, provider_reference, created_at, settled_at)
       VALUES (gen_random_uuid(), $1, 'authorize', 'approved', 1999, 'EUR', 'pi_42', clock_timestamp(), clock_timestamp())`,
      [id],
    );
    expect((await get('admin/find?q=pi_42')).data).toMatchObject([{ kind: 'order', id: order.id }]);
    await db.rows(`UPDATE idempotency_keys SET key = 'cart-7' WHERE operation = 'orders'`);
    expect((await get('admin/find?q=cart-7')).data).toMatchObject([{ kind: 'order', id: order.id }]);
    const [operation] = await db.rows<{ id: string }>(`UPDATE payment_operations SET id = $1 RETURNING id`, [
      newId(),
    ]);
    const key = publicId('pay', operation!.id);
    for (const q of [key, `pay_…${key.slice(-4)}`, `${order.id}:authorize:1`, `${order.id}:refund:2`])
      expect((await get(`admin/find?q=${encodeURIComponent(q)}`)).data).toMatchObject([
        { kind: 'order', id: order.id },
      ]);
    await db.rows(`DELETE FROM payment_operations`);
  });

  it('finds nothing for an unknown text', async () => {
    expect(await get('admin/find?q=nothing-of-this-name')).toEqual({ object: 'list', data: [] });
    for (const q of ['ord_01jd3v7q8ne05v7c0kq1e5m9tz', 'ord_…zzzz', 'ord_…uuuu', 'rsv_00000', '....', 'zzzz'])
      expect({ q, data: (await get(`admin/find?q=${encodeURIComponent(q)}`)).data }).toEqual({ q, data: [] });
  });
});

describe('the stream', () => {
  const value = (topic: string) => app.get(StreamTopics).find(topic)!() as Promise<any>;

  it('offers the topics of the operator’s pages, with the values of the calls', async () => {
    expect(await value(`order:${order.id}`)).toMatchObject({ object: 'saga', orderId: order.id });
    expect(await value('product:TEE')).toMatchObject({ product: { sku: 'TEE' }, returning: { sku: 'TEE' } });
    expect(await value('review')).toMatchObject({
      counts: { stuck: 0, unknown: 0, dead_letter: 0 },
      data: [],
    });
    const { data, matching } = await value('reservations:status=active,pinned&sku=TEE&limit=1');
    expect([data.length, matching]).toEqual([1, 1]);
  });

  it.each(['order:ord_x', 'product:NONE', 'reservations:status=lost'])(
    'refuses an unknown topic: %s',
    async (topic) => {
      await expect(value(topic)).rejects.toMatchObject({
        status: expect.any(Number),
        code: expect.any(String),
      });
    },
  );
});
