import { type IncomingHttpHeaders, type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { Webhook } from 'standardwebhooks';
import {
  CursorTooOld,
  Holdfast,
  HoldfastProblem,
  InsufficientStock,
  NotOnSale,
  OutcomeUnknown,
  type Settings,
  Unavailable,
  WebhookNotVerified,
  problemClasses,
  verifyWebhook,
} from '../../packages/client/src/client';

/** The client against a server that answers as a script says. test/e2e/example-shop.spec.ts has it against the service. */

interface Seen {
  method: string;
  url: string;
  headers: IncomingHttpHeaders;
  body: string;
}
type Reply = (response: ServerResponse, seen: Seen) => unknown;

let server: Server;
let seen: Seen[];
/** One per request, in order; the last for all that follow. */
let script: Reply[];

beforeAll(async () => {
  server = createServer((request, response) => {
    const { method = '', url = '', headers } = request;
    void text(request).then((body) => {
      const one = { method, url, headers, body };
      seen.push(one);
      (script.length > 1 ? script.shift() : script[0])!(response, one);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
beforeEach(() => (seen = []));
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const client = (settings: Partial<Settings> = {}) => {
  const { port } = server.address() as AddressInfo;
  return new Holdfast({ url: `http://127.0.0.1:${port}/`, apiKey: 'hf_test', ...settings });
};
const json =
  (status: number, body: object, headers: Record<string, string> = {}): Reply =>
  (response) =>
    response
      .writeHead(status, {
        'content-type': status < 400 ? 'application/json' : 'application/problem+json; charset=utf-8',
        ...headers,
      })
      .end(JSON.stringify(body));
const cut: Reply = (response) => response.destroy();
const silence: Reply = () => undefined;
const problem = (status: number, code: string, more: object = {}, headers: Record<string, string> = {}) =>
  json(status, { code, status, detail: `It was ${code}.`, retryable: false, ...more }, headers);
const unavailable = problem(503, 'unavailable', { retryable: true }, { 'retry-after': '0' });
const proxyPage: Reply = (response) =>
  response.writeHead(502, { 'content-type': 'text/html' }).end('<h1>Bad gateway</h1>');
const order = (status: string, payment: object = {}) => ({
  id: 'ord_1',
  object: 'order',
  status,
  payment: { status: 'none', retryUntil: null, ...payment },
  saga: { status: 'running' },
});
const placed = json(201, order('placed'));
const wish = { customerId: 'c', paymentMethod: 'pm_card_visa', lines: [{ sku: 'TEE', quantity: 1 }] };
const rejectionOf = (promise: Promise<unknown>): Promise<any> =>
  promise.then(
    (value) => Promise.reject(new Error(`It resolved to ${JSON.stringify(value)}`)),
    (error: unknown) => error,
  );
const keys = () => seen.map(({ headers }) => headers['idempotency-key']);

describe('placeOrder of @holdfast/client', () => {
  it('sends the same key and body again after a cut connection, a silent one, a 503 and a page of a proxy', async () => {
    script = [cut, silence, unavailable, proxyPage, placed];
    const holdfast = client({ tryMs: 500, waitSeconds: 1 });

    expect(await holdfast.placeOrder(wish, { deadlineMs: 600_000 })).toMatchObject({ status: 'placed' });
    // On a busy machine the good answer may be late too.
    expect(seen.length).toBeGreaterThanOrEqual(5);
    expect(new Set(keys()).size).toBe(1);
    expect(new Set(seen.map(({ body }) => body))).toEqual(new Set([JSON.stringify(wish)]));
    expect(seen[0]!.headers).toMatchObject({
      authorization: 'Bearer hf_test',
      'content-type': 'application/json',
      prefer: 'wait=1',
    });
  });

  it('makes one key per intent, and takes the one of the caller', async () => {
    script = [placed];
    await client().placeOrder(wish);
    await client().placeOrder(wish, { idempotencyKey: undefined });
    await client().placeOrder(wish, { idempotencyKey: 'basket-17' });

    const [first, second, own] = keys();
    expect(first).toMatch(/^[0-9a-f-]{36}$/);
    expect(second).not.toBe(first);
    expect(second).toMatch(/^[0-9a-f-]{36}$/);
    expect(own).toBe('basket-17');
  });

  it('throws a refusal by its class with its facts, and does not ask again', async () => {
    const shortfalls = [{ sku: 'TEE', requested: 2, available: 1 }];
    script = [problem(409, 'insufficient_stock', { retryable: true, shortfalls })];
    const error = await rejectionOf(client().placeOrder(wish));

    expect(error).toBeInstanceOf(InsufficientStock);
    expect(error).toMatchObject({ name: 'InsufficientStock', code: 'insufficient_stock', shortfalls });
    expect(seen).toHaveLength(1);
  });

  it('asks again after a refusal that waiting alone may change', async () => {
    const soon = { 'retry-after': '0' };
    script = [problem(409, 'payment_in_progress', { retryable: true }, soon), placed];

    expect(await client().payOrder('ord_1', { method: 'pm_card_visa' })).toMatchObject({ status: 'placed' });
    expect(seen).toHaveLength(2);
  });

  it('throws a refusal at once whose Retry-After is after the deadline', async () => {
    const facts = { retryable: true, startsInSeconds: 86_400 };
    script = [problem(409, 'not_on_sale', facts, { 'retry-after': '86400' })];
    const error = await rejectionOf(client().placeOrder(wish));

    expect(error).toBeInstanceOf(NotOnSale);
    expect(error).toMatchObject({ startsInSeconds: 86_400, retryAfterSeconds: 86_400 });
  });

  it.each([
    ['nobody answers', silence],
    ['every connection is cut', cut],
    ['every answer is a 503', unavailable],
  ])('says that the outcome is unknown, with the key, when %s until the deadline', async (_, reply) => {
    script = [reply];
    const options = { idempotencyKey: 'basket-18', deadlineMs: 400 };
    const error = await rejectionOf(client().placeOrder(wish, options));

    expect(error).toBeInstanceOf(OutcomeUnknown);
    expect(error).toMatchObject({ idempotencyKey: 'basket-18', order: undefined });
  });

  it('resolves to the order of a decline, ended or waiting for another card', async () => {
    const waits = order('pending', { status: 'declined', retryUntil: '2026-12-01T10:00:00.000Z' });
    script = [problem(402, 'payment_declined', { order: waits })];
    expect(await client().placeOrder(wish)).toEqual(waits);
    script = [problem(402, 'payment_declined', { order: order('rejected') })];
    expect(await client().placeOrder(wish)).toMatchObject({ status: 'rejected' });
  });

  it('resolves when the buyer must authenticate', async () => {
    script = [json(202, order('pending', { status: 'requires_action' }))];
    expect(await client().placeOrder(wish)).toMatchObject({ status: 'pending' });
    expect(seen).toHaveLength(1);
  });

  it('reads an order that is under way until it has ended', async () => {
    const pending = json(202, order('pending'));
    script = [pending, cut, pending, json(200, order('placed'))];

    expect(await client().placeOrder(wish)).toMatchObject({ status: 'placed' });
    expect(seen.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'POST /v1/orders',
      ...Array(3).fill('GET /v1/orders/ord_1'),
    ]);
  });

  it('gives the order as it was last seen when its end is not known at the deadline', async () => {
    script = [json(202, order('pending'))];
    const options = { idempotencyKey: 'basket-19', deadlineMs: 3_000 };
    const error = await rejectionOf(client().placeOrder(wish, options));

    expect(error).toBeInstanceOf(OutcomeUnknown);
    expect(error).toMatchObject({ idempotencyKey: 'basket-19', order: { id: 'ord_1', status: 'pending' } });
  });

  it('sends once and gives the raw refusal without retries', async () => {
    script = [unavailable];
    expect(await rejectionOf(client({ retries: false }).placeOrder(wish))).toBeInstanceOf(Unavailable);
    script = [cut];
    expect(await rejectionOf(client({ retries: false }).placeOrder(wish))).toBeInstanceOf(OutcomeUnknown);
    expect(seen).toHaveLength(2);
  });

  it('stops when its signal is aborted', async () => {
    const stop = new AbortController();
    script = [() => stop.abort(new Error('The buyer has left.'))];
    const error = await rejectionOf(client().placeOrder(wish, { signal: stop.signal }));

    expect(error.message).toBe('The buyer has left.');
    expect(seen).toHaveLength(1);
  });

  it('follows no redirect, which could make a GET of its POST', async () => {
    script = [(response) => response.writeHead(301, { location: '/elsewhere' }).end()];
    expect(await rejectionOf(client().placeOrder(wish))).toMatchObject({ code: 'unexpected_answer' });
    expect(seen).toHaveLength(1);
  });
});

describe('cancelOrder of @holdfast/client', () => {
  it('resolves when the stock is back on sale', async () => {
    const cancelled = { ...order('cancelled'), saga: { status: 'compensated' } };
    script = [json(202, order('placed')), json(200, cancelled)];
    expect(await client().cancelOrder('ord_1')).toMatchObject({ status: 'cancelled' });
    expect(seen.map(({ method }) => method)).toEqual(['POST', 'GET']);
  });
});

const event = (nth: number) => ({
  id: `evt_${nth}`,
  type: 'order.placed',
  aggregateId: 'ord_1',
  sequence: nth,
});
const page = (nths: number[], nextCursor: string, hasMore = false) =>
  json(200, { object: 'list', data: nths.map(event), hasMore, nextCursor });

describe('events of @holdfast/client', () => {
  it('go on at the last page after broken connections, and wait for what is new', async () => {
    script = [page([1, 2], 'two'), cut, unavailable, page([], 'two'), page([3], 'three')];
    const feed = client().events({ cursor: 'start', types: ['order.*', 'reservation.expired'], limit: 2 });
    const ids: string[] = [];
    const cursors: (string | undefined)[] = [];
    for await (const { id } of feed) {
      cursors.push(feed.cursor);
      if (ids.push(id) === 3) break;
    }

    expect(ids).toEqual(['evt_1', 'evt_2', 'evt_3']);
    // A page counts as seen when its last event was handled.
    expect(cursors).toEqual(['start', 'start', 'two']);
    expect(seen.map(({ url }) => new URL(url, 'http://x').searchParams.get('cursor'))).toEqual([
      'start',
      ...Array(4).fill('two'),
    ]);
    expect(new URL(seen[0]!.url, 'http://x').searchParams.get('types')).toBe('order.*,reservation.expired');
    expect(seen[0]!.headers.prefer).toBe('wait=30');
  });

  it('outlive a service that is away for longer than a call may take', async () => {
    script = [silence, silence, silence, page([1], 'one')];
    for await (const { id } of client({ deadlineMs: 100 }).events()) {
      expect(id).toBe('evt_1');
      break;
    }
    expect(seen.length).toBeGreaterThanOrEqual(4);
  });

  it('end when there are no more, if they do not follow, with the cursor of the end', async () => {
    script = [page([1, 2], 'two', true), page([3], 'three')];
    const feed = client().events({ follow: false });
    const pages: string[][] = [];
    for await (const { data } of feed.pages()) pages.push(data.map(({ id }) => id));

    expect(pages).toEqual([['evt_1', 'evt_2'], ['evt_3']]);
    expect(feed.cursor).toBe('three');
    expect(seen[0]!.headers.prefer).toBeUndefined();
  });

  it('throw CursorTooOld with the oldest cursor', async () => {
    script = [problem(410, 'cursor_too_old', { oldestCursor: 'oldest' })];
    const first = client().events({ cursor: 'old' })[Symbol.asyncIterator]().next();
    const error = await rejectionOf(first);
    expect(error).toBeInstanceOf(CursorTooOld);
    expect(error).toMatchObject({ oldestCursor: 'oldest' });
  });

  it('end while they wait when their signal is aborted', async () => {
    const stop = new AbortController();
    script = [() => stop.abort()];
    const got: unknown[] = [];
    for await (const one of client().events({ signal: stop.signal })) got.push(one);
    expect(got).toEqual([]);
  });
});

describe('verifyWebhook of @holdfast/client', () => {
  const [secret, other] = ['c2VjcmV0IG9mIHRoZSBzaG9w', 'YW5vdGhlciBzZWNyZXQgZW50aXJlbHk='].map(
    (bytes) => `whsec_${bytes}`,
  ) as [string, string];
  const body = JSON.stringify({ id: 'evt_1', type: 'order.placed', data: { note: 'Gruß' } });
  const signed = (by = secret, at = new Date()) => ({
    'webhook-id': 'evt_1',
    'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
    'webhook-signature': new Webhook(by).sign('evt_1', at, body),
  });

  it('gives the event of signed bytes, whatever holds the headers', () => {
    for (const headers of [signed(), new Headers(signed()), { ...signed(), host: undefined, accept: ['a'] }])
      for (const raw of [body, Buffer.from(body), new Uint8Array(Buffer.from(body))])
        expect(verifyWebhook(raw, headers, secret)).toMatchObject({ id: 'evt_1', data: { note: 'Gruß' } });
  });

  it('takes either secret while they change', () => {
    expect(verifyWebhook(body, signed(other), [secret, other])).toMatchObject({ id: 'evt_1' });
    const both = `${signed()['webhook-signature']} ${signed(other)['webhook-signature']}`;
    expect(verifyWebhook(body, { ...signed(), 'webhook-signature': both }, other)).toMatchObject({
      id: 'evt_1',
    });
  });

  it.each([
    ['another secret', body, signed(other), secret],
    ['no secret at all', body, signed(), []],
    ['a changed body', body.replace('placed', 'refunded'), signed(), secret],
    ['another id', body, { ...signed(), 'webhook-id': 'evt_2' }, secret],
    ['a signature of an hour ago', body, signed(secret, new Date(Date.now() - 3_600_000)), secret],
    ['no headers', body, {}, secret],
  ])('refuses %s', (_, raw, headers, secrets) => {
    expect(() => verifyWebhook(raw, headers as Record<string, string>, secrets)).toThrow(WebhookNotVerified);
  });
});

describe('problem classes of @holdfast/client', () => {
  it.each(Object.entries(problemClasses))('name the code %s', (code, ofCode) => {
    const inSnakeCase = ofCode.name.replace(/(?<=.)[A-Z]/g, (letter) => `_${letter}`).toLowerCase();
    expect([inSnakeCase, ofCode.prototype instanceof HoldfastProblem]).toEqual([code, true]);
  });
});
